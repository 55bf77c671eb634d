//! What is left of sessions that are gone, seen from inside.

use std::future::poll_fn;

use wamp_core::Transport;
use wamp_messages::message::{Call, Hello, Register, Subscribe};
use wamp_messages::options::HelloDetails;
use wamp_messages::{Message, Payload, RequestId, Role, Roles, Uri};

use super::*;

async fn send(client: &mut MemoryTransport, message: impl Into<Message>) {
    poll_fn(|cx| client.poll_ready(cx)).await.unwrap();
    client.send(&message.into().into()).unwrap();
    poll_fn(|cx| client.poll_flush(cx)).await.unwrap();
}

async fn receive(client: &mut MemoryTransport) -> Message {
    poll_fn(|cx| client.poll_receive(cx)).await.unwrap()
}

#[tokio::test]
async fn sessions_that_are_lost_in_the_middle_of_everything_leave_nothing_behind() {
    let router = Router::builder().realm(Realm::new("com.example")).build();
    let mut clients = Vec::new();
    for at in 0..300_u64 {
        let mut client = router.attach();
        let mut details = Box::new(HelloDetails::default());
        details.roles = Some(Roles::none().with(Role::Caller, []));
        send(
            &mut client,
            Hello {
                realm: None,
                details,
            },
        )
        .await;
        let id = |request| RequestId::new(request).unwrap();
        let procedure = |number| Uri::new(format!("com.procedure.{number}")).unwrap();
        let register = Register {
            request: id(1),
            options: Default::default(),
            procedure: procedure(at),
        };
        send(&mut client, register).await;
        let subscribe = Subscribe {
            request: id(2),
            options: Default::default(),
            topic: Uri::from_static("com.topic"),
        };
        send(&mut client, subscribe).await;
        for request in 3..6 {
            let call = Call {
                request: id(request),
                options: Default::default(),
                procedure: procedure(at * request / 6),
                payload: Payload::empty(),
            };
            send(&mut client, call).await;
        }
        assert!(matches!(receive(&mut client).await, Message::Welcome(_)));
        clients.push(client);
    }
    assert_eq!(router.session_count("com.example"), Some(300));
    assert!(!router.is_empty());
    clients.rotate_left(100);
    for client in clients {
        drop(client);
        tokio::task::yield_now().await;
    }
    router.0.connections.all_gone().await;
    assert!(router.is_empty());
}
