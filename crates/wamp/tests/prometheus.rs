//! What is told to Prometheus, read as it would read it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use wamp::prometheus::Collector;
use wamp::prometheus::prometheus_client::encoding::text::encode;
use wamp::prometheus::prometheus_client::metrics::counter::Counter;
use wamp::prometheus::prometheus_client::registry::Registry;
use wamp::{Permissions, Realm, Router, Server, StaticTickets, Ticket};

/// An answer to a scrape: the value of each series, by its name and labels.
struct Scrape(BTreeMap<String, f64>);

impl Scrape {
    /// Reads an answer in the text format of OpenMetrics, and complains about what is not right.
    fn read(text: &str) -> Result<Self, String> {
        let text = text.strip_suffix("# EOF\n").ok_or("no end")?;
        let mut series = BTreeMap::new();
        let mut families = BTreeSet::new();
        let (mut family, mut kind, mut has_help) = (String::new(), String::new(), false);
        for line in text.lines() {
            let wrong = |what: &str| format!("{what}: {line}");
            if let Some(line) = line.strip_prefix("# ") {
                let mut words = line.splitn(3, ' ');
                let (word, name) = (words.next(), words.next().ok_or_else(|| wrong("no name"))?);
                let rest = words.next().ok_or_else(|| wrong("nothing is said"))?;
                match word {
                    Some("HELP") => {
                        if !families.insert(name.to_owned()) {
                            return Err(wrong("described twice"));
                        }
                        family = name.to_owned();
                        kind.clear();
                        has_help = rest.len() > 1;
                    }
                    Some("TYPE") if name == family => kind = rest.to_owned(),
                    Some("UNIT") if name == family && name.ends_with(&format!("_{rest}")) => {}
                    _ => return Err(wrong("out of place")),
                }
                continue;
            }
            let (name, value) = line.rsplit_once(' ').ok_or_else(|| wrong("no value"))?;
            let value: f64 = value.parse().map_err(|_| wrong("no number"))?;
            let bare = name.split('{').next().unwrap_or_default();
            let suffix = bare
                .strip_prefix(&family)
                .ok_or_else(|| wrong("of no family"))?;
            let fits = match &*kind {
                "counter" => suffix == "_total" && value >= 0.0,
                "gauge" => suffix.is_empty(),
                "info" => suffix == "_info" && value == 1.0,
                "histogram" => ["_bucket", "_sum", "_count"].contains(&suffix),
                _ => false,
            };
            if !fits || !has_help || !family.starts_with("wamp_") {
                return Err(wrong("against its type"));
            }
            if series.insert(name.to_owned(), value).is_some() {
                return Err(wrong("told twice"));
            }
        }
        let scrape = Self(series);
        scrape.check_histograms()?;
        Ok(scrape)
    }

    /// Buckets are cumulative, and the last one has all.
    fn check_histograms(&self) -> Result<(), String> {
        for (name, count) in self.0.iter().filter(|(name, _)| name.contains("_count{")) {
            let (family, labels) = name.split_once("_count{").ok_or("no labels")?;
            let before = format!("{family}_bucket{{le=\"");
            let behind = format!("\",{labels}");
            let mut buckets: Vec<(f64, f64)> = Vec::new();
            for (name, value) in &self.0 {
                let bound = name.strip_prefix(&before);
                let Some(bound) = bound.and_then(|bound| bound.strip_suffix(&behind)) else {
                    continue;
                };
                let bound = bound.replace("+Inf", "inf");
                buckets.push((
                    bound.parse().map_err(|_| format!("{name}: {bound}"))?,
                    *value,
                ));
            }
            buckets.sort_by(|one, other| one.0.total_cmp(&other.0));
            let grows = buckets.windows(2).all(|pair| pair[0].1 <= pair[1].1);
            let last = buckets
                .last()
                .ok_or_else(|| format!("{name} has no buckets"))?;
            if !grows || last.0 != f64::INFINITY || last.1 != *count {
                return Err(format!("{name}: {buckets:?}"));
            }
        }
        Ok(())
    }

