//! Sessions that come and go, and bare WebSockets that do.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::load::{Outcome, Target, Turn};
use crate::process::Usage;

pub(crate) async fn run(turn: &Turn, at_once: usize) -> Result<Outcome> {
    let done = Arc::new(AtomicU64::new(0));
    let is_over = Arc::new(AtomicBool::new(false));
    let mut tasks = JoinSet::new();
    for _ in 0..at_once {
        let (turn, done, is_over) = (turn.clone(), Arc::clone(&done), Arc::clone(&is_over));
        tasks.spawn(async move {
            while !is_over.load(Ordering::Relaxed) {
                once(&turn).await?;
                done.fetch_add(1, Ordering::Relaxed);
            }
            anyhow::Ok(())
        });
    }
    tokio::time::sleep(Duration::from_millis(300)).await;
    let watched = turn.watch.context("joins watch a process")?;
    let before = (Usage::of(watched)?, Usage::of_self()?);
    let done_before = done.load(Ordering::Relaxed);
    let began = Instant::now();
    tokio::time::sleep(Duration::from_secs_f64(turn.seconds)).await;
    let sessions = done.load(Ordering::Relaxed) - done_before;
    let seconds = began.elapsed().as_secs_f64();
    let after = (Usage::of(watched)?, Usage::of_self()?);
    is_over.store(true, Ordering::Relaxed);
    while let Some(ended) = tasks.join_next().await {
        ended??;
    }
    Ok(Outcome {
        done: sessions,
        seconds,
        lost: 0,
        router: after.0 - before.0,
        load: after.1 - before.1,
    })
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
