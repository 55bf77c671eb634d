//! `wamp publish`.

use wamp::{Dict, Value, args, kwargs};

use crate::world::{World, finish};

#[tokio::test]
async fn an_event_is_published_with_its_arguments() {
    let world = World::new().await;
    let session = world.session().await;
    let mut events = session.subscribe("com.example.tick").await.unwrap();
    world
        .run(&["publish", "com.example.tick", "1", "one", "-k", "a=b"])
        .await
        .is("");
    let event = events.next().await.unwrap();
    assert_eq!(event.args::<Vec<Value>>().unwrap(), args![1, "one"]);
    assert_eq!(event.kwargs::<Dict>().unwrap(), kwargs! { a: "b" });

    let output = world.run(&["publish", "com.example.tick", "--json"]).await;
    let event = events.next().await.unwrap();
    let id = event.details().publication.as_u64();
    output.is(&format!("{{\"publication\":{id}}}\n"));

    world
        .run(&[
            "publish",
            "com.example.tick",
            "2",
            "--no-acknowledge",
            "--json",
        ])
        .await
        .is("{\"publication\":null}\n");
    let event = events.next().await.unwrap();
    assert_eq!(event.args::<Vec<Value>>().unwrap(), args![2]);
}

#[tokio::test]
async fn receivers_are_chosen_and_excluded() {
    let world = World::new().await;
    let (one, two) = (world.session().await, world.session().await);
    let mut to_one = one.subscribe("com.example.tick").await.unwrap();
    let mut to_two = two.subscribe("com.example.tick").await.unwrap();
    let id = one.id().as_u64().to_string();
    for (number, option) in [("1", "--eligible"), ("2", "--exclude")] {
        world
            .run(&["publish", "com.example.tick", number, option, &id])
            .await
            .is("");
    }
    for (number, option) in [
        ("3", "--eligible-authrole"),
        ("4", "--eligible-authid"),
        ("5", "--exclude-authrole"),
        ("6", "--exclude-authid"),
    ] {
        world
            .run(&["publish", "com.example.tick", number, option, "nobody,else"])
            .await
            .is("");
    }
    for (events, expected) in [(&mut to_one, [1, 5, 6]), (&mut to_two, [2, 5, 6])] {
        for number in expected {
            let event = events.next().await.unwrap();
            assert_eq!(event.args::<(i64,)>().unwrap(), (number,));
        }
    }
}

#[tokio::test]
async fn an_event_that_is_refused_is_an_error_if_it_is_acknowledged() {
    let world = World::new().await;
    let publish = |more: &[&'static str]| {
        let args = [&["publish", "com.example.tick"], more].concat();
        let mut command = world.command(&args);
        command
            .env("WAMP_TICKET", "secret!!!")
            .env("WAMP_AUTHID", "joe")
            .env("WAMP_REALM", "closed");
        finish(command)
    };
    publish(&[]).await.failed(1, "wamp.error.not_authorized: ");
    publish(&["--no-acknowledge"]).await.is("");
}