    fn of(collector: &Collector) -> Self {
        let text = collector.to_text();
        Self::read(&text).unwrap_or_else(|wrong| panic!("{wrong}\n{text}"))
    }

    fn value(&self, series: &str) -> f64 {
        let known = || format!("no {series} in {:#?}", self.0.keys());
        *self.0.get(series).unwrap_or_else(|| panic!("{}", known()))
    }
}

async fn listening(realm: Realm) -> (Router, Server, Collector) {
    let router = Router::builder().realm(realm).build();
    let server = router.listen("127.0.0.1:0").await;
    let server = server.expect("there is a free port");
    let collector = Collector::new(&router).server(&server);
    (router, server, collector)
}

#[tokio::test]
async fn what_happened_is_told() {
    let tickets = StaticTickets::new().with_principal("clock", "guest", "secret!!!");
    let realm = Realm::new("com.example")
        .role(
            "guest",
            Permissions::allow("com.example.").call().register(),
        )
        .anonymous("guest")
        .authenticator(tickets);
    let (router, server, collector) = listening(realm).await;
    let listener = format!("listener=\"{}\"", server.address());
    let before = Scrape::of(&collector);
    assert_eq!(before.value("wamp_sessions{realm=\"com.example\"}"), 0.0);
    assert_eq!(
        before.value(&format!("wamp_listener_accepted_total{{{listener}}}")),
        0.0
    );

    let callee = wamp::connect(server.url())
        .realm("com.example")
        .await
        .unwrap();
    callee
        .register("com.example.add", |a: i64, b: i64| async move { Ok(a + b) })
        .await
        .unwrap();
    let caller = wamp::connect(server.rawsocket_url())
        .realm("com.example")
        .await
        .unwrap();
    for _ in 0..3 {
        let sum: i64 = caller
            .call("com.example.add")
            .args((2, 3))
            .returns()
            .await
            .unwrap();
        assert_eq!(sum, 5);
    }
    caller.call("com.example.nothing").await.unwrap_err();
    caller
        .publish("com.example.topic")
        .acknowledge()
        .await
        .unwrap_err();
    let wrong = wamp::connect(server.url())
        .realm("com.example")
        .auth(Ticket::new("clock", "guess"));
    wrong.await.unwrap_err();

    let after = Scrape::of(&collector);
    let example = |name: &str, label: &str| {
        after.value(&format!("wamp_{name}{{realm=\"com.example\"{label}}}"))
    };
    assert_eq!(example("sessions", ""), 2.0);
    assert_eq!(example("sessions_opened_total", ""), 2.0);
    assert_eq!(example("sessions_ended_total", ",reason=\"lost\""), 0.0);
    assert_eq!(example("registrations", ""), 1.0);
    assert_eq!(example("messages_received_total", ",kind=\"CALL\""), 4.0);
    assert_eq!(example("messages_sent_total", ",kind=\"RESULT\""), 3.0);
    assert_eq!(example("calls_total", ",outcome=\"result\""), 3.0);
    assert_eq!(example("calls_in_flight", ""), 0.0);
    assert_eq!(example("call_duration_seconds_count", ""), 3.0);
    assert!(example("call_duration_seconds_sum", "") > 0.0);
    // Of each kind the first one is measured, and then no other for a while.
    for kind in ["CALL", "YIELD", "PUBLISH"] {
        let name = "realm_lock_held_seconds_count";
        assert_eq!(example(name, &format!(",kind=\"{kind}\"")), 1.0, "{kind}");
    }
    // Whether anybody had to wait is not for a test to say.
    for name in [
        "realm_lock_contended_total",
        "realm_lock_wait_seconds_total",
    ] {
        assert!(example(name, "") >= 0.0, "{name}");
    }
    assert_eq!(example("session_opening_seconds_count", ""), 2.0);
    let refused = |uri: &str| {
        example(
            "requests_refused_total",
            &format!(",error=\"wamp.error.{uri}\""),
        )
    };
    assert_eq!(refused("no_such_procedure"), 1.0);
    assert_eq!(refused("not_authorized"), 1.0);
    let clients = "wamp_clients_refused_total{reason=\"wamp.error.not_authorized\"}";
    assert_eq!(after.value(clients), 1.0);
    for transport in ["websocket", "rawsocket"] {
        let of = |name: &str| after.value(&format!("wamp_{name}{{transport=\"{transport}\"}}"));
        assert!(of("received_bytes_total") > 100.0);
        assert!(of("sent_bytes_total") > 100.0);
    }
    assert_eq!(
        after.value(&format!("wamp_listener_accepted_total{{{listener}}}")),
        3.0
    );
    let version = format!(
        "wamp_build_info{{version=\"{}\"}}",
        env!("CARGO_PKG_VERSION")
    );
    assert_eq!(after.value(&version), 1.0);
    router.shutdown(Duration::from_secs(5)).await;
    let ended = Scrape::of(&collector);
    let shutdown = "wamp_sessions_ended_total{realm=\"com.example\",reason=\"shutdown\"}";
    assert_eq!(ended.value(shutdown), 2.0);
    assert_eq!(
        ended.value("wamp_connections{transport=\"websocket\"}"),
        0.0
    );
}

