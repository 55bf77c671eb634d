//! Rules of the broker.

use wamp_messages::message::Event;
use wamp_messages::{Message, Payload, SessionId, SubscriptionId};

use super::*;
use crate::realm::Peer;
use crate::realm::moment::Moment;
use crate::realm::tests::{
    Stage, acknowledged, payload, publish, subscribe, too_long, unsubscribe,
};

fn events(sent: &[(Peer, Message)]) -> Vec<(Peer, &Event)> {
    let event = |(to, message): &'_ (Peer, Message)| match message {
        Message::Event(_) => Some(*to),
        _ => None,
    };
    let receivers = sent.iter().filter_map(event);
    let events = sent.iter().filter_map(|(_, message)| match message {
        Message::Event(event) => Some(event),
        _ => None,
    });
    receivers.zip(events).collect()
}

fn receivers(sent: &[(Peer, Message)]) -> Vec<Peer> {
    events(sent).iter().map(|(to, _)| *to).collect()
}

/// A publisher and three subscribers of `com.a`: two users and a router.
fn audience() -> (Stage, Peer, [Peer; 3]) {
    let mut stage = Stage::new();
    let publisher = stage.join();
    let subscribers = [stage.join(), stage.join(), stage.join_as("router")];
    for subscriber in subscribers {
        stage.subscribe(subscriber, 1, "com.a");
    }
    (stage, publisher, subscribers)
}

/// To whom a publication with options goes.
fn published(change: impl FnOnce(&mut PublishOptions)) -> Vec<usize> {
    let (mut stage, publisher, subscribers) = audience();
    let mut message = publish(1, "com.a");
    change(&mut message.options);
    let sent = stage.say(publisher, message);
    let number = |peer: &Peer| subscribers.iter().position(|known| known == peer).unwrap();
    receivers(&sent).iter().map(number).collect()
}

fn sessions(numbers: &[u64]) -> Option<Vec<SessionId>> {
    let ids = numbers
        .iter()
        .map(|&number| SessionId::new(number).unwrap());
    Some(ids.collect())
}

fn names(names: &[&str]) -> Option<Vec<String>> {
    Some(names.iter().map(|&name| name.to_owned()).collect())
}

#[test]
fn an_event_goes_to_all_subscribers_with_what_was_published() {
    let (mut stage, publisher, subscribers) = audience();
    let sent = stage.say(publisher, publish(1, "com.a"));
    assert_eq!(receivers(&sent), subscribers);
    let publications: Vec<_> = events(&sent).iter().map(|(_, e)| e.publication).collect();
    assert!(
        publications
            .iter()
            .all(|id| *id == publications[0] && !id.is_zero())
    );
    for (_, event) in events(&sent) {
        assert_eq!(event.payload, payload(1));
        assert!(event.details.is_empty());
    }
    assert_eq!(stage.say(publisher, publish(2, "com.b")), []);
}

#[test]
fn an_event_for_many_is_one_message_that_they_share() {
    struct Shared(Vec<Outgoing>);
    impl Sink for Shared {
        fn send(&mut self, _: Peer, message: Outgoing) {
            self.0.push(message);
        }
    }
    let (mut stage, publisher, _) = audience();
    let mut sink = Shared(Vec::new());
    stage
        .routing
        .handle(
            publisher,
            &mut publish(1, "com.a").into(),
            Moment::default(),
            &mut sink,
        )
        .unwrap();
    let [
        Outgoing::Shared(first),
        Outgoing::Shared(second),
        Outgoing::Shared(third),
    ] = &*sink.0
    else {
        panic!("{:?}", sink.0);
    };
    assert!(std::sync::Arc::ptr_eq(first, second) && std::sync::Arc::ptr_eq(second, third));
}

#[test]
fn a_second_subscription_of_a_session_to_a_topic_is_the_first() {
    let mut stage = Stage::new();
    let (publisher, peer, other) = (stage.join(), stage.join(), stage.join());
    let subscription = stage.subscribe(peer, 1, "com.a");
    assert_eq!(stage.subscribe(peer, 2, "com.a"), subscription);
    assert_eq!(stage.subscribe(other, 1, "com.a"), subscription);
    assert_ne!(stage.subscribe(peer, 3, "com.b"), subscription);
    let sent = stage.say(publisher, publish(1, "com.a"));
    assert_eq!(receivers(&sent), [peer, other]);
    assert_eq!(events(&sent)[0].1.subscription, subscription);
}

