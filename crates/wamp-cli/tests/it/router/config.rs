//! From a configuration file: what it lets do, and what `--check` says of it.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use super::stage::{
    CALLS, DENIED, Folder, LISTENER, NOBODY, Process, answer, config, join, join_with,
};
use crate::world::{command, finish};

#[tokio::test]
async fn roles_and_tickets_hold() {
    let folder = Folder::new();
    folder.write("clock.ticket", "a ticket in a file\n");
    let more = r#"
[[realm.role]]
name = "backend"
allow = [{ uri = "", actions = ["call", "register", "publish", "subscribe"] }]
[[realm.principal]]
authid = "clock"
role = "backend"
ticket_file = "clock.ticket"
[[realm.principal]]
authid = "bell"
role = "backend"
ticket = "secret!!!"
"#;
    let file = folder.write("router.toml", &config(LISTENER, CALLS, more));
    let router = Process::start(&["--config", &file]).await;
    let url = router.url("ws://");
    let guest = join(&url, "com.example").await.unwrap();
    assert_eq!(guest.details().authrole.as_deref(), Some("guest"));
    assert_eq!(answer(&guest, "com.example.none").await, NOBODY);
    assert_eq!(answer(&guest, "org.example.none").await, DENIED);
    for (authid, ticket) in [("clock", "a ticket in a file"), ("bell", "secret!!!")] {
        let known = join_with(&url, authid, ticket).await.unwrap();
        assert_eq!(known.details().authrole.as_deref(), Some("backend"));
        assert_eq!(answer(&known, "org.example.none").await, NOBODY);
    }
    let refused = join_with(&url, "bell", "a ticket in a file")
        .await
        .unwrap_err();
    assert!(refused.to_string().contains("not_authorized"), "{refused}");
    let said = router.said.join("\n");
    assert!(
        said.contains("realm com.example: 2 roles; lets in 2 principals with a ticket as backend, everybody as guest"),
        "{said}"
    );
    assert!(!said.contains("WARN"), "{said}");
}

#[tokio::test]
async fn nobody_joins_as_anonymous_where_the_file_does_not_say_so() {
    let folder = Folder::new();
    let text = format!(
        "{LISTENER}[[realm]]\nname = \"com.example\"\n[[realm.role]]\nname = \"anonymous\"\n\
         allow = [{CALLS}]\n"
    );
    let file = folder.write("router.toml", &text);
    let router = Process::start(&["--config", &file]).await;
    let refused = join(&router.url("ws://"), "com.example").await.unwrap_err();
    assert!(
        refused.to_string().contains("no_matching_auth_method"),
        "{refused}"
    );
    let said = router.said.join("\n");
    for part in ["nobody has the role", "1 role; nobody can join"] {
        assert!(said.contains(part), "{said}");
    }
}

#[tokio::test]
async fn a_ticket_may_come_from_the_environment() {
    let folder = Folder::new();
    let more = "[[realm.principal]]\nauthid = \"bell\"\nrole = \"guest\"\nticket_env = \"BELL\"\n";
    let file = folder.write("router.toml", &config(LISTENER, CALLS, more));
    let args = ["router", "--config", &file, "--check"];
    let mut with = command(&args);
    with.env("BELL", "secret!!!");
    let output = finish(with).await;
    assert_eq!((output.code, &*output.stderr), (Some(0), ""));
    let mut without = command(&args);
    without.env_remove("BELL");
    finish(without).await.failed(
        2,
        "router.toml:14:14: there is no environment variable BELL",
    );
}

#[tokio::test]
async fn a_file_that_is_in_order_is_summed_up() {
    let folder = Folder::new();
    folder.certificate();
    let listeners = "[[listener]]\naddress = \"127.0.0.1:1\"\ntransports = [\"websocket\"]\n\
                     tls = { cert = \"cert.pem\", key = \"key.pem\" }\n[http]\naddress = \"127.0.0.1:2\"";
    let rules = r#"
        { uri = "com.example.", actions = ["subscribe", "call"] },
        { uri = "com.example", actions = ["call"] },
        { uri = "com..x", actions = [] }, { uri = "", actions = ["call"] },
        { uri = "com.exam", match = "prefix", actions = ["publish", "register"] },
    "#;
    let file = folder.write("router.toml", &config(listeners, rules, ""));
    let output = finish(command(&["router", "--check", "--config", &file])).await;
    let cert = folder.path("cert.pem");
    output.is(&format!(
        "listener 127.0.0.1:1: websocket, TLS with {cert}, up to 65536 connections, messages up to \
         16MiB\n\
         http 127.0.0.1:2: /health and /metrics\n\
         realm com.example: 1 role; lets in everybody as guest\n\
         \x20 role guest: every URI that begins with com.example.: call, subscribe\n\
         \x20 role guest: com.example alone: call\n\
         \x20 role guest: any com.*.x: nothing\n\
         \x20 role guest: every URI: call\n\
         \x20 role guest: every URI that begins with com.exam: register, publish\n\
         {file} is in order\n"
    ));
}