#[tokio::test]
async fn the_guide_has_every_metric_in_its_table() {
    let (_router, _server, collector) = listening(Realm::new("com.example")).await;
    let text = collector.to_text();
    let types = text.lines().filter_map(|line| line.strip_prefix("# TYPE "));
    let told: BTreeSet<String> = types
        .map(|line| match line.split_once(' ') {
            Some((name, "counter")) => format!("{name}_total"),
            Some((name, "info")) => format!("{name}_info"),
            Some((name, _)) => name.to_owned(),
            None => line.to_owned(),
        })
        .collect();
    let guide = include_str!("../src/docs/running_a_router.md");
    let rows = guide.lines().filter(|line| line.starts_with("| `wamp_"));
    let cells = rows.filter_map(|row| row.split('|').nth(1));
    let names = cells.flat_map(|cell| cell.split('`').filter(|word| word.starts_with("wamp_")));
    assert_eq!(names.map(str::to_owned).collect::<BTreeSet<_>>(), told);
}

#[tokio::test]
async fn each_message_of_a_batch_is_counted() {
    const EVENTS: u64 = 300;
    let (router, server, collector) = listening(Realm::new("com.example")).await;
    let session = wamp::connect(server.url())
        .realm("com.example")
        .await
        .unwrap();
    assert!(session.connection_info().serializer.ends_with(".batched"));
    // They wait together, and leave in few frames.
    for n in 0..EVENTS {
        session
            .publish("com.example.topic")
            .args((n,))
            .await
            .unwrap();
    }
    session
        .publish("com.example.topic")
        .acknowledge()
        .await
        .unwrap();
    let received = "wamp_messages_received_total{realm=\"com.example\",kind=\"PUBLISH\"}";
    assert_eq!(Scrape::of(&collector).value(received), (EVENTS + 1) as f64);
    drop(router);
}

#[tokio::test]
async fn what_comes_to_nothing_is_told_by_why() {
    let (_router, server, collector) = listening(Realm::new("com.example")).await;
    let address = server.local_addr().unwrap();
    let talk = async |said: &[u8]| {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(said).await.unwrap();
        stream.shutdown().await.unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.unwrap();
    };
    talk(b"GET / HTTP/1.1\r\nHost: here\r\n\r\n").await;
    talk(b"\x7f\xf0\x00\x00").await;
    talk(b"\x7f").await;
    let failed = |scrape: &Scrape, reason: &str| {
        let series =
            format!("wamp_listener_failed_total{{listener=\"{address}\",reason=\"{reason}\"}}");
        scrape.0.get(&series).copied().unwrap_or_default()
    };
    // The client may see the end before the router has counted it.
    let scrape = loop {
        let scrape = Scrape::of(&collector);
        if failed(&scrape, "refused") + failed(&scrape, "closed") >= 3.0 {
            break scrape;
        }
        tokio::task::yield_now().await;
    };
    assert_eq!(
        (failed(&scrape, "refused"), failed(&scrape, "closed")),
        (2.0, 1.0)
    );
    let handshakes = format!("wamp_listener_handshakes{{listener=\"{address}\"}}");
    assert_eq!(scrape.value(&handshakes), 0.0);
}

