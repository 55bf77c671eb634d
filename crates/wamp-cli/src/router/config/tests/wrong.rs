//! What is wrong in a document, and how it is told.

use super::{LISTENER, REALM, problems};

/// What follows each table in a document, what is wrong in it, at a line counted from that table.
#[test]
fn what_is_wrong_is_told_with_its_place() {
    let idle = format!("{LISTENER}{REALM}anonymous = \"idle\"\n[[realm.role]]\nname = \"idle\"\n");
    let allow = "allow = [{ uri = \"\", actions = [\"call\"] }]\n";
    let open = idle.replace("127.0.0.1", "0.0.0.0");
    let all = "allow = [{ uri = \"\", actions = [\"call\", \"register\", \"publish\", \"subscribe\"] }]\n";
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
        // What belongs elsewhere.
        (
            "",
            "[tls]\ncert = \"x\"",
            "1:2: unknown key `tls`; write [listener.tls]",
        ),
        (
            "",
            "[limits]",
            "1:2: unknown key `limits`; write [listener.limits] or [realm.limits]",
        ),
        (
            LISTENER,
            "[listener.limits]\nping_interval = \"5s\"",
            "4:1: unknown key `ping_interval` in [listener.limits]; it is a key of [[listener]], and \
             stands above [listener.limits]",
        ),
        (
            REALM,
            "origins = []",
            "3:1: unknown key `origins` in [[realm]]; it is a key of [[listener]]",
        ),
        // Tables that there may be more of.
        (
            REALM,
            "[realm.role]\nname = \"r\"",
            "3:8: write [[realm.role]], with two brackets",
        ),
        (
            "[realm]\nname = \"a\"\n",
            "[realm] # another\nname = \"b\"\n[realm]",
            "3:1: write [[realm]], with two brackets",
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
            "1:1: write [[listener]], with two brackets",
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
            "",
            "[router]\nclosing_timeout = \"5\"",
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
            "3:18: `slow_consumers` must be one of \"disconnect\", \"drop\", \"block\"; \"kill\" is none",
        ),
        (
            LISTENER,
            "transports = [\"websocket\", \"http\"]",
            "3:28: `transports` must be an array of some of \"websocket\", \"rawsocket\"; \"http\" is \
             none",
        ),
        (
            LISTENER,
            "transports = [\"websoket\"]",
            "3:15: `transports` must be an array of some of \"websocket\", \"rawsocket\"; \"websoket\" \
             is none, did you mean \"websocket\"?",
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
            &format!("{idle}trusted = true\n{allow}"),
            "",
            "7:8: everybody has the role \"idle\", which is trusted: whoever comes could pretend to \
             be the router",
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
        (
            &format!("{open}{all}"),
            "",
            "4:8: the realm a is open: everybody who reaches 0.0.0.0:1 has the role \"idle\", which \
             may do everything; let `anonymous` be a role that may less, or listen on 127.0.0.1",
        ),
        (
            &format!("{open}{allow}"),
            "[[realm.principal]]\nauthid = \"x\"\nrole = \"idle\"\nticket = \"secret!!!\"",
            "2:11: tickets are sent as they are, and 0.0.0.0:1 has no TLS: add [listener.tls], or \
             listen on 127.0.0.1 behind a proxy that has it",
        ),
        // Nobody joins as anonymous where nothing says so, whatever the role is called.
        (
            &format!("{LISTENER}{REALM}[[realm.role]]\nname = \"anonymous\"\n{allow}"),
            "",
            "6:8: nobody has the role \"anonymous\": give it to a principal, or to everybody by \
             `anonymous`",
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

/// The rules of a role for these URIs, each in a line of its own from the third one on.
fn rules(rules: &[&str]) -> Vec<String> {
    let rules: Vec<_> = rules
        .iter()
        .map(|rule| format!("{{ {rule}, actions = [\"call\"] }}"))
        .collect();
    let rules = rules.join(",\n");
    problems(&format!(
        "[[realm]]\nrole = [{{ name = \"r\", allow = [\n{rules}] }}]\nname = \"a\"\nanonymous = \"r\"\n\
         {LISTENER}"
    ))
}

#[test]
fn of_two_rules_for_one_uri_the_second_is_an_error() {
    for [first, second] in [
        ["uri = \"com.example.\"", "uri = \"com.example.\""],
        ["uri = \"\"", "uri = \"\", match = \"prefix\""],
        ["uri = \"a\", match = \"exact\"", "uri = \"a\""],
        ["uri = \"a..b\", match = \"wildcard\"", "uri = \"a..b\""],
    ] {
        let found = rules(&[first, "uri = \"b\"", second]);
        let [found] = &*found else {
            panic!("{second}: {found:?}")
        };
        assert!(
            found.starts_with("5:9: the role has a rule for "),
            "{found}"
        );
        assert!(found.contains("already, in line 3;"), "{found}");
    }
    // They match in other ways, and the more specific one decides.
    let found = rules(&["uri = \"a.\"", "uri = \"a.\", match = \"wildcard\""]);
    assert_eq!(found, [] as [String; 0]);
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
