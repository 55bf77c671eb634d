use super::*;

/// Accepts so many as fast as it is allowed; returns when each was.
async fn accept(gate: &Gate, count: usize) -> Vec<Duration> {
    let begin = Instant::now();
    let mut times = Vec::new();
    for _ in 0..count {
        gate.paced().await;
        gate.count();
        times.push(begin.elapsed());
    }
    times
}

fn gate(rate: Rate) -> Gate {
    Gate::new(&ListenLimits::default().rate(rate))
}

fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// The clock of sleeping counts milliseconds, and rounds up.
fn assert_near(times: &[Duration], expected: &[u64]) {
    assert_eq!(times.len(), expected.len());
    for (time, expected) in times.iter().zip(expected) {
        assert!(
            (millis(*expected)..=millis(expected + 1)).contains(time),
            "{times:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn after_a_burst_connections_come_at_the_rate() {
    let gate = gate(Rate::per_second(10).burst(3));
    let times = accept(&gate, 6).await;
    assert_near(&times, &[0, 0, 0, 100, 200, 300]);
}

#[tokio::test(start_paused = true)]
async fn after_a_rest_there_may_be_a_burst_again_and_no_more() {
    let gate = gate(Rate::per_second(10).burst(2));
    accept(&gate, 5).await;
    tokio::time::advance(Duration::from_secs(60)).await;
    assert_near(&accept(&gate, 4).await, &[0, 0, 100, 200]);
}

#[tokio::test(start_paused = true)]
async fn a_rate_of_nothing_is_one_per_second() {
    let gate = gate(Rate::per_second(0));
    assert_near(&accept(&gate, 3).await, &[0, 1_000, 2_000]);
}

#[tokio::test(start_paused = true)]
async fn without_a_rate_nothing_waits() {
    let gate = Gate::new(&ListenLimits::default());
    assert_near(&accept(&gate, 4).await, &[0; 4]);
}

#[tokio::test(start_paused = true)]
async fn a_rate_that_is_set_holds_from_then_on() {
    let gate = Gate::new(&ListenLimits::default());
    assert_near(&accept(&gate, 3).await, &[0; 3]);
    let slow = ListenLimits::default().rate(Rate::per_second(10).burst(1));
    gate.set(&slow);
    assert_near(&accept(&gate, 3).await, &[0, 100, 200]);
    gate.set(&ListenLimits::default());
    assert_near(&accept(&gate, 3).await, &[0; 3]);
}

#[tokio::test(start_paused = true)]
async fn limits_that_are_set_end_nothing_and_hold_for_who_comes_later() {
    let most = |connections| ListenLimits::default().connections(connections);
    let gate = Gate::new(&most(2));
    let mut open = vec![admit(&gate).await, admit(&gate).await];
    assert!(admit(&gate).await.is_refused());
    gate.set(&most(3));
    open.push(admit(&gate).await);
    assert!(open.iter().all(|permit| !permit.is_refused()));
    assert!(admit(&gate).await.is_refused());

    // With one too many there is room only when two have gone.
    gate.set(&most(2));
    for expected in [true, false] {
        open.pop();
        assert_eq!(admit(&gate).await.is_refused(), expected);
    }
    assert_eq!(gate.counts().connections, 1);
}

#[tokio::test(start_paused = true)]
async fn fewer_handshakes_leave_those_under_way_alone() {
    let most = |handshakes| ListenLimits::default().handshakes(handshakes);
    let gate = Gate::new(&most(2));
    let old = [admit(&gate).await, admit(&gate).await];
    gate.set(&most(1).handshake_timeout(millis(50)));
    let new = admit(&gate).await;
    // Of the new ones there may be one: the next has to wait for it.
    let (next, ended) = tokio::join!(admit(&gate), async {
        let error = new.ended().await;
        drop(new);
        error
    });
    assert!(
        matches!(ended, HandshakeError::Ended { limit: 1 }),
        "{ended}"
    );
    for permit in old {
        assert_eq!(permit.within(std::future::ready(1)).await.unwrap(), 1);
    }
    let waiting = std::future::pending::<()>();
    let error = next.within(waiting).await.unwrap_err();
    assert!(matches!(error, HandshakeError::TimedOut { after } if after == millis(50)));
}

async fn admit(gate: &Gate) -> Permit {
    gate.admit(Instant::now(), &mut false).await
}

#[tokio::test(start_paused = true)]
async fn the_time_of_a_handshake_is_one_for_all_of_its_parts() {
    let gate = Gate::new(&ListenLimits::default());
    let permit = admit(&gate).await;
    let begin = Instant::now();
    permit
        .within(tokio::time::sleep(millis(6_000)))
        .await
        .unwrap();
    let error = permit
        .within(std::future::pending::<()>())
        .await
        .unwrap_err();
    assert!(matches!(error, HandshakeError::TimedOut { .. }), "{error}");
    assert_eq!(begin.elapsed().as_secs(), 10);
}

#[tokio::test(start_paused = true)]
async fn a_time_without_end_is_taken() {
    let limits = ListenLimits::default().handshake_timeout(Duration::MAX);
    let gate = Gate::new(&limits);
    let permit = admit(&gate).await;
    permit
        .within(tokio::time::sleep(Duration::from_secs(3_600)))
        .await
        .unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_refused_connection_never_finishes_its_handshake() {
    let limits = ListenLimits::default().connections(0).handshakes(1);
    let gate = Gate::new(&limits);
    let mut permit = admit(&gate).await;
    assert!(permit.is_refused());
    permit.handshake_finished();
    assert_eq!(gate.current().handshakes.free(), 0);
    drop(permit);
    assert_eq!(gate.current().handshakes.free(), 1);
}
