//! Which crate depends on which, and how that is declared.

use std::collections::BTreeSet;

use super::{Files, Finding};
use crate::metadata::{Package, Workspace};

/// What each crate may depend on. It may also depend on what its dependencies may.
///
/// A new row or a new edge is argued in the change that draws it.
const EDGES: &[(&str, &[&str])] = &[
    ("wamp-messages", &[]),
    ("wamp-serializers", &["wamp-messages"]),
    ("wamp-core", &["wamp-messages", "wamp-serializers"]),
    ("wamp-net", &["wamp-core"]),
    ("wamp-transport-websocket", &["wamp-net"]),
    ("wamp-transport-rawsocket", &["wamp-net"]),
    // For those who write a transport: it knows the trait, and no transport.
    ("wamp-transport-contract", &["wamp-core"]),
    ("wamp-auth", &["wamp-messages"]),
    ("wamp-cryptobox", &["wamp-messages", "wamp-serializers"]),
    ("wamp-session", &["wamp-core", "wamp-auth"]),
    ("wamp-router", &["wamp-core", "wamp-auth"]),
    ("wamp-macros", &[]),
    (
        "wamp",
        &[
            "wamp-session",
            "wamp-router",
            "wamp-transport-websocket",
            "wamp-transport-rawsocket",
            "wamp-cryptobox",
            "wamp-macros",
        ],
    ),
    ("wamp-cli", &["wamp"]),
    // Measures what users get, so it uses what they use.
    ("wamp-bench", &["wamp"]),
    ("xtask", &[]),
];

/// What must not be below these crates, however far.
const BANNED_BELOW: &[(&str, &str)] = &[
    ("wamp-messages", "tokio"),
    ("wamp-serializers", "tokio"),
    ("wamp-core", "tokio"),
];

const ROOT_MANIFEST: &str = "Cargo.toml";

pub(super) fn check(workspace: &Workspace, files: &Files) -> Vec<Finding> {
    let mut findings = Vec::new();
    for package in &workspace.members {
        internal(package, files, &mut findings);
        runtime(workspace, package, &mut findings);
        declared_once(package, files, &mut findings);
    }
    declared_whole(workspace, files, &mut findings);
    findings
}

/// Dependencies of tests are free: they draw no edge in what users build.
fn internal(package: &Package, files: &Files, findings: &mut Vec<Finding>) {
    let Some(allowed) = allowed(&package.name) else {
        findings.push(Finding::error(
            &package.manifest,
            1,
            format!("the crate {} is not in the table of edges", package.name),
            "add its row to xtask/src/tidy/edges.rs and say why it is needed",
        ));
        return;
    };
    for dependency in &package.internal_dependencies {
        if !dependency.only_for_tests && !allowed.contains(dependency.name.as_str()) {
            findings.push(Finding::error(
                &package.manifest,
                line_of(files, &package.manifest, &dependency.name),
                format!("{} must not depend on {}", package.name, dependency.name),
                "move the code, or argue the new edge and add it to xtask/src/tidy/edges.rs",
            ));
        }
    }
}

/// Everything that the table lets `name` depend on, directly or by way of others.
fn allowed(name: &str) -> Option<BTreeSet<&'static str>> {
    let row = |name: &str| EDGES.iter().find(|(of, _)| *of == name).map(|(_, to)| *to);
    let mut open = row(name)?.to_vec();
    let mut allowed = BTreeSet::new();
    while let Some(next) = open.pop() {
        if allowed.insert(next) {
            open.extend(row(next).unwrap_or_default());
        }
    }
    Some(allowed)
}

fn runtime(workspace: &Workspace, package: &Package, findings: &mut Vec<Finding>) {
    for (_, banned) in BANNED_BELOW
        .iter()
        .filter(|(name, _)| *name == package.name)
    {
        if let Some(way) = workspace.way(package, banned) {
            findings.push(Finding::error(
                &package.manifest,
                1,
                format!("{banned} is below {} ({})", package.name, way.join(" -> ")),
                "drop the dependency, or the feature of it that brings the runtime",
            ));
        }
    }
}

/// Every dependency of a member is inherited from the workspace.
fn declared_once(package: &Package, files: &Files, findings: &mut Vec<Finding>) {
    let manifest = files.get(&package.manifest).map_or("", String::as_str);
    let mut in_dependencies = false;
    for (at, line) in manifest.lines().enumerate() {
        if let Some(section) = line.strip_prefix('[') {
            in_dependencies = section
                .trim_end()
                .trim_end_matches(']')
                .ends_with("dependencies");
        } else if in_dependencies
            && line.starts_with(|first: char| first.is_ascii_alphanumeric())
            && !line.contains("workspace = true")
        {
            findings.push(Finding::error(
                &package.manifest,
                at + 1,
                format!(
                    "`{}` is declared outside the workspace's table",
                    line.trim()
                ),
                "declare it in [workspace.dependencies] and write `workspace = true` here",
            ));
        }
    }
}

