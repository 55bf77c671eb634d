//! `wamp ping`.

use crate::world::World;

#[tokio::test]
async fn round_trips_are_measured_and_summed_up() {
    let world = World::new().await;
    let output = world.run(&["ping", "--count", "2", "-i", "0s"]).await;
    assert_eq!((output.code, &*output.stderr), (Some(0), ""));
    let lines: Vec<&str> = output.stdout.lines().collect();
    assert_eq!(lines.len(), 4, "{output:?}");
    assert!(lines[0].starts_with("joined realm1 of "), "{output:?}");
    for (line, beginning) in lines[1..].iter().zip(["round trip 1: ", "round trip 2: "]) {
        assert!(
            line.starts_with(beginning) && line.ends_with(" ms"),
            "{output:?}"
        );
    }
    assert!(
        lines[3].starts_with("2 round trips, min/avg/max "),
        "{output:?}"
    );
}

#[tokio::test]
async fn with_json_each_line_is_an_object() {
    let world = World::new().await;
    let output = world.run(&["ping", "-c", "2", "-i", "0s", "--json"]).await;
    let lines: Vec<serde_json::Value> = output
        .stdout
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let [joined, first, second, all] = &lines[..] else {
        panic!("{output:?}");
    };
    assert!(joined["joined_ms"].is_number());
    let mut times = Vec::new();
    for (number, line) in [(1, first), (2, second)] {
        assert_eq!(line["round_trip"], number);
        times.push(line["ms"].as_f64().unwrap());
    }
    assert_eq!(all["round_trips"], 2);
    assert_eq!(all["min_ms"], times[0].min(times[1]));
    assert_eq!(all["max_ms"], times[0].max(times[1]));
    assert!(all["avg_ms"].is_number());
}

#[tokio::test]
async fn a_realm_that_is_not_there_is_told() {
    let world = World::new().await;
    world
        .run(&["ping", "--realm", "nowhere"])
        .await
        .failed(1, "error: wamp.error.no_such_realm: ");
}

#[cfg(unix)]
#[tokio::test]
async fn a_signal_ends_one_without_end_with_its_summary() {
    let world = World::new().await;
    let mut running = world.start(&["ping", "--count", "0", "--interval", "1h"]);
    running.line().await;
    running.line().await;
    running.signal("INT").await;
    assert!(running.line().await.starts_with("1 round trip,"));
    let (status, rest) = running.end().await;
    assert_eq!((status.code(), &*rest), (Some(0), ""));
    world.settle(0).await;
}
