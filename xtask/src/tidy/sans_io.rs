//! Modules that take values and give values: neither async nor a clock, a task, a channel or a lock.

use std::collections::BTreeSet;

use super::{
    Files, Finding,
    source::{self, is_word},
};

/// The file that holds the tables.
const TABLE: &str = "xtask/src/tidy/sans_io.rs";

/// Beginnings of the paths of these modules. Their tests are free.
const MODULES: &[&str] = &[
    "crates/wamp-messages/src/",
    "crates/wamp-serializers/src/",
    "crates/wamp-core/src/",
    "crates/wamp-auth/src/",
    "crates/wamp-router/src/broker",
    "crates/wamp-router/src/dealer",
    "crates/wamp-router/src/realm",
];

/// What they must not say. A word stands for itself alone: `async` is not found in `async_trait`.
const WORDS: &[&str] = &[
    "async",
    ".await",
    "Instant::now",
    "SystemTime::now",
    "spawn(",
    "mpsc",
    "oneshot",
    "Mutex",
    "RwLock",
];

/// Where one of the words is right, and why.
const EXCEPTIONS: &[Exception] = &[
    Exception {
        path: "crates/wamp-core/src/memory.rs",
        word: "Mutex",
        reason: "it is a transport and no protocol: its two ends share their queues",
    },
    Exception {
        path: "crates/wamp-core/src/outbox.rs",
        word: "Mutex",
        reason: "any task puts messages in and one takes them out; a leaf in the lock order",
    },
];

struct Exception {
    path: &'static str,
    word: &'static str,
    reason: &'static str,
}

pub(super) fn check(files: &Files) -> Vec<Finding> {
    let mut findings = modules(files);
    findings.extend(
        EXCEPTIONS
            .iter()
            .filter_map(|exception| unused(exception, files)),
    );
    findings
}

/// An exception that nothing needs any more would let the word back in unseen.
fn unused(exception: &Exception, files: &Files) -> Option<Finding> {
    let Exception { path, word, reason } = exception;
    let used = files
        .get(*path)
        .is_some_and(|text| source::code(text).lines().any(|line| says(line, word)));
    (!used).then(|| {
        Finding::error(
            TABLE,
            1,
            format!("`{word}` is excepted in {path} (\"{reason}\") and is not there"),
            "take the exception out",
        )
    })
}

fn modules(files: &Files) -> Vec<Finding> {
    let sources: Vec<(&str, &str)> = files
        .iter()
        .filter(|(path, _)| {
            path.ends_with(".rs") && MODULES.iter().any(|module| path.starts_with(module))
        })
        .map(|(path, text)| (path.as_str(), text.as_str()))
        .collect();
    let tests: BTreeSet<String> = sources
        .iter()
        .flat_map(|(path, text)| test_paths(path, text))
        .collect();

    let mut findings = Vec::new();
    for (path, text) in sources {
        if tests.iter().any(|test| path.starts_with(test.as_str())) {
            continue;
        }
        for (at, line) in source::code(text).lines().enumerate() {
            for word in WORDS
                .iter()
                .filter(|word| says(line, word) && !is_excepted(path, word))
            {
                findings.push(Finding::error(
                    path,
                    at + 1,
                    format!("`{word}` in a module without I/O"),
                    "take the value as a parameter, give the effect back, or argue an exception in \
                     xtask/src/tidy/sans_io.rs",
                ));
            }
        }
    }
    findings
}

fn is_excepted(path: &str, word: &str) -> bool {
    EXCEPTIONS
        .iter()
        .any(|exception| exception.path == path && exception.word == word)
}

/// Whether `line` contains `word`, not as part of a longer one.
fn says(line: &str, word: &str) -> bool {
    let line_octets = line.as_bytes();
    line.match_indices(word).any(|(at, _)| {
        let before = at.checked_sub(1).map(|at| line_octets[at]);
        let after = line_octets.get(at + word.len()).copied();
        let joins = |outer: Option<u8>, inner: Option<u8>| {
            outer.is_some_and(is_word) && inner.is_some_and(is_word)
        };
        !joins(before, word.bytes().next()) && !joins(after, word.bytes().last())
    })
}

/// Beginnings of the paths of the modules that the file at `path` declares for tests only.
fn test_paths(path: &str, text: &str) -> Vec<String> {
    let stem = path.strip_suffix(".rs").unwrap_or(path);
    let dir = match stem.rsplit_once('/') {
        Some((dir, "lib" | "main" | "mod")) => dir,
        _ => stem,
    };
    source::test_modules(text)
        .iter()
        .flat_map(|name| [format!("{dir}/{name}.rs"), format!("{dir}/{name}/")])
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(files: &[(&str, &str)]) -> Vec<String> {
        let files = files
            .iter()
            .map(|(path, text)| ((*path).to_owned(), (*text).to_owned()))
            .collect();
        modules(&files).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn each_word_is_found_at_its_line() {
        for word in WORDS {
            let found = found(&[(
                "crates/wamp-core/src/x.rs",
                &format!("fn f() {{\n    {word}\n}}\n"),
            )]);
            assert_eq!(found.len(), 1, "{word}: {found:?}");
            assert!(
                found[0].starts_with("crates/wamp-core/src/x.rs:2: "),
                "{found:?}"
            );
        }
    }

    #[test]
    fn longer_words_comments_and_other_modules_are_left_alone() {
        let text = "use async_trait::async_trait; // never a Mutex\nlet my_mutex = respawn(x);\n";
        assert_eq!(
            found(&[("crates/wamp-router/src/dealer/calls.rs", text)]),
            [""; 0]
        );
        assert_eq!(
            found(&[("crates/wamp-router/src/driver.rs", "async fn run() {}")]),
            [""; 0]
        );
    }

    #[test]
    fn the_outbox_may_lock_but_not_spawn() {
        let found = found(&[(
            "crates/wamp-core/src/outbox.rs",
            "let lock = Mutex::new(());\nspawn(f);\n",
        )]);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].contains("spawn("), "{found:?}");
    }

    #[test]
    fn modules_for_tests_are_free_where_they_are_declared_so() {
        let files = [
            (
                "crates/wamp-router/src/broker.rs",
                "#[cfg(test)]\nmod simulation;\nmod real;\n",
            ),
            (
                "crates/wamp-router/src/broker/simulation.rs",
                "Instant::now()",
            ),
            (
                "crates/wamp-router/src/broker/simulation/peer.rs",
                "Instant::now()",
            ),
            ("crates/wamp-router/src/broker/real.rs", "Instant::now()"),
        ];
        let found = found(&files);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(
            found[0].starts_with("crates/wamp-router/src/broker/real.rs:1: "),
            "{found:?}"
        );
    }

    #[test]
    fn an_exception_that_nothing_needs_is_found() {
        let exception = Exception {
            path: "a.rs",
            word: "Mutex",
            reason: "shared",
        };
        let file = |text: &str| Files::from([("a.rs".to_owned(), text.to_owned())]);
        assert!(unused(&exception, &file("Mutex::new(1)")).is_none());
        assert!(unused(&exception, &file("// Mutex::new(1)")).is_some());
        assert!(unused(&exception, &Files::new()).is_some());
    }
}
