//! Our router, on a real socket.

use std::net::SocketAddr;

use wamp_messages::Value;
use wamp_messages::message::Welcome;

use super::needs::Features;
use super::setup::Setup;
use super::{code, entry};
use crate::check::{Failure, ensure};
use crate::client::{Client, Heard};

/// A router that listens.
pub(super) struct Router {
    address: SocketAddr,
    /// A realm that can be joined.
    realm: String,
}

impl Router {
    /// Starts a router, for as long as the runtime lives.
    pub(super) async fn start(setup: &Setup) -> Result<Self, Failure> {
        let server = setup.router().listen("127.0.0.1:0").await;
        let server = server.map_err(|error| format!("the router does not listen: {error}"))?;
        Ok(Self {
            address: server.local_addr().ok_or("the router listens on TCP")?,
            realm: setup.any_realm().to_owned(),
        })
    }

    pub(super) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Joins, and reads off the WELCOME what the router announces.
    pub(super) async fn features(&self) -> Result<Features, Failure> {
        let mut client = Client::connect(self.address, "wamp.2.json").await?;
        let hello = format!(r#"[1,{:?},{{"roles":{{"caller":{{}}}}}}]"#, self.realm);
        client.send_text(hello).await?;
        let Heard::Message(welcome) = client.hear().await? else {
            return Err("the router closed the connection over a HELLO".into());
        };
        ensure(code(&welcome) == Some(Welcome::CODE), || {
            format!("{welcome:?} instead of a WELCOME")
        })?;
        let mut announced = Features::new();
        let roles = entry(&welcome, 2, "roles").as_dict();
        let roles = roles.ok_or("the WELCOME announces no roles")?;
        for (_, role) in roles {
            let features = role.as_dict().and_then(|role| role["features"].as_dict());
            for (feature, value) in features.into_iter().flatten() {
                if *value == Value::Bool(true) {
                    announced.insert(feature.clone());
                }
            }
        }
        Ok(announced)
    }
}
