use std::sync::Barrier;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use bytes::Bytes;
use wamp_core::OutboxLimits;
use wamp_messages::message::{Call, Publish, Subscribe};
use wamp_messages::{Format, Payload, RequestId, Roles, SessionId};

use super::*;

/// Counts its wakes, and how many of them came under the lock of the realm.
struct Witness {
    realm: Arc<RunningRealm>,
    wakes: AtomicUsize,
    wakes_under_the_lock: AtomicUsize,
}

impl Wake for Witness {
    fn wake(self: Arc<Self>) {
        self.wakes.fetch_add(1, Ordering::Relaxed);
        if self.realm.state.try_lock().is_err() {
            self.wakes_under_the_lock.fetch_add(1, Ordering::Relaxed);
        }
    }
}

fn join(realm: &RunningRealm, touched: &mut Touched) -> (Peer, Arc<Outbox>) {
    let identity = Identity {
        session: SessionId::ZERO.next(),
        authid: "somebody".to_owned(),
        authrole: wamp_auth::ANONYMOUS.to_owned(),
        roles: Roles::none(),
    };
    let outbox = Arc::new(Outbox::new(OutboxLimits::default()));
    let welcome = wamp_core::lifecycle::abort(wamp_messages::error_uri::CANCELED, "any");
    let peer = realm.join(identity, &outbox, welcome.into(), Duration::ZERO, touched);
    (peer, outbox)
}

/// Takes out what is in an outbox, and leaves the waker there.
fn drain(outbox: &Outbox, waker: &Waker) -> Vec<&'static str> {
    let mut names = Vec::new();
    while let Poll::Ready(message) = outbox.poll_pop(&Context::from_waker(waker)) {
        names.push(message.message().name());
    }
    names
}

/// A frame that looks, when it is dropped, whether the lock of the realm is free.
struct Frame {
    realm: Arc<RunningRealm>,
    was_free: Arc<AtomicBool>,
}

impl AsRef<[u8]> for Frame {
    fn as_ref(&self) -> &[u8] {
        &[0x90]
    }
}

impl Drop for Frame {
    fn drop(&mut self) {
        let is_free = self.realm.state.try_lock().is_ok();
        self.was_free.store(is_free, Ordering::Relaxed);
    }
}

#[test]
fn a_frame_that_nobody_gets_is_not_dropped_under_the_lock() {
    let realm = Arc::new(RunningRealm::new(Realm::new("com.example")));
    let mut touched = Touched::default();
    let (peer, _outbox) = join(&realm, &mut touched);
    let topic = Uri::from_static("com.example.t");
    let publish = |request, payload| -> Message {
        let (options, topic) = (Default::default(), topic.clone());
        let publish = Publish {
            request,
            options,
            topic,
            payload,
        };
        publish.into()
    };
    let call = |request, payload| -> Message {
        let (options, procedure) = (Default::default(), topic.clone());
        let call = Call {
            request,
            options,
            procedure,
            payload,
        };
        call.into()
    };
    type Make<'a> = &'a dyn Fn(RequestId, Payload) -> Message;
    let mut request = RequestId::ZERO;
    for make in [&publish as Make<'_>, &call] {
        request = request.next();
        let was_free = Arc::<AtomicBool>::default();
        let frame = Frame {
            realm: Arc::clone(&realm),
            was_free: Arc::clone(&was_free),
        };
        let message = make(
            request,
            Payload::encoded(Format::MsgPack, Bytes::from_owner(frame), 1, None).unwrap(),
        );
        realm
            .handle(peer, message, Moment::default(), &mut touched)
            .unwrap();
        assert!(was_free.load(Ordering::Relaxed), "{request}");
    }
}

#[test]
fn a_lock_that_is_not_free_is_told_of() {
    let realm = RunningRealm::new(Realm::new("com.example"));
    drop(realm.lock());
    assert_eq!(realm.metrics().lock.contended, 0);
    // Whether the other one comes before the lock is free again is chance.
    while realm.metrics().lock.contended == 0 {
        let both = Barrier::new(2);
        std::thread::scope(|scope| {
            let held = realm.lock();
            scope.spawn(|| {
                both.wait();
                drop(realm.lock());
            });
            both.wait();
            std::thread::yield_now();
            drop(held);
        });
    }
}

#[test]
fn a_connection_is_woken_once_for_many_messages_and_not_under_the_lock() {
    let realm = Arc::new(RunningRealm::new(Realm::new("com.example")));
    let mut touched = Touched::default();
    let (subscriber, outbox) = join(&realm, &mut touched);
    let (publisher, _others) = join(&realm, &mut touched);
    let topic = Uri::from_static("com.example.t");
    let subscribe = Subscribe {
        request: RequestId::ZERO.next(),
        options: Default::default(),
        topic: topic.clone(),
    };
    realm
        .handle(
            subscriber,
            subscribe.into(),
            Moment::default(),
            &mut touched,
        )
        .unwrap();

    let witness = Arc::new(Witness {
        realm: Arc::clone(&realm),
        wakes: AtomicUsize::new(0),
        wakes_under_the_lock: AtomicUsize::new(0),
    });
    let waker = Waker::from(Arc::clone(&witness));
    drain(&outbox, &waker);
    let mut request = RequestId::ZERO;
    for _ in 0..3 {
        request = request.next();
        let publish = Publish {
            request,
            options: Default::default(),
            topic: topic.clone(),
            payload: Payload::empty(),
        };
        realm
            .handle(publisher, publish.into(), Moment::default(), &mut touched)
            .unwrap();
        assert_eq!(witness.wakes.load(Ordering::Relaxed), 0);
    }
    touched.wake(None);
    assert_eq!(witness.wakes.load(Ordering::Relaxed), 1);
    assert_eq!(witness.wakes_under_the_lock.load(Ordering::Relaxed), 0);
    assert_eq!(drain(&outbox, &waker), ["EVENT"; 3]);
}
