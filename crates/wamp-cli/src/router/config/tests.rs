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

/// What follows each table in a document, what is wrong in it, at a line counted from that table.
#[test]
fn what_is_wrong_is_told_with_its_place() {
    let idle = format!("{LISTENER}{REALM}anonymous = \"idle\"\n[[realm.role]]\nname = \"idle\"\n");
    let allow = "allow = [{ uri = \"\", actions = [\"call\"] }]\n";
    let odd = format!("{idle}{allow}\n[[realm.role]]\nname = \"odd\"\n{allow}");
    let cases = [
        // Unknown keys, and what may have been meant.
        (
            "",
            "relm = 1",
            "1:1: unknown key `relm`, did you mean `realm`?",
        ),
        (
            LISTENER,
            "max_mesage_size = 1",
            "3:1: unknown key `max_mesage_size` in [[listener]], did you mean `max_message_size`?",
        ),
        (
            REALM,
            "[[realm.role]]\nname = \"r\"\nalow = []",
            "5:1: unknown key `alow` in [[realm.role]], did you mean `allow`?",
        ),
        (
            LISTENER,
            "adres = \"127.0.0.1:2\"",
            "3:1: unknown key `adres` in [[listener]], did you mean `address`?",
        ),
        (
            "",
            "[log]\nfile = \"x\"",
            "2:1: unknown key `file` in [log]; known are `level`, `format`",
        ),
        // What is no TOML.
        (
            "",
            "a = ",
            "1:5: this is not TOML: string values must be quoted, expected literal string",
        ),
        // Wrong types and values.
        (
            LISTENER,
            "path = 1",
            "3:8: `path` must be a text in quotes that is not empty",
        ),
        (
            REALM,
            "strict_uris = \"yes\"",
            "3:15: `strict_uris` must be true or false",
        ),
        (
            "",
            "[[realm]]\nname = [\"a\"]",
            "2:8: `name` must be a text in quotes that is not empty",
        ),
        ("", "router = 1", "1:1: `router` must be a table, [router]"),
        (
            "",
            "listener = {}",
            "1:1: `listener` must be an array of tables, [[listener]]",
        ),
        (
            "",
            "listener = [1]",
            "1:13: `listener` must be an array of tables, [[listener]]",
        ),
        (
            "",
            "[router]\nclosing_timeout = 5",
            "2:19: `closing_timeout` must be a time such as \"500ms\", \"10s\", \"5m\" or \"1h\", in quotes",
        ),
        (
            LISTENER,
            "ping_interval = \"never\"",
            "3:17: `ping_interval` must be a time such as \"20s\", in quotes, or \"off\"",
        ),
        (
            LISTENER,
            "max_message_size = \"16 megabytes\"",
            "3:20: `max_message_size` must be a size such as \"64KiB\" or \"16MiB\", or a number of \
             octets, from 512 to 1GiB",
        ),
        (
            LISTENER,
            "max_message_size = 511",
            "3:20: `max_message_size` must be a size such as \"64KiB\" or \"16MiB\", or a number of \
             octets, from 512 to 1GiB",
        ),
        (
            REALM,
            "[realm.limits]\ncalls = -1",
            "4:9: `calls` must be a whole number from 0 to 1000000000",
        ),
        (
            REALM,
            "slow_consumers = \"kill\"",
            "3:18: `slow_consumers` must be one of \"disconnect\", \"drop\", \"block\"",
        ),
        (
            LISTENER,
            "transports = [\"websocket\", \"http\"]",
            "3:28: `transports` must be an array of some of \"websocket\", \"rawsocket\"",
        ),
        (
            LISTENER,
            "mode = 0o660",
            "3:8: `mode` is for Unix sockets, and this one is none",
        ),
        (
            "[[listener]]\naddress = \"unix:x\"\n",
            "mode = 660",
            "3:8: `mode` must be the permissions of a file in octal digits, such as 0o660",
        ),
        (
            "",
            "[log]\nlevel = \"a=loud\"",
            "2:9: `level` must be error, warn, info, debug or trace, or say so for parts as in \
             \"info,wamp_router=debug\"",
        ),
        (
            "",
            "[log]\nlevel = \"loud\"",
            "2:9: `level` must be error, warn, info, debug or trace, or say so for parts as in \
             \"info,wamp_router=debug\"",
        ),
        // What is missing.
        (
            REALM,
            "[[listener]]",
            "3:1: [[listener]] needs the key `address`",
        ),
        (LISTENER, "[[realm]]", "3:1: [[realm]] needs the key `name`"),
        (
            LISTENER,
            "[listener.tls]\ncert = \"c.pem\"",
            "3:11: [listener.tls] needs the key `key`",
        ),
        ("", "[http]", "1:2: [http] needs the key `address`"),
        (
            REALM,
            "[[realm.role]]\nname = \"anonymous\"\n[[realm.role.allow]]\nuri = \"\"",
            "5:1: [[realm.role.allow]] needs the key `actions`",
        ),
        (
            REALM,
            "[realm.limits]\nburst = 5",
            "3:8: `burst` needs a `rate`: how many there may be in a second",
        ),
        // What does not go together.
        (
            LISTENER,
            "[[listener]]\naddress = \"127.0.0.1:1\"",
            "4:11: 127.0.0.1:1 is listened on already",
        ),
        (
            LISTENER,
            "[http]\naddress = \"127.0.0.1:1\"",
            "4:11: 127.0.0.1:1 is listened on already",
        ),
        (
            REALM,
            "[[realm]]\nname = \"a\"",
            "4:8: there is a realm a already",
        ),
        (
            "",
            "[router]\ndefault_realm = \"b\"",
            "2:17: there is no realm b",
        ),
        (
            REALM,
            "anonymous = \"guest\"",
            "3:13: the realm has no role \"guest\"",
        ),
        (
            REALM,
            "[[realm.principal]]\nauthid = \"x\"\nrole = \"r\"\nticket = \"secret!!!\"",
            "5:8: the realm has no role \"r\"",
        ),
        (
            REALM,
            "block_at_most = \"5s\"",
            "1:1: `block_at_most` needs `slow_consumers = \"block\"`",
        ),
        (
            LISTENER,
            "transports = []",
            "3:1: `transports` names none, and one is needed",
        ),
        (
            LISTENER,
            "serializers = [\"json.batched\"]",
            "3:1: RawSocket has no batches: name a serializer without `.batched`, or leave \
             rawsocket out of `transports`",
        ),
        (
            LISTENER,
            "origins = [\"https://a.example/\"]",
            "3:12: an origin is a scheme, a host and perhaps a port, such as \
             \"https://app.example.com\", and no more",
        ),
        (
            LISTENER,
            "path = \"ws\"",
            "3:8: `path` must begin with / and have no query, such as \"/ws\"",
        ),
        (
            REALM,
            "[[realm]]\nname = \"b c\"",
            "4:8: the name of a realm must be a URI: \"b c\" is not a valid URI here: it has white \
             space or '#'",
        ),
        (
            REALM,
            "[[listener]]\naddress = \"ws://a:1\"",
            "4:11: \"ws://a:1\" is no address to listen on: write HOST:PORT, as in 127.0.0.1:8080 or \
             [::]:8080, or unix:FILE, as in unix:/run/wamp.sock",
        ),
        // What is odd.
        (
            &idle,
            "",
            "7:8: the role \"idle\" may do nothing: it has no [[realm.role.allow]]",
        ),
        (
            &odd,
            "",
            "11:8: nobody has the role \"odd\": give it to a principal, or to everybody by \
             `anonymous`",
        ),
        (
            REALM,
            "[[listener]]\naddress = \"0.0.0.0:1\"",
            "2:8: the realm a is open: everybody who reaches 0.0.0.0:1 may do everything there; \
             give it roles in a configuration file, or listen on 127.0.0.1",
        ),
    ];
    let mut failed = Vec::new();
    for (before, text, expected) in cases {
        let text = format!("{before}{text}\n");
        // What is missing altogether is told, too, and is not what is looked at.
        let mut found = problems(&text);
        found.retain(|problem| !problem.starts_with("1:1: there is no [["));
        if found != [expected] {
            failed.push(format!("{text}\n{found:#?}, not {expected:?}"));
        }
    }
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

#[test]
fn a_role_is_held_to_sense() {
    let found = problems(
        r#"
[[listener]]
address = "127.0.0.1:1"
[[realm]]
name = "a"
anonymous = "idle"
[[realm.role]]
name = "idle"
[[realm.role]]
name = "idle"
[[realm.role]]
name = "odd"
[[realm.role.allow]]
uri = "com.example.*"
actions = ["call"]
[[realm.principal]]
authid = "x"
role = "idle"
ticket = "secret!!!"
ticket_env = "X"
[[realm.principal]]
authid = "y"
role = "idle"
"#,
    );
    let expected = [
        "10:8: the realm has a role \"idle\" already",
        "14:7: a * stands for nothing but itself: a prefix ends with a dot, as in \"com.example.\", \
         and an empty component matches any, as in \"com..add\"",
        "16:1: [[realm.principal]] needs one of the keys `ticket`, `ticket_file` and `ticket_env`",
        "21:1: [[realm.principal]] needs one of the keys `ticket`, `ticket_file` and `ticket_env`",
    ];
    assert_eq!(found, expected);
}

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