#[test]
fn a_subscription_ends_at_once() {
    let mut stage = Stage::new();
    let (publisher, peer) = (stage.join(), stage.join());
    let subscription = stage.subscribe(peer, 1, "com.a");
    let unsubscribed = stage.ask(peer, unsubscribe(2, subscription));
    assert!(matches!(unsubscribed, Message::Unsubscribed(message)
        if message.request.as_u64() == 2 && message.details.is_none()));
    assert_eq!(stage.say(publisher, publish(1, "com.a")), []);
    let again = stage.refusal(peer, unsubscribe(3, subscription));
    assert_eq!(again, error_uri::NO_SUCH_SUBSCRIPTION);
    assert_ne!(stage.subscribe(peer, 4, "com.a"), subscription);
}

#[test]
fn a_subscription_of_others_cannot_be_ended() {
    let mut stage = Stage::new();
    let (publisher, peer, thief) = (stage.join(), stage.join(), stage.join());
    let subscription = stage.subscribe(peer, 1, "com.a");
    let unknown = SubscriptionId::new(987_654_321).unwrap();
    for (request, subscription) in [(1, subscription), (2, unknown)] {
        let refused = stage.refusal(thief, unsubscribe(request, subscription));
        assert_eq!(refused, error_uri::NO_SUCH_SUBSCRIPTION);
    }
    assert_eq!(
        receivers(&stage.say(publisher, publish(1, "com.a"))),
        [peer]
    );
}

#[test]
fn an_acknowledged_publication_is_answered_with_its_id() {
    let (mut stage, publisher, _) = audience();
    let sent = stage.say(publisher, acknowledged(publish(1, "com.a")));
    let Some((to, Message::Published(published))) = sent.first() else {
        panic!("{sent:?}");
    };
    assert_eq!((*to, published.request.as_u64()), (publisher, 1));
    assert_eq!(events(&sent)[0].1.publication, published.publication);
    let nobody = stage.ask(publisher, acknowledged(publish(2, "com.nobody")));
    assert!(matches!(nobody, Message::Published(_)));
}

#[test]
fn a_publisher_gets_its_own_event_only_if_it_wants_to() {
    let mut stage = Stage::new();
    let peer = stage.join();
    stage.subscribe(peer, 1, "com.a");
    let mut to_me_too = acknowledged(publish(2, "com.a"));
    to_me_too.options.exclude_me = Some(false);
    let sent = stage.say(peer, to_me_too);
    assert!(matches!(
        &*sent,
        [(_, Message::Published(_)), (_, Message::Event(_))]
    ));
    for (request, exclude_me) in [(3, None), (4, Some(true))] {
        let mut message = publish(request, "com.a");
        message.options.exclude_me = exclude_me;
        assert_eq!(stage.say(peer, message), []);
    }
}

#[test]
fn who_is_excluded_gets_no_event() {
    assert_eq!(published(|o| o.exclude = sessions(&[2, 99])), [1, 2]);
    assert_eq!(published(|o| o.exclude_authid = names(&["user-3"])), [0, 2]);
    assert_eq!(published(|o| o.exclude_authrole = names(&["user"])), [2]);
    assert_eq!(published(|o| o.exclude = sessions(&[])), [0, 1, 2]);
}

#[test]
fn only_who_is_eligible_gets_an_event() {
    assert_eq!(published(|o| o.eligible = sessions(&[3, 99])), [1]);
    assert_eq!(published(|o| o.eligible_authid = names(&["user-2"])), [0]);
    assert_eq!(published(|o| o.eligible_authrole = names(&["router"])), [2]);
    let all = |o: &mut PublishOptions| {
        o.eligible = sessions(&[2, 3, 4]);
        o.eligible_authrole = names(&["user"]);
        o.exclude = sessions(&[2]);
    };
    assert_eq!(published(all), [1]);
}

#[test]
fn an_empty_list_makes_nobody_eligible() {
    assert!(published(|o| o.eligible = sessions(&[])).is_empty());
    assert!(published(|o| o.eligible_authid = names(&[])).is_empty());
    assert!(published(|o| o.eligible_authrole = names(&[])).is_empty());
}

#[test]
fn a_long_list_means_what_a_short_one_means() {
    let many: Vec<u64> = (2..=3).chain(100..1_000).collect();
    assert_eq!(published(|o| o.eligible = sessions(&many)), [0, 1]);
    assert_eq!(published(|o| o.exclude = sessions(&many)), [2]);
}

#[test]
fn patterns_are_refused() {
    let mut stage = Stage::new();
    let peer = stage.join();
    for (request, policy, uri) in [
        (1, "prefix", error_uri::OPTION_NOT_ALLOWED),
        (2, "wildcard", error_uri::OPTION_NOT_ALLOWED),
        (3, "regex", error_uri::INVALID_ARGUMENT),
    ] {
        let mut message = subscribe(request, "com.a");
        message.options.match_policy = Some(MatchPolicy::new(policy));
        assert_eq!(stage.refusal(peer, message), uri);
    }
    let mut exact = subscribe(4, "com.a");
    exact.options.match_policy = Some(MatchPolicy::EXACT);
    assert!(matches!(stage.ask(peer, exact), Message::Subscribed(_)));
}

