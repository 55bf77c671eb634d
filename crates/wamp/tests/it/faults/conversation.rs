//! What a session says and hears, with a message of every kind, until something goes wrong.

use std::fmt;
use std::future::Future;
use std::time::Duration;

use wamp::core::TransportError;
use wamp::messages::error_uri;
use wamp::{
    CallError, Connect, ConnectError, Event, PublishError, RegisterError, Session, SessionClosed,
    SubscribeError, Ticket, Transport,
};

use super::stage::REALM;

/// How a conversation went.
#[derive(Debug)]
pub(crate) struct Conversation {
    /// The session, if it was opened.
    session: Option<Session>,
    /// What did not go as it should, and at which step.
    outcome: Result<(), (&'static str, Failure)>,
}

/// Why a step failed.
#[derive(Debug)]
pub(crate) enum Failure {
    /// There is no transport.
    Transport(String),
    /// There is no session.
    Connect(ConnectError),
    /// The session has ended.
    Closed(SessionClosed),
    /// Nobody answered.
    Unanswered,
    /// The answer is not what was asked for.
    Other(String),
}

/// How a conversation is to be held.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Manner {
    /// How long the session may take to be opened.
    pub(crate) connect: Duration,
    pub(crate) patience: Patience,
    /// What tells its procedure and its topic from those of others.
    pub(crate) number: usize,
}

/// How long an answer is waited for.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Patience {
    /// For ever: the transport is to notice when nothing comes any more.
    Endless,
    /// For so long: what is corrupted may ask for no answer.
    For(Duration),
}

impl Patience {
    async fn wait<T, E: Into<Failure>>(
        self,
        step: &'static str,
        answer: impl Future<Output = Result<T, E>>,
    ) -> Result<T, (&'static str, Failure)> {
        let answered = match self {
            Self::Endless => answer.await,
            Self::For(limit) => {
                let answer = tokio::time::timeout(limit, answer).await;
                answer.map_err(|_| (step, Failure::Unanswered))?
            }
        };
        answered.map_err(|error| (step, error.into()))
    }
}

/// Opens a session over a transport that is being opened, and talks.
pub(crate) async fn converse<T: Transport>(
    connecting: impl Future<Output = Result<T, String>>,
    manner: Manner,
) -> Conversation {
    let mut conversation = Conversation {
        session: None,
        outcome: Ok(()),
    };
    conversation.outcome = talk(connecting, manner, &mut conversation.session).await;
    if let Some(session) = &conversation.session {
        // It has ended, or it ends now: after an answer that is missing or wrong it is left.
        let _ = session.leave().await;
    }
    conversation
}

