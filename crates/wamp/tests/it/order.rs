use std::future::IntoFuture;
use std::sync::{Arc, Mutex};
use std::task::Poll;

use crate::world::{World, bounded};

const MANY: u64 = 2_000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_of_one_publisher_keep_their_order_over_all_topics() {
    let world = World::new().await;
    let subscriber = world.session().await;
    let seen = Arc::new(Mutex::new(Vec::new()));
    // One handler per topic would run beside the others: the order across topics is that of the
    // connection, so one stream of each is read in turn.
    let mut one = subscriber
        .subscribe("com.example.one")
        .buffer(4096)
        .await
        .unwrap();
    let mut two = subscriber
        .subscribe("com.example.two")
        .buffer(4096)
        .await
        .unwrap();
    let publisher = world.session().await;
    for n in 0..MANY {
        let topic = if n % 3 == 0 {
            "com.example.one"
        } else {
            "com.example.two"
        };
        publisher.publish(topic).args((n,)).await.unwrap();
    }
    for n in 0..MANY {
        let stream = if n % 3 == 0 { &mut one } else { &mut two };
        let event = bounded(stream.next()).await.unwrap();
        assert_eq!(event.args::<(u64,)>().unwrap().0, n);
        assert_eq!(event.missed(), 0);
        seen.lock().unwrap().push(n);
    }
    assert_eq!(seen.lock().unwrap().len() as u64, MANY);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn invocations_of_one_caller_begin_in_order_over_all_procedures() {
    let world = World::new().await;
    let callee = world.session().await;
    let begun = Arc::new(Mutex::new(Vec::new()));
    for procedure in ["com.example.one", "com.example.two"] {
        let begun = Arc::clone(&begun);
        let handler = move |n: u64| {
            begun.lock().unwrap().push(n);
            async move { Ok(n) }
        };
        callee.register(procedure, handler).await.unwrap();
    }
    let caller = world.session().await;
    let mut calls = Vec::new();
    for n in 0..MANY {
        let procedure = if n % 3 == 0 {
            "com.example.one"
        } else {
            "com.example.two"
        };
        let mut call = Box::pin(
            caller
                .call(procedure)
                .args((n,))
                .returns::<u64>()
                .into_future(),
        );
        // Polled once, a call is sent; its answer may be there before the poll is over.
        match std::future::poll_fn(|cx| Poll::Ready(call.as_mut().poll(cx))).await {
            Poll::Ready(answer) => assert_eq!(answer.unwrap(), n),
            Poll::Pending => calls.push((n, call)),
        }
    }
    for (n, call) in calls {
        assert_eq!(bounded(call).await.unwrap(), n);
    }
    assert_eq!(*begun.lock().unwrap(), (0..MANY).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_between_subscribed_and_the_first_event() {
    let world = World::new().await;
    let publisher = world.session().await;
    for round in 0..100_u64 {
        let subscriber = world.session().await;
        let topic = format!("com.example.round_{round}");
        let mut stream = subscriber.subscribe(&topic).await.unwrap();
        publisher
            .publish(&topic)
            .args((round,))
            .acknowledge()
            .await
            .unwrap();
        let event = bounded(stream.next()).await.unwrap();
        assert_eq!(event.args::<(u64,)>().unwrap().0, round);
    }
}
