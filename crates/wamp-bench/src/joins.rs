//! Sessions that come and go, and bare WebSockets that do.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use anyhow::{Result, bail};
use tokio::net::TcpStream;

use crate::load::{Parties, Target, Turn};
use crate::party::Tally;

/// Lets so many at once come and go, until the load ends.
pub(crate) fn take_parts(turn: &Turn, at_once: usize, tally: &Arc<Tally>, parties: &mut Parties) {
    for _ in 0..at_once {
        let (turn, tally) = (turn.clone(), Arc::clone(tally));
        parties.spawn(async move {
            loop {
                once(&turn).await?;
                tally.done.fetch_add(1, Ordering::Relaxed);
            }
        });
    }
}

async fn once(turn: &Turn) -> Result<()> {
    match &turn.target {
        Target::Router { url, realm } => {
            let (serializer, _) = turn.known_serializers()?;
            let wire = crate::wire::join(url, realm, &serializer, 0).await?;
            wire.leave().await
        }
        Target::Limit { address } => {
            let stream = TcpStream::connect(address).await?;
            stream.set_nodelay(true)?;
            let url = format!("ws://{address}/");
            let (mut socket, _) = tokio_tungstenite::client_async(url, stream).await?;
            socket.close(None).await?;
            while let Some(message) = futures_util::StreamExt::next(&mut socket).await {
                message?;
            }
            Ok(())
        }
        Target::Within { .. } => bail!("sessions in the process are not connected"),
    }
}