#[test]
fn subscriptions_are_limited() {
    let mut stage = Stage::with(|config| config.limits = config.limits.subscriptions(2));
    let (peer, other) = (stage.join(), stage.join());
    stage.subscribe(peer, 1, "com.a");
    let second = stage.subscribe(peer, 2, "com.b");
    let refused = stage.refusal(peer, subscribe(3, "com.c"));
    assert_eq!(refused, limit_uri::TOO_MANY_SUBSCRIPTIONS);
    // What it has already, and what others have, is not counted.
    assert_eq!(stage.subscribe(peer, 4, "com.b"), second);
    stage.subscribe(other, 1, "com.c");
    stage.ask(peer, unsubscribe(5, second));
    stage.subscribe(peer, 6, "com.c");
}

#[test]
fn how_a_payload_is_encoded_is_passed_on_and_other_options_are_not() {
    let (mut stage, publisher, _) = audience();
    let mut message = publish(1, "com.a");
    let options = &mut message.options;
    options.enc_algo = Some("cryptobox".to_owned());
    options.enc_serializer = Some("json".to_owned());
    options.enc_key = Some("key".to_owned());
    options.transaction_hash = Some("hash".to_owned());
    options.disclose_me = Some(true);
    options.retain = Some(true);
    options.extra.insert("x_unknown", 1);
    message.payload = Payload::opaque(bytes::Bytes::from_static(b"\xff\x00"));
    let sent = stage.say(publisher, message);
    let mut expected = EventDetails::default();
    expected.enc_algo = Some("cryptobox".to_owned());
    expected.enc_serializer = Some("json".to_owned());
    expected.enc_key = Some("key".to_owned());
    expected.transaction_hash = Some("hash".to_owned());
    let event = events(&sent)[0].1;
    assert_eq!(*event.details, expected);
    assert_eq!(
        event.payload.as_opaque().map(|octets| &**octets),
        Some(&b"\xff\x00"[..])
    );
}

#[test]
fn events_come_in_the_order_of_their_publications_over_all_topics() {
    let mut stage = Stage::new();
    let (publisher, peer) = (stage.join(), stage.join());
    stage.subscribe(peer, 1, "com.a");
    stage.subscribe(peer, 2, "com.b");
    let mut payloads = Vec::new();
    for request in 1..=10 {
        let topic = if request % 3 == 0 { "com.a" } else { "com.b" };
        let sent = stage.say(publisher, publish(request, topic));
        payloads.extend(events(&sent).iter().map(|(_, event)| event.payload.clone()));
    }
    assert_eq!(payloads, (1..=10).map(payload).collect::<Vec<_>>());
}

#[test]
fn an_event_that_cannot_be_sent_to_one_is_counted_and_forgotten() {
    let (mut stage, publisher, subscribers) = audience();
    let sent = stage.say(publisher, publish(1, "com.a"));
    let event = events(&sent)[0].1.clone();
    assert_eq!(
        stage.return_to_sender(subscribers[0], event, &too_long()),
        []
    );
    assert_eq!(stage.routing.undelivered_events(), 1);
    // It stays a subscriber.
    let sent = stage.say(publisher, publish(2, "com.a"));
    assert_eq!(receivers(&sent), subscribers);
}

#[test]
fn what_the_router_publishes_itself_goes_to_all_subscribers_and_is_one_message() {
    let mut stage = Stage::new();
    let subscribers = [stage.join(), stage.join()];
    assert!(stage.tell_loss(77, 5).is_empty());
    for peer in subscribers {
        stage.subscribe(peer, 1, crate::meta_uri::ON_EVENTS_DROPPED);
    }
    let sent = stage.tell_loss(77, 5);
    let [
        (one, Outgoing::Shared(first)),
        (other, Outgoing::Shared(second)),
    ] = &*sent
    else {
        panic!("{sent:?}");
    };
    assert_eq!([*one, *other], subscribers);
    assert!(std::sync::Arc::ptr_eq(first, second));
    let Message::Event(event) = first.message() else {
        panic!("{first:?}");
    };
    let args: (u64, u64) = wamp_serializers::decode_args(&event.payload).unwrap();
    assert_eq!(args, (77, 5));
}

#[test]
fn what_the_router_publishes_itself_is_not_made_for_nobody() {
    struct Nowhere;
    impl Sink for Nowhere {
        fn send(&mut self, _: Peer, message: Outgoing) {
            panic!("{message:?}");
        }
    }
    let topic = Uri::from_static("wamp.any");
    Broker::default().publish_own(&topic, || panic!("nobody gets it"), &mut Nowhere);
}
