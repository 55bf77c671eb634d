//! Our client and our router, each as a process of its own; peers/peer.py says how the client is spoken to.

mod failure;
mod json;

use std::collections::HashMap;
use std::io::{self, BufRead, Read, Write};
use std::path::Path;
use std::process;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::{Value as Json, json};
use tokio::runtime::Runtime;
use wamp::net::tls::{ClientTls, ServerTls};
use wamp::serializers::BatchSeparator;
use wamp::{
    ApplicationError, Args, Dial, Dict, Kwargs, Permissions, Realm, Registration, Reply, Router,
    Serializer, Session, StaticTickets, SubscriptionHandle, Ticket, Value,
};

use crate::ours::failure::Failure;
use crate::ours::json::{native_dict, native_list, plain, plain_dict};

/// Serves over every transport until the input ends; the certificate is in `folder`.
pub(crate) fn router(folder: Option<&String>) -> Result<()> {
    let folder = Path::new(folder.context("the directory of the certificate is missing")?);
    let tls = ServerTls::from_pem_files(folder.join("server.pem"), folder.join("server.key"))?;
    // A router that is started again after a failure is another process.
    let socket = folder.join(format!("router-{}.sock", process::id()));
    let realm = Realm::new("realm1")
        .role("anonymous", Permissions::all())
        .role("user", Permissions::all())
        .anonymous("anonymous")
        .authenticator(StaticTickets::new().with_principal("alice", "user", "open sesame"));
    let router = Router::builder().realm(realm).build();
    Runtime::new()?.block_on(async {
        let tcp = router.listen("127.0.0.1:0").await?;
        let encrypted = router.listen("127.0.0.1:0").tls(tls).await?;
        let unix = router.listen(format!("unix:{}", socket.display())).await?;
        write(&json!({"listening": {
            "ws": tcp.url(),
            "wss": encrypted.url(),
            "rs": tcp.rawsocket_url(),
            "rss": encrypted.rawsocket_url(),
            "unix": unix.rawsocket_url(),
        }}));
        tokio::task::spawn_blocking(|| io::stdin().read_to_end(&mut Vec::new())).await??;
        router.shutdown(Duration::from_secs(5)).await;
        Ok(())
    })
}

/// Carries out commands until the input ends.
pub(crate) fn peer() -> Result<()> {
    let runtime = Runtime::new()?;
    let mut client = None;
    for line in io::stdin().lock().lines() {
        let command: Json = serde_json::from_str(&line?)?;
        write(&match runtime.block_on(carry_out(&mut client, &command)) {
            Ok(answer) => json!({"ok": answer}),
            Err(Failure::Application(error)) => json!({"error": error}),
            Err(Failure::Other(error)) => json!({"failed": format!("{error:#}")}),
        });
    }
    Ok(())
}

async fn carry_out(client: &mut Option<Client>, command: &Json) -> Result<Json, Failure> {
    if command["do"] == "connect" {
        let (connected, answer) = Client::connect(command).await?;
        *client = Some(connected);
        return Ok(answer);
    }
    let client = client.as_mut().context("not connected")?;
    let text = |key: &str| {
        command[key]
            .as_str()
            .with_context(|| format!("{key} is missing"))
    };
    match text("do")? {
        "register" => client.register(text("procedure")?, text("as")?).await,
        "unregister" => client.unregister(text("procedure")?).await,
        "call" => client.call(text("procedure")?, command).await,
        "subscribe" => client.subscribe(text("topic")?).await,
        "unsubscribe" => client.unsubscribe(text("topic")?).await,
        "publish" => client.publish(text("topic")?, command).await,
        "leave" => client.leave().await,
        unknown => Err(anyhow::anyhow!("what is {unknown}?").into()),
    }
}

/// One session, and what it has registered and subscribed to.
struct Client {
    session: Session,
    leaving: Arc<AtomicBool>,
    registrations: HashMap<String, Registration>,
    subscriptions: HashMap<String, SubscriptionHandle>,
}

impl Client {
    async fn connect(command: &Json) -> Result<(Self, Json), Failure> {
        let text = |key: &str| {
            command[key]
                .as_str()
                .with_context(|| format!("{key} is missing"))
        };
        let serializer = serializer(text("serializer")?)?;
        let mut dial = Dial::new(text("url")?).serializers([serializer]);
        if let Some(root) = command["root"].as_str() {
            dial = dial.tls(ClientTls::default().root_pem_file(root));
        }
        let mut connect = dial.connect().realm(text("realm")?);
        if let Some(ticket) = command["ticket"].as_str() {
            connect = connect.auth(Ticket::new(text("authid")?, ticket));
        }
        let session = connect.await?;
        let info = session.connection_info();
        let answer = json!({
            "serializer": info.serializer,
            "transport": info.transport,
            "tls": info.tls.is_some(),
        });
        let leaving = Arc::new(AtomicBool::new(false));
        tokio::spawn(report_close(session.clone(), Arc::clone(&leaving)));
        let (registrations, subscriptions) = (HashMap::new(), HashMap::new());
        Ok((
            Self {
                session,
                leaving,
                registrations,
                subscriptions,
            },
            answer,
        ))
    }