#[tokio::test]
async fn realms_come_and_go_with_their_counts() {
    let (router, _server, collector) = listening(Realm::new("com.example")).await;
    // A name that is no URI still makes no other series than its own.
    let odd = "odd\"}\n\\ 1";
    router.set_realm(Realm::new(odd));
    router.set_realm(Realm::new(""));
    let both = Scrape::of(&collector);
    assert_eq!(
        both.value("wamp_sessions{realm=\"odd\\\"}\\n\\\\ 1\"}"),
        0.0
    );
    assert_eq!(both.value("wamp_sessions{realm=\"\"}"), 0.0);
    router.remove_realm("com.example");
    let one = Scrape::of(&collector);
    assert!(!one.0.keys().any(|series| series.contains("com.example")));
}

#[tokio::test]
async fn a_listener_that_was_named_twice_is_told_once() {
    let (_router, server, collector) = listening(Realm::new("com.example")).await;
    Scrape::of(&collector.server(&server));
}

#[tokio::test]
async fn it_goes_into_a_registry_with_others() {
    let (_router, _server, collector) = listening(Realm::new("com.example")).await;
    let mut registry = Registry::default();
    registry.register_collector(Box::new(collector));
    let own: Counter = Counter::default();
    registry.register("wamp_test_own", "One of the program's own", own.clone());
    own.inc();
    let mut text = String::new();
    encode(&mut text, &registry).unwrap();
    let scrape = Scrape::read(&text).unwrap_or_else(|wrong| panic!("{wrong}\n{text}"));
    assert_eq!(scrape.value("wamp_test_own_total"), 1.0);
    assert_eq!(scrape.value("wamp_sessions{realm=\"com.example\"}"), 0.0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn scrapes_and_traffic_go_on_beside_each_other() {
    const CALLS: u64 = 2_000;
    let (router, server, collector) = listening(Realm::new("com.example")).await;
    let callee = router.session("com.example").await.unwrap();
    callee
        .register("com.example.echo", |n: u64| async move { Ok(n) })
        .await
        .unwrap();
    let is_over = Arc::new(AtomicBool::new(false));
    let scraping = tokio::task::spawn_blocking({
        let is_over = Arc::clone(&is_over);
        move || {
            let answered = "wamp_calls_total{realm=\"com.example\",outcome=\"result\"}";
            let (mut scrapes, mut before) = (0_u64, 0.0);
            while !is_over.load(Ordering::Relaxed) {
                let now = Scrape::of(&collector).value(answered);
                assert!(now >= before, "it fell from {before} to {now}");
                before = now;
                scrapes += 1;
            }
            (collector, scrapes)
        }
    });
    let caller = wamp::connect(server.url())
        .realm("com.example")
        .await
        .unwrap();
    for n in 0..CALLS {
        let same: u64 = caller
            .call("com.example.echo")
            .args((n,))
            .returns()
            .await
            .unwrap();
        assert_eq!(same, n);
    }
    is_over.store(true, Ordering::Relaxed);
    let (collector, scrapes) = scraping.await.unwrap();
    assert!(scrapes > 0);
    let count = "wamp_call_duration_seconds_count{realm=\"com.example\"}";
    assert_eq!(Scrape::of(&collector).value(count), CALLS as f64);
}