#[tokio::test]
async fn what_a_file_leads_to_is_checked_too() {
    let folder = Folder::new();
    let principal = "[[realm.principal]]\nauthid = \"bell\"\nrole = \"guest\"\n";
    let tls = format!("{LISTENER}tls = {{ cert = \"cert.pem\", key = \"key.pem\" }}\n");
    let check = async |text: &str, expected: &str| {
        let file = folder.write("router.toml", text);
        let output = finish(command(&["router", "--check", "--config", &file])).await;
        output.failed(2, expected);
    };
    let plain = |more: &str| config(LISTENER, CALLS, &format!("{principal}{more}"));
    check(&plain("ticket_file = \"none\""), "router.toml:14:15: ").await;
    folder.write("empty", "\n");
    check(
        &plain("ticket_file = \"empty\""),
        "router.toml:14:15: the ticket is empty",
    )
    .await;
    check(
        &plain("ticket_file = \"/dev/zero\""),
        "/dev/zero cannot be read: it is no ordinary file",
    )
    .await;
    folder.write("long", &"x".repeat((64 << 10) + 1));
    check(
        &plain("ticket_file = \"long\""),
        "it is longer than a ticket can be",
    )
    .await;
    check(&config(&tls, CALLS, ""), "cert.pem cannot be read").await;
    folder.certificate();
    let key = fs::read_to_string(folder.path("key.pem")).unwrap();
    folder.certificate();
    folder.write("key.pem", &key);
    check(&config(&tls, CALLS, ""), "router.toml:4:16: ").await;
}

#[tokio::test]
async fn tickets_that_others_can_read_or_guess_are_warned_of() {
    let folder = Folder::new();
    let more = "[[realm.principal]]\nauthid = \"bell\"\nrole = \"guest\"\nticket = \"short\"\n";
    let file = folder.write("router.toml", &config(LISTENER, CALLS, more));
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
    let output = finish(command(&["router", "--check", "--config", &file])).await;
    assert_eq!(output.code, Some(0));
    for part in [
        "chmod o-r",
        "router.toml:14:10: the ticket has less than 8 octets",
    ] {
        assert!(output.stderr.contains(part), "{output:?}");
    }
    assert!(!output.stderr.contains("short") && !output.stdout.contains("short"));
}

#[tokio::test]
async fn each_error_of_a_file_has_a_line_of_its_own() {
    let folder = Folder::new();
    let file = folder.write("router.toml", "[[listener]]\nadres = 1\n[[relm]]\n");
    let output = finish(command(&["router", "--config", &file])).await;
    assert_eq!((output.code, &*output.stdout), (Some(2), ""));
    let expected = format!(
        "error: {file}:1:1: [[listener]] needs the key `address`\n\
         error: {file}:2:1: unknown key `adres` in [[listener]], did you mean `address`?\n\
         error: {file}:3:3: unknown key `relm`, did you mean `realm`?\n"
    );
    assert_eq!(output.stderr, expected);
    let none = finish(command(&["router", "--config", "none.toml"])).await;
    none.failed(2, "none.toml: it cannot be read: ");
}

#[tokio::test]
async fn a_file_without_end_is_not_read_for_ever() {
    let output = finish(command(&["router", "--check", "--config", "/dev/zero"])).await;
    output.failed(2, "/dev/zero: it cannot be read: it is longer than 16 MiB");
}

#[tokio::test]
async fn the_sample_is_printed_and_in_order() {
    let folder = Folder::new();
    let output = finish(command(&["router", "--sample-config"])).await;
    let file = folder.write("router.toml", &output.stdout);
    let output = finish(command(&["router", "--check", "--config", &file])).await;
    assert_eq!(output.code, Some(0), "{output:?}");
    // Nobody is to run it with the ticket that it shows.
    let [warning] = &output.stderr.lines().collect::<Vec<_>>()[..] else {
        panic!("{output:?}")
    };
    assert!(
        warning.contains("the ticket is that of the sample"),
        "{warning}"
    );
}

#[tokio::test]
async fn a_file_that_could_not_be_read_again_is_refused() {
    let output = finish(command(&["router", "--check", "--config", "-"])).await;
    output.failed(2, "--config -: stdin is not read");
}