    async fn register(&mut self, procedure: &str, behaviour: &str) -> Result<Json, Failure> {
        let (name, behaviour) = (procedure.to_owned(), behaviour.to_owned());
        let handler = move |Args(args): Args<Vec<Value>>, Kwargs(kwargs): Kwargs<Dict>| {
            write(&json!({
                "received": "invocation",
                "procedure": name,
                "args": args.iter().map(plain).collect::<Json>(),
                "kwargs": plain_dict(&kwargs),
            }));
            answer(behaviour.clone(), args, kwargs)
        };
        let registration = self.session.register(procedure, handler).await?;
        self.registrations
            .insert(procedure.to_owned(), registration);
        Ok(json!({}))
    }

    async fn unregister(&mut self, procedure: &str) -> Result<Json, Failure> {
        let registration = self
            .registrations
            .remove(procedure)
            .context("not registered")?;
        registration.unregister().await?;
        Ok(json!({}))
    }

    async fn call(&self, procedure: &str, command: &Json) -> Result<Json, Failure> {
        let args = native_list(&command["args"])?;
        let kwargs = native_dict(&command["kwargs"])?;
        let result = self
            .session
            .call(procedure)
            .args(args)
            .kwargs(kwargs)
            .await?;
        let args: Vec<Value> = result.args()?;
        let kwargs: Dict = result.kwargs()?;
        Ok(json!({"args": args.iter().map(plain).collect::<Json>(), "kwargs": plain_dict(&kwargs)}))
    }

    async fn subscribe(&mut self, topic: &str) -> Result<Json, Failure> {
        let name = topic.to_owned();
        let handler = move |Args(args): Args<Vec<Value>>, Kwargs(kwargs): Kwargs<Dict>| {
            write(&json!({
                "received": "event",
                "topic": name,
                "args": args.iter().map(plain).collect::<Json>(),
                "kwargs": plain_dict(&kwargs),
            }));
            async {}
        };
        let subscription = self.session.subscribe(topic).handler(handler).await?;
        self.subscriptions.insert(topic.to_owned(), subscription);
        Ok(json!({}))
    }

    async fn unsubscribe(&mut self, topic: &str) -> Result<Json, Failure> {
        let subscription = self.subscriptions.remove(topic).context("not subscribed")?;
        subscription.unsubscribe().await?;
        Ok(json!({}))
    }

    async fn publish(&self, topic: &str, command: &Json) -> Result<Json, Failure> {
        let args = native_list(&command["args"])?;
        let kwargs = native_dict(&command["kwargs"])?;
        let publication = self
            .session
            .publish(topic)
            .args(args)
            .kwargs(kwargs)
            .acknowledge()
            .await?;
        Ok(json!({"acknowledged": publication.id().as_u64() > 0}))
    }

    async fn leave(&self) -> Result<Json, Failure> {
        self.leaving.store(true, Ordering::SeqCst);
        let details = self.session.leave().await?;
        Ok(json!({"reason": details.reason.as_str()}))
    }
}

/// The serializer of a name. Batched JSON has the separator that Autobahn and Crossbar.io want.
fn serializer(name: &str) -> Result<Serializer> {
    let serializer = Serializer::from_name(name).with_context(|| format!("what is {name}?"))?;
    Ok(serializer.with_separator(BatchSeparator::Cancel))
}

/// Answers an invocation that has been reported.
async fn answer(
    behaviour: String,
    args: Vec<Value>,
    kwargs: Dict,
) -> Result<Reply, ApplicationError> {
    match behaviour.as_str() {
        "echo" => Ok(Reply::new(args).with_kwargs(kwargs)),
        "corrupt" => Ok(Reply::new(wamp::args!["not what was sent"]).with_kwargs(kwargs)),
        "refuse" => Err(ApplicationError::new("com.example.refused", "")
            .with_args(args)
            .with_kwargs(kwargs)),
        "raise" => panic!("the callee failed"),
        "hang" => std::future::pending().await,
        unknown => Err(ApplicationError::runtime(format!("what is {unknown}?"))),
    }
}

async fn report_close(session: Session, leaving: Arc<AtomicBool>) {
    let details = session.closed().await;
    if !leaving.load(Ordering::SeqCst) {
        write(&json!({"received": "close", "reason": details.reason.as_str()}));
    }
}

/// Writes one document as a line of its own. If nobody reads it, the process is about to end.
fn write(document: &Json) {
    let mut out = io::stdout().lock();
    let _ = writeln!(out, "{document}").and_then(|()| out.flush());
}
