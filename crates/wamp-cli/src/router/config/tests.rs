mod wrong;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use proptest::prelude::*;
use wamp::SlowConsumers;
use wamp::router::SessionLimits;

use super::*;
use crate::router::SAMPLE;

/// What is found in a document, each as `line:column: text`: errors, or warnings if there are none.
fn problems(text: &str) -> Vec<String> {
    let document = Document::new(text);
    Config::read(&document, Path::new("/etc/wamp"));
    let has_errors = document.has_errors();
    let mut problems = document.into_problems();
    problems.retain(|problem| !has_errors || problem.severity == Severity::Error);
    problems.iter().map(ToString::to_string).collect()
}

/// A document that is in order.
fn read(text: &str) -> Config {
    let document = Document::new(text);
    let config = Config::read(&document, Path::new("/etc/wamp"));
    assert_eq!(document.into_problems(), []);
    config.unwrap()
}

/// What is needed beside what is looked at.
const LISTENER: &str = "[[listener]]\naddress = \"127.0.0.1:1\"\n";
const REALM: &str = "[[realm]]\nname = \"a\"\n";

#[test]
fn every_error_of_a_file_is_told_at_once() {
    let found = problems("[[listener]]\nadress = \"x\"\n[[realm]]\nname = 1\nlimit = {}\n");
    let lines: Vec<_> = found.iter().map(|text| &text[..4]).collect();
    assert_eq!(lines, ["1:1:", "2:1:", "4:8:", "5:1:"], "{found:?}");
}

#[test]
fn a_file_of_nothing_says_what_is_needed() {
    assert_eq!(
        problems(""),
        [
            "1:1: there is no [[listener]], so that nobody could connect",
            "1:1: there is no [[realm]], so that nobody could join",
        ]
    );
}

#[test]
fn the_sample_has_the_defaults() {
    let config = read(SAMPLE);
    let default = ListenerConfig::new(Located::new("127.0.0.1:8080".to_owned(), 0));
    assert_eq!(config.listeners, [default]);
    assert_eq!(config.router, RouterConfig::default());
    assert_eq!(config.log.level(), LogConfig::default().level());
    assert_eq!(config.log.format, Some(LogFormat::Text));
    assert_eq!(config.http, None);
    let realm = &config.realms[0];
    assert!(!realm.strict_uris);
    assert_eq!(realm.slow_consumers, SlowConsumers::default());
    assert_eq!(realm.limits, SessionLimits::default());
}

#[test]
fn a_listener_of_which_nothing_is_said_has_the_options_of_the_library() {
    let listener = ListenerConfig::new(Located::new("127.0.0.1:8080".to_owned(), 0));
    let told = |value: &dyn std::fmt::Debug| format!("{value:#?}");
    assert_eq!(
        told(&listener.options()),
        told(&wamp::AcceptOptions::default())
    );
    let limits = wamp::net::ListenLimits::default();
    assert_eq!(told(&listener.limits.to_limits()), told(&limits));
}

/// The sample with the keys that it shows only.
fn uncommented() -> String {
    let lines = SAMPLE.lines().map(|line| match line.strip_prefix('#') {
        Some(shown) if shown.starts_with(|c: char| c == '[' || c.is_ascii_lowercase()) => shown,
        _ => line,
    });
    let lines = lines.filter(|line| {
        // Those that exclude what is there already.
        !["ticket_file", "ticket_env", "mode"]
            .iter()
            .any(|key| line.starts_with(key))
    });
    let text = lines.collect::<Vec<_>>().join("\n");
    text.replace(
        "slow_consumers = \"disconnect\"",
        "slow_consumers = \"block\"",
    )
}

#[test]
fn what_the_sample_shows_is_in_order_too() {
    let config = read(&uncommented());
    assert_eq!(config.http.unwrap().value, "127.0.0.1:9090");
    let tls = config.listeners[0].tls.as_ref().unwrap();
    assert_eq!(tls.cert.value, Path::new("/etc/wamp/cert.pem"));
}

/// The example and the table of the guide's chapter.
const CHAPTER: &str = include_str!("../../../../wamp/src/docs/configuration.md");

#[test]
fn the_example_of_the_guide_is_in_order() {
    let (_, example) = CHAPTER.split_once("```toml\n").unwrap();
    let (example, _) = example.split_once("```").unwrap();
    let config = read(example);
    assert_eq!(
        config.realms[0].who(),
        "2 roles; lets in 1 principal with a ticket as backend, everybody as guest"
    );
}

