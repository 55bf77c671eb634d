//! The other side of what the page does: a session in this process.

use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Result, ensure};
use wamp::{ApplicationError, Args, Binary, Dict, Kwargs, Reply, Router, Session, Value};

/// The procedures that the page calls, and the topic that it publishes to.
pub(crate) struct Counterpart {
    published: Arc<Mutex<Vec<String>>>,
    /// Bytes that arrived as such.
    octets: Arc<Mutex<usize>>,
}

impl Counterpart {
    pub(crate) async fn start(router: &Router) -> Result<Self> {
        let session = router.session("realm1").await?;
        let this = Self {
            published: Arc::default(),
            octets: Arc::default(),
        };
        this.record(&session).await?;
        session.register("com.example.echo", echo).await?;
        session.register("com.example.refuse", refuse).await?;
        let caller = session.clone();
        session
            .register(
                "com.example.call_back",
                move |procedure: String, left: i64, right: i64| {
                    call_back(caller.clone(), procedure, left, right)
                },
            )
            .await?;
        let publisher = session.clone();
        session
            .register("com.example.publish", move |topic: String, text: String| {
                publish(publisher.clone(), topic, text)
            })
            .await?;
        Ok(this)
    }

    /// Fails unless everything arrived that the page says to have sent.
    pub(crate) fn has_seen_all(&self) -> Result<()> {
        let published = self
            .published
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        ensure!(
            *published == ["json", "msgpack", "cbor"],
            "the page published {published:?}"
        );
        let octets = self.octets.lock().unwrap_or_else(PoisonError::into_inner);
        ensure!(*octets == 3 * 256, "{} octets arrived", *octets);
        Ok(())
    }

    async fn record(&self, session: &Session) -> Result<()> {
        let published = Arc::clone(&self.published);
        session
            .subscribe("com.example.from_page")
            .handler(move |format: String| {
                let published = Arc::clone(&published);
                async move {
                    let mut published = published.lock().unwrap_or_else(PoisonError::into_inner);
                    published.push(format);
                }
            })
            .await?;
        let octets = Arc::clone(&self.octets);
        session
            .register("com.example.reverse", move |Binary(bytes): Binary| {
                *octets.lock().unwrap_or_else(PoisonError::into_inner) += bytes.len();
                let reversed: Vec<u8> = bytes.iter().rev().copied().collect();
                async move { Ok(Binary(reversed.into())) }
            })
            .await?;
        Ok(())
    }
}

async fn echo(
    Args(args): Args<Vec<Value>>,
    Kwargs(kwargs): Kwargs<Dict>,
) -> Result<Reply, ApplicationError> {
    Ok(Reply::new(args).with_kwargs(kwargs))
}

async fn refuse(Args(args): Args<Vec<Value>>) -> Result<(), ApplicationError> {
    Err(ApplicationError::new("com.example.refused", "").with_args(args))
}

async fn call_back(
    session: Session,
    procedure: String,
    left: i64,
    right: i64,
) -> Result<i64, ApplicationError> {
    Ok(session
        .call(&procedure)
        .args((left, right))
        .returns()
        .await?)
}

async fn publish(session: Session, topic: String, text: String) -> Result<(), ApplicationError> {
    session.publish(&topic).args((text,)).acknowledge().await?;
    Ok(())
}
