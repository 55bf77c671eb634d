use bytes::Bytes;
use wamp::core::OutboxLimits;
use wamp::{Binary, Session};

use crate::world::{World, bounded};

const CHUNK: usize = 256 << 10;
const CHUNKS: usize = 400;
/// Room for everything that is published before anything is read.
const ALL: usize = 2 * CHUNKS * CHUNK;

/// Publishes 100 MB, before anything is read.
async fn publish(session: &Session, topic: &str) {
    let chunk = Binary::from(Bytes::from(vec![7_u8; CHUNK]));
    for n in 0..CHUNKS {
        session
            .publish(topic)
            .args((n, &chunk))
            .acknowledge()
            .await
            .expect("it is accepted");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_peers_that_each_send_100_mb_before_they_read_both_finish() {
    // A router disconnects whom it cannot send as fast as another publishes, which is not the point.
    let mut outboxes = OutboxLimits::default();
    outboxes.mark = ALL;
    let world = World::with_outboxes(outboxes).await;
    let (one, two) = (world.session().await, world.session().await);
    let mut from_two = one
        .subscribe("com.example.from_two")
        .buffer_octets(ALL)
        .await
        .unwrap();
    let mut from_one = two
        .subscribe("com.example.from_one")
        .buffer_octets(ALL)
        .await
        .unwrap();
    let both = async {
        tokio::join!(
            publish(&one, "com.example.from_one"),
            publish(&two, "com.example.from_two")
        );
    };
    bounded(both).await;
    for n in 0..CHUNKS {
        for stream in [&mut from_one, &mut from_two] {
            let event = bounded(stream.next()).await.unwrap();
            let (number, chunk): (usize, Binary) = event.args().unwrap();
            assert_eq!((number, chunk.len(), event.missed()), (n, CHUNK, 0));
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_peers_that_call_each_other_with_megabytes_at_once_both_finish() {
    let world = World::new().await;
    let (one, two) = (world.session().await, world.session().await);
    for (callee, procedure) in [(&one, "com.example.one"), (&two, "com.example.two")] {
        callee
            .register(procedure, |data: Binary| async move { Ok(data) })
            .await
            .unwrap();
    }
    let data = Binary::from(Bytes::from(vec![7_u8; 1 << 20]));
    let calls = |caller: &Session, procedure: &'static str| {
        let (caller, data) = (caller.clone(), data.clone());
        async move {
            for _ in 0..50 {
                let call = caller.call(procedure).args((&data,)).returns::<Binary>();
                assert_eq!(call.await.expect("it is answered").len(), data.len());
            }
        }
    };
    let both = async {
        tokio::join!(
            calls(&one, "com.example.two"),
            calls(&two, "com.example.one")
        );
    };
    bounded(both).await;
}