/// The keys of each table, by the names in the sample and in the guide's table.
#[test]
fn the_guide_has_the_keys_of_the_sample() {
    let sample = SAMPLE.lines().filter_map(|line| {
        let line = line.strip_prefix('#').unwrap_or(line);
        let key = line.split(" = ").next()?;
        let is_key = line.contains(" = ") && key.chars().all(|c| c == '_' || c.is_alphanumeric());
        (is_key || line.starts_with('[')).then_some(key)
    });
    let (_, table) = CHAPTER.split_once("# All keys").unwrap();
    let table = table.lines().filter_map(|line| {
        let cell = line.strip_prefix("| ")?.split(" | ").next()?;
        cell.trim_matches('*').strip_prefix('`')?.strip_suffix('`')
    });
    // A table may come again in the sample.
    let grouped = |names: &mut dyn Iterator<Item = &'static str>| {
        let mut groups = BTreeMap::<_, BTreeSet<_>>::new();
        let mut group = "";
        for name in names {
            if name.starts_with('[') {
                group = name;
            } else if !group.is_empty() {
                groups.entry(group).or_default().insert(name);
            }
        }
        groups
    };
    let in_sample = grouped(&mut { sample });
    assert!(in_sample.len() > 12, "{in_sample:?}");
    assert_eq!(grouped(&mut { table }), in_sample);
}

#[test]
fn the_sample_names_every_key_there_is() {
    // The header of each table, once; the first line is that of the document as a whole.
    let mut tables = vec![(String::new(), 0)];
    for (at, line) in SAMPLE.lines().enumerate() {
        let header = line.trim_start_matches('#');
        if header.starts_with('[') && !tables.iter().any(|(known, _)| known == header) {
            tables.push((header.to_owned(), at + 1));
        }
    }
    assert_eq!(tables.len(), 15, "{tables:?}");
    let text = uncommented();
    for (header, _) in &tables {
        let wrong = match &**header {
            "" => format!("zzzzzzzzzzzzzz = 1\n{text}"),
            header => text.replacen(
                &format!("\n{header}\n"),
                &format!("\n{header}\nzzzzzzzzzzzzzz = 1\n"),
                1,
            ),
        };
        let found = problems(&wrong);
        let [found] = &*found else {
            panic!("{header}: {found:?}")
        };
        let Some((_, known)) = found.split_once("known are ") else {
            panic!("{header}: {found}")
        };
        for key in known.split(", ").map(|key| key.trim_matches('`')) {
            let named = [format!("{key} = "), format!("{key}]")];
            let is_named = SAMPLE
                .lines()
                .map(|line| line.trim_start_matches('#'))
                .any(|line| line.starts_with(&named[0]) || line.contains(&named[1]));
            assert!(is_named, "{header} has the key {key}");
        }
    }
}

#[test]
fn secrets_are_shown_nowhere() {
    let text = format!(
        "{LISTENER}{REALM}[[realm.role]]\nname = \"r\"\nallow = [{{uri = \"\", actions = []}}]\n\
         [[realm.principal]]\nauthid = \"x\"\nrole = \"r\"\nticket = \"hunter2hunter2\"\n"
    );
    let config = read(&text);
    assert!(!format!("{config:?}").contains("hunter2"));
    assert!(!config.realms[0].who().contains("hunter2"));
    for wrong in [
        "ticket = [\"hunter2\"]",
        "ticket = \"hunter2",
        "ticket = hunter2",
    ] {
        let text = format!("{REALM}[[realm.principal]]\nauthid = \"x\"\nrole = \"r\"\n{wrong}\n");
        let found = problems(&text);
        assert!(
            !found.is_empty() && !found.iter().any(|text| text.contains("hunter2")),
            "{found:?}"
        );
    }
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(text in ".{0,200}") {
        problems(&text);
    }

    /// A piece of the sample is replaced by another one, or by a value of another type.
    #[test]
    fn no_change_of_the_sample_makes_it_panic(
        from in 0..SAMPLE.len(),
        len in 0..40_usize,
        piece in prop_oneof![
            (0..SAMPLE.len(), 0..40_usize).prop_map(|(at, len)| {
                SAMPLE.chars().skip(at).take(len).collect()
            }),
            Just("[]".to_owned()),
            Just("\"\"".to_owned()),
            Just("-1".to_owned()),
            Just("99999999999999999999".to_owned()),
            Just("1979-05-27T07:32:00Z".to_owned()),
            Just("{a = [{}]}".to_owned()),
            Just("\u{0}é\n".to_owned()),
        ],
    ) {
        let mut text: String = SAMPLE.chars().take(from).collect();
        text.push_str(&piece);
        text.extend(SAMPLE.chars().skip(from + len));
        problems(&text);
    }

    /// Every line is told that exists, whatever stands before it.
    #[test]
    fn each_place_is_within_the_text(text in "([a-z\\[\\]=\"é \n]{1,10}\n){0,10}") {
        for problem in problems(&text) {
            let line: usize = problem.split(':').next().unwrap().parse().unwrap();
            prop_assert!(line <= text.matches('\n').count() + 1);
        }
    }
}
