//! What `cargo metadata` knows of the workspace, as far as the tasks need it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use anyhow::{Context, Result};
use serde_json::Value;
use xshell::{Shell, cmd};

/// The members of the workspace, and the graph of everything that they are built from.
#[derive(Debug, Default)]
pub(crate) struct Workspace {
    pub(crate) members: Vec<Package>,
    /// Name of each package in the graph, by its id.
    pub(crate) names: BTreeMap<String, String>,
    /// Normal dependencies (neither of tests nor of build scripts) with all features on, by id.
    pub(crate) edges: BTreeMap<String, Vec<String>>,
}

/// One member.
#[derive(Clone, Debug, Default)]
pub(crate) struct Package {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) version: String,
    /// Relative to the root of the workspace.
    pub(crate) manifest: String,
    pub(crate) features: BTreeMap<String, Vec<String>>,
    pub(crate) internal_dependencies: Vec<Dependency>,
}

/// A dependency of one member on another.
#[derive(Clone, Debug)]
pub(crate) struct Dependency {
    pub(crate) name: String,
    pub(crate) only_for_tests: bool,
}

impl Workspace {
    pub(crate) fn load(sh: &Shell) -> Result<Self> {
        let text = cmd!(sh, "cargo metadata --format-version 1 --all-features --locked")
            .quiet()
            .read()
            .context("`cargo metadata --locked` failed; if a manifest changed, build once to update Cargo.lock")?;
        let json = serde_json::from_str(&text).context("cargo metadata gave no JSON")?;
        Ok(Self::parse(&json))
    }

    fn parse(json: &Value) -> Self {
        let root = format!("{}/", text(&json["workspace_root"]));
        let members: BTreeSet<&str> = list(&json["workspace_members"]).iter().map(text).collect();
        let mut workspace = Self::default();
        for package in list(&json["packages"]) {
            let id = text(&package["id"]);
            workspace
                .names
                .insert(id.to_owned(), text(&package["name"]).to_owned());
            if members.contains(id) {
                workspace.members.push(Package::parse(package, &root));
            }
        }
        for node in list(&json["resolve"]["nodes"]) {
            let normal = list(&node["deps"])
                .iter()
                .filter(|dep| {
                    list(&dep["dep_kinds"])
                        .iter()
                        .any(|kind| kind["kind"].is_null())
                })
                .map(|dep| text(&dep["pkg"]).to_owned())
                .collect();
            workspace.edges.insert(text(&node["id"]).to_owned(), normal);
        }
        workspace
    }

    /// The shortest way from the package `from` to one named `to` over normal dependencies, as names.
    pub(crate) fn way(&self, from: &Package, to: &str) -> Option<Vec<String>> {
        let mut queue = VecDeque::from([vec![from.id.as_str()]]);
        let mut seen = BTreeSet::from([from.id.as_str()]);
        while let Some(way) = queue.pop_front() {
            let last = way.last().copied().unwrap_or_default();
            if self.names.get(last).is_some_and(|name| name == to) {
                return Some(
                    way.iter()
                        .filter_map(|id| self.names.get(*id).cloned())
                        .collect(),
                );
            }
            for next in self.edges.get(last).into_iter().flatten() {
                if seen.insert(next) {
                    queue.push_back(way.iter().copied().chain([next.as_str()]).collect());
                }
            }
        }
        None
    }
}

impl Package {
    fn parse(json: &Value, root: &str) -> Self {
        let manifest = text(&json["manifest_path"]);
        let internal_dependencies = list(&json["dependencies"])
            .iter()
            .filter(|dep| dep["path"].is_string())
            .map(|dep| Dependency {
                name: text(&dep["name"]).to_owned(),
                only_for_tests: dep["kind"].as_str() == Some("dev"),
            })
            .collect();
        let features = json["features"].as_object().into_iter().flatten();
        Self {
            id: text(&json["id"]).to_owned(),
            name: text(&json["name"]).to_owned(),
            version: text(&json["version"]).to_owned(),
            manifest: manifest.strip_prefix(root).unwrap_or(manifest).to_owned(),
            features: features
                .map(|(name, on)| {
                    (
                        name.clone(),
                        list(on).iter().map(|on| text(on).to_owned()).collect(),
                    )
                })
                .collect(),
            internal_dependencies,
        }
    }
}

fn list(json: &Value) -> &[Value] {
    json.as_array().map_or(&[], Vec::as_slice)
}

fn text(json: &Value) -> &str {
    json.as_str().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn members_features_and_normal_edges_are_read() {
        let workspace = Workspace::parse(&json!({
            "workspace_root": "/w",
            "workspace_members": ["a"],
            "packages": [
                {
                    "id": "a",
                    "name": "wamp-a",
                    "version": "0.1.0",
                    "manifest_path": "/w/crates/wamp-a/Cargo.toml",
                    "features": { "default": ["json"], "json": [] },
                    "dependencies": [
                        { "name": "wamp-b", "kind": null, "path": "/w/crates/wamp-b" },
                        { "name": "wamp-c", "kind": "dev", "path": "/w/crates/wamp-c" },
                        { "name": "bytes", "kind": null },
                    ],
                },
                { "id": "t", "name": "tokio" },
                { "id": "u", "name": "tokio-util" },
            ],
            "resolve": { "nodes": [
                { "id": "a", "deps": [
                    { "pkg": "t", "dep_kinds": [{ "kind": "dev" }, { "kind": "build" }] },
                    { "pkg": "u", "dep_kinds": [{ "kind": "dev" }, { "kind": null }] },
                ] },
                { "id": "u", "deps": [] },
            ] },
        }));

        let [package] = workspace.members.as_slice() else {
            panic!("{workspace:?}")
        };
        assert_eq!(package.manifest, "crates/wamp-a/Cargo.toml");
        assert_eq!(package.features["default"], ["json"]);
        let internal: Vec<_> = package
            .internal_dependencies
            .iter()
            .map(|dep| (dep.name.as_str(), dep.only_for_tests))
            .collect();
        assert_eq!(internal, [("wamp-b", false), ("wamp-c", true)]);
        assert_eq!(workspace.way(package, "tokio"), None);
        assert_eq!(
            workspace.way(package, "tokio-util").unwrap(),
            ["wamp-a", "tokio-util"]
        );
    }
}
