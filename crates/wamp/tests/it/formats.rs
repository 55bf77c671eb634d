use std::future::IntoFuture;

use bytes::Bytes;
use wamp::{ApplicationError, Args, CallError, Kwargs, Reply, Serializer, Value, args, kwargs};

use crate::world::{World, bounded, serializers};

/// Values that each format writes in its own way.
fn values() -> Vec<Value> {
    let deep = (0..20).fold(Value::Null, |inner, _| Value::List(vec![inner]));
    args![
        (),
        true,
        0,
        -1,
        i64::MIN,
        u64::MAX,
        9_007_199_254_740_993_u64,
        1.5,
        -0.0,
        1e300,
        "",
        "text with \"quotes\", \\ and \u{1F600}",
        Bytes::from_static(b"\x00\x01\xfe\xff"),
        Bytes::new(),
        Vec::<Value>::new(),
        kwargs! { z: 1, a: args![1, kwargs! { "key with spaces": () }] },
        deep,
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn values_arrive_equal_between_all_formats() {
    let world = World::new().await;
    let mut procedures = Vec::new();
    let mut callees = Vec::new();
    for serializer in serializers() {
        let procedure = format!("com.example.echo.{}", serializer.name().replace('.', "_"));
        let callee = world.session_with(serializer).await;
        let echo = |Args(args): Args<Vec<Value>>, Kwargs(kwargs): Kwargs<wamp::Dict>| async move {
            Ok(Reply::new(args).with_kwargs(kwargs))
        };
        callee.register(&procedure, echo).await.unwrap();
        procedures.push(procedure);
        callees.push(callee);
    }
    let kwargs = kwargs! { first: "ü", second: Bytes::from_static(b"\xff"), third: values() };
    for serializer in serializers() {
        let name = serializer.name().into_owned();
        let caller = world.session_with(serializer).await;
        for procedure in &procedures {
            let call = caller.call(procedure).args(values()).kwargs(&kwargs);
            let result = bounded(call.into_future()).await.unwrap();
            assert_eq!(
                result.args::<Vec<Value>>().unwrap(),
                values(),
                "{name} to {procedure}"
            );
            assert_eq!(
                result.kwargs::<wamp::Dict>().unwrap(),
                kwargs,
                "{name} to {procedure}"
            );
        }
    }
}

#[tokio::test]
async fn events_reach_subscribers_of_every_format() {
    let world = World::new().await;
    let mut streams = Vec::new();
    for serializer in serializers() {
        let session = world.session_with(serializer).await;
        streams.push(session.subscribe("com.example.t").await.unwrap());
    }
    for serializer in serializers() {
        let publisher = world.session_with(serializer).await;
        publisher
            .publish("com.example.t")
            .args(values())
            .acknowledge()
            .await
            .unwrap();
        for stream in &mut streams {
            let event = bounded(stream.next()).await.unwrap();
            assert_eq!(event.args::<Vec<Value>>().unwrap(), values());
        }
    }
}

#[tokio::test]
async fn application_errors_keep_uri_and_arguments() {
    let world = World::new().await;
    let callee = world.session_with(Serializer::json()).await;
    let fail = |n: i64| async move {
        let error = ApplicationError::new("com.example.error.Odd-One", "odd");
        Err::<(), _>(
            error
                .with_args(args![n, "odd"])
                .with_kwargs(kwargs! { n: n }),
        )
    };
    callee.register("com.example.fail", fail).await.unwrap();
    let caller = world.session().await;
    match caller.call("com.example.fail").args((7,)).await {
        Err(CallError::Application(error)) => {
            assert_eq!(error.uri(), "com.example.error.Odd-One");
            assert_eq!(
                error.args::<(i64, String)>().unwrap(),
                (7, "odd".to_owned())
            );
            assert_eq!(error.kwargs::<wamp::Dict>().unwrap(), kwargs! { n: 7 });
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn what_a_format_cannot_carry_is_refused_to_its_sender_alone() {
    let world = World::new().await;
    let json = world.session_with(Serializer::json()).await;
    json.register("com.example.echo", |value: Value| async move { Ok(value) })
        .await
        .unwrap();
    let mut stream = json.subscribe("com.example.t").await.unwrap();
    let cbor = world.session().await;
    match cbor.call("com.example.echo").args((f64::NAN,)).await {
        Err(CallError::Application(error)) => assert_eq!(error.uri(), "wamp.error.invalid_payload"),
        other => panic!("{other:?}"),
    }
    cbor.publish("com.example.t")
        .args((f64::NAN,))
        .acknowledge()
        .await
        .unwrap();
    cbor.publish("com.example.t")
        .args((1,))
        .acknowledge()
        .await
        .unwrap();
    let event = bounded(stream.next()).await.unwrap();
    assert_eq!(
        event.args::<(i64,)>().unwrap().0,
        1,
        "the event that could not be sent is missing"
    );
    assert_eq!(world.router.undelivered_events("realm1"), Some(1));
    assert!(json.is_open() && cbor.is_open());
}

#[tokio::test]
async fn permissions_hold_and_roles_are_told() {
    let world = World::new().await;
    let guest = world.guest().await;
    assert_eq!(guest.details().authrole.as_deref(), Some("guest"));
    assert_eq!(guest.details().authmethod.as_deref(), Some("ticket"));
    let refused = guest
        .publish("com.example.t")
        .acknowledge()
        .await
        .unwrap_err();
    assert!(
        refused.to_string().starts_with("wamp.error.not_authorized"),
        "{refused}"
    );
    let refused = guest
        .register("com.example.p", || async { Ok(()) })
        .await
        .unwrap_err();
    assert!(
        refused.to_string().starts_with("wamp.error.not_authorized"),
        "{refused}"
    );
    guest.subscribe("com.example.t").await.unwrap();
    let refused = guest.subscribe("org.other.t").await.unwrap_err();
    assert!(
        refused.to_string().starts_with("wamp.error.not_authorized"),
        "{refused}"
    );
    let wrong = wamp::connect(world.server.url()).realm("closed");
    let wrong = wrong
        .auth(wamp::Ticket::new("joe", "wrong"))
        .await
        .unwrap_err();
    assert!(matches!(wrong, wamp::ConnectError::Aborted(_)), "{wrong}");
}