async fn talk<T: Transport>(
    connecting: impl Future<Output = Result<T, String>>,
    manner: Manner,
    joined: &mut Option<Session>,
) -> Result<(), (&'static str, Failure)> {
    let Manner {
        connect,
        patience,
        number,
    } = manner;
    // Always of the same length.
    let procedure = format!("com.example.n{number:04}.double");
    let topic = format!("com.example.n{number:04}.topic");
    let transport = connecting.await;
    let transport = transport.map_err(|error| ("connect", Failure::Transport(error)))?;
    let joining = Connect::over(transport)
        .realm(REALM)
        .timeout(connect)
        .auth(Ticket::new("joe", "secret!!!"));
    let session = joining
        .await
        .map_err(|error| ("join", Failure::Connect(error)))?;
    *joined = Some(session.clone());

    let double = |n: i64| async move { Ok(2 * n) };
    let registering = session.register(&procedure, double).into_future();
    let registration = patience.wait("register", registering).await?;
    let calling = session.call(&procedure).args((21,)).returns::<i64>();
    let doubled = patience.wait("call", calling.into_future()).await?;
    expect("call", patience, doubled == 42, &doubled)?;

    let failing = session
        .call("com.bystander.fail")
        .args(("why",))
        .into_future();
    match patience.wait("fail", failing).await {
        Err((_, Failure::Other(error))) => {
            let is_right = error == "com.bystander.error: why";
            expect("fail", patience, is_right, &error)?;
        }
        Err(other) => return Err(other),
        Ok(result) => expect("fail", patience, false, &result)?,
    }

    let subscribing = session.subscribe(&topic).into_future();
    let mut events = patience.wait("subscribe", subscribing).await?;
    let publishing = session.publish(&topic).args((1, "one")).exclude_me(false);
    patience
        .wait("publish", publishing.acknowledge().into_future())
        .await?;
    let next = async {
        match events.next().await {
            Some(event) => Ok(event),
            None => Err(Failure::Closed(SessionClosed(session.closed().await))),
        }
    };
    let event: Event = patience.wait("event", next).await?;
    let content = event.args::<(i64, String)>().ok();
    let is_right = content == Some((1, "one".to_owned()));
    expect("event", patience, is_right, &content)?;

    patience.wait("unsubscribe", events.unsubscribe()).await?;
    patience
        .wait("unregister", registration.unregister())
        .await?;
    let left = session.leave().await.map_err(|error| match error {
        wamp::LeaveError::Closed(closed) => ("leave", Failure::Closed(closed)),
        other => ("leave", Failure::Other(other.to_string())),
    })?;
    if left.reason.as_str() == error_uri::CLOSE_TRANSPORT_LOST {
        return Err(("leave", Failure::Closed(SessionClosed(left))));
    }
    let is_right = left.reason.as_str() == error_uri::GOODBYE_AND_OUT;
    expect("leave", patience, is_right, &left)
}

/// Checks a value, which may be another one only where octets are corrupted.
fn expect(
    step: &'static str,
    patience: Patience,
    is_right: bool,
    value: &dyn fmt::Debug,
) -> Result<(), (&'static str, Failure)> {
    match patience {
        _ if is_right => Ok(()),
        Patience::Endless => panic!("{step}: {value:?} is wrong"),
        Patience::For(_) => Err((step, Failure::Other(format!("{value:?}")))),
    }
}

impl Conversation {
    pub(crate) fn failure(&self) -> Option<&Failure> {
        self.outcome.as_ref().err().map(|(_, failure)| failure)
    }

    /// Everything went as it should.
    pub(crate) fn assert_complete(&self) {
        if let Err((step, failure)) = &self.outcome {
            panic!("{step} failed: {failure:?}");
        }
    }

    /// Everything went as it should, or until the transport was lost, of which the session tells.
    pub(crate) fn assert_complete_or_lost(&self) {
        let Err((step, failure)) = &self.outcome else {
            return;
        };
        match failure {
            Failure::Transport(error) => assert_eq!(*step, "connect", "{error}"),
            Failure::Connect(ConnectError::Transport(error)) => {
                let is_lost = matches!(
                    error,
                    TransportError::Closed | TransportError::Io(_) | TransportError::TimedOut(_)
                );
                assert!(is_lost, "{error}");
            }
            Failure::Connect(ConnectError::TimedOut(_)) => {}
            // The router waits for what has stalled less long than the client.
            Failure::Connect(ConnectError::Aborted(details)) => {
                let reason = details.reason.as_str();
                let is_late = [error_uri::TIMEOUT, error_uri::AUTHENTICATION_FAILED];
                assert!(is_late.contains(&reason), "{details}");
            }
            Failure::Closed(closed) => {
                let reason = closed.0.reason.as_str();
                assert_eq!(reason, error_uri::CLOSE_TRANSPORT_LOST, "{step}: {closed}");
                let session = self.session.as_ref().expect("it was open");
                assert!(!session.is_open());
            }
            other => panic!("{step} failed: {other:?}"),
        }
    }
}

macro_rules! into_failure {
    ($($error:ident),*) => {$(
        impl From<$error> for Failure {
            fn from(error: $error) -> Self {
                match error {
                    $error::Closed(closed) => Self::Closed(closed),
                    other => Self::Other(other.to_string()),
                }
            }
        }
    )*};
}

into_failure!(CallError, PublishError, RegisterError, SubscribeError);