/// Dependencies between members have a path, for this workspace, and a version, for all others.
fn declared_whole(workspace: &Workspace, files: &Files, findings: &mut Vec<Finding>) {
    let root = files.get(ROOT_MANIFEST).map_or("", String::as_str);
    let table = root
        .lines()
        .enumerate()
        .skip_while(|(_, line)| line.trim() != "[workspace.dependencies]")
        .skip(1);
    for (at, line) in table.take_while(|(_, line)| !line.starts_with('[')) {
        let name = line.split(['=', '.', ' ']).next().unwrap_or_default();
        let Some(member) = workspace.members.iter().find(|member| member.name == name) else {
            continue;
        };
        let version = format!("version = \"{}\"", member.version);
        for part in ["path = \"", version.as_str()] {
            if !line.contains(part) {
                findings.push(Finding::error(
                    ROOT_MANIFEST,
                    at + 1,
                    format!(
                        "the dependency on {name} lacks `{}`",
                        part.trim_end_matches('"')
                    ),
                    "give it both the path and the version that the crate has",
                ));
            }
        }
    }
}

/// The line in which `manifest` declares the dependency `name`.
fn line_of(files: &Files, manifest: &str, name: &str) -> usize {
    let text = files.get(manifest).map_or("", String::as_str);
    let declares = |line: &str| {
        line.strip_prefix(name)
            .is_some_and(|rest| rest.starts_with(['.', ' ', '=']))
    };
    text.lines().position(declares).map_or(1, |at| at + 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metadata::Dependency;

    fn member(name: &str, dependencies: &[&str]) -> Package {
        Package {
            id: format!("id of {name}"),
            name: name.to_owned(),
            version: "0.1.0".to_owned(),
            manifest: format!("crates/{name}/Cargo.toml"),
            internal_dependencies: dependencies
                .iter()
                .map(|name| Dependency {
                    name: (*name).to_owned(),
                    only_for_tests: false,
                })
                .collect(),
            ..Package::default()
        }
    }

    fn messages(findings: &[Finding]) -> Vec<String> {
        findings.iter().map(ToString::to_string).collect()
    }

    fn file(path: &str, text: &str) -> Files {
        Files::from([(path.to_owned(), text.to_owned())])
    }

    #[test]
    fn an_edge_that_the_table_does_not_have_is_found_at_its_line() {
        let files = file(
            "crates/wamp-session/Cargo.toml",
            "[dependencies]\nwamp-core.workspace = true\nwamp-router.workspace = true\n",
        );
        let workspace = Workspace {
            members: vec![member("wamp-session", &["wamp-core", "wamp-router"])],
            ..Workspace::default()
        };
        let found = messages(&check(&workspace, &files));
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(
            found[0].starts_with(
                "crates/wamp-session/Cargo.toml:3: wamp-session must not depend on wamp-router; "
            ),
            "{found:?}"
        );
    }

    #[test]
    fn what_a_dependency_may_depend_on_is_allowed_too_and_tests_are_free() {
        let mut session = member(
            "wamp-session",
            &["wamp-messages", "wamp-serializers", "wamp-auth"],
        );
        session.internal_dependencies.push(Dependency {
            name: "wamp-router".to_owned(),
            only_for_tests: true,
        });
        let workspace = Workspace {
            members: vec![session, member("wamp", &["wamp-net", "wamp-core"])],
            ..Workspace::default()
        };
        assert_eq!(messages(&check(&workspace, &Files::new())), [""; 0]);
    }

    #[test]
    fn a_crate_that_the_table_does_not_know_is_found() {
        let workspace = Workspace {
            members: vec![member("wamp-utils", &[])],
            ..Workspace::default()
        };
        assert!(
            messages(&check(&workspace, &Files::new()))[0]
                .contains("wamp-utils is not in the table")
        );
    }

    #[test]
    fn a_runtime_far_below_is_found_with_the_way_to_it() {
        let own = |text: &str| text.to_owned();
        let core = member("wamp-core", &[]);
        let workspace = Workspace {
            names: [
                ("id of wamp-core", "wamp-core"),
                ("m", "middle"),
                ("t", "tokio"),
            ]
            .map(|(id, name)| (own(id), own(name)))
            .into(),
            edges: [
                (core.id.clone(), vec![own("m")]),
                (own("m"), vec![own("t")]),
            ]
            .into(),
            members: vec![core],
        };
        let found = messages(&check(&workspace, &Files::new()));
        assert!(
            found[0].contains("(wamp-core -> middle -> tokio)"),
            "{found:?}"
        );
    }

    #[test]
    fn a_version_of_its_own_is_found_in_any_table_of_dependencies() {
        let text = "[package]\nversion = \"1\"\n[dependencies]\nbytes.workspace = true\n[target.'cfg(unix)'.dev-dependencies]\nlibc = \"0.2\"\n";
        let workspace = Workspace {
            members: vec![member("wamp-core", &[])],
            ..Workspace::default()
        };
        let found = messages(&check(
            &workspace,
            &file("crates/wamp-core/Cargo.toml", text),
        ));
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(
            found[0].starts_with("crates/wamp-core/Cargo.toml:6: `libc"),
            "{found:?}"
        );
    }

    #[test]
    fn an_internal_dependency_without_path_or_with_another_version_is_found() {
        let text = "[workspace.dependencies]\nwamp-core = { version = \"0.1.0\" }\nwamp = { path = \"crates/wamp\", version = \"0.2.0\" }\n";
        let workspace = Workspace {
            members: vec![member("wamp-core", &[]), member("wamp", &[])],
            ..Workspace::default()
        };
        let found = messages(&check(&workspace, &file("Cargo.toml", text)));
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(
            found[0].starts_with("Cargo.toml:2: ") && found[0].contains("path"),
            "{found:?}"
        );
        assert!(
            found[1].starts_with("Cargo.toml:3: ") && found[1].contains("0.1.0"),
            "{found:?}"
        );
    }
}
