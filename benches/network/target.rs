//! The target, in a process of its own: what a provider written with upstream's crates does.

use core::pin::pin;

use bytes::Bytes;
use futures::StreamExt as _;
use tokio::task::JoinSet;
use wrpc_transport::ServeExt as _;
use wrpc_transport_nats::Client;

use crate::support::nats::{connect, round_trip};
use crate::support::process::{Process, say};

/// The subject prefix of the target, which is its name too.
pub(crate) const TARGET: &str = "bench-target";

/// The interface that it serves.
pub(crate) const ECHO: &str = "bench:app/echo@0.1.0";

/// Takes and returns bytes.
pub(crate) const PLAIN: &str = "plain";

/// Takes bytes and returns a `result` of them, as the component's import does.
pub(crate) const TYPED: &str = "echo";

/// Where a plain NATS request goes.
pub(crate) const RAW: &str = "bench-raw";

/// The role of the process.
pub(crate) const ROLE: &str = "target";

/// Starts the process and waits until it serves.
pub(crate) async fn start(url: &str) -> Process {
    let mut process = Process::start(ROLE, &[url]);
    process.says("ready").await;
    process
}

/// Serves until the process ends. Every call runs in a task of its own.
pub(crate) async fn serve(url: &str) -> anyhow::Result<()> {
    let nats = connect(url).await;
    let wrpc = Client::new(nats.clone(), TARGET, Some(TARGET.into())).await?;
    let mut served = JoinSet::new();

    let plain = wrpc
        .serve_values::<(Bytes,), (Bytes,)>(ECHO, PLAIN, [])
        .await?;
    served.spawn(async move {
        let mut calls = pin!(plain);
        while let Some(call) = calls.next().await {
            // One that arrives broken is its caller's loss.
            let Ok((_, (data,), _, respond)) = call else {
                continue;
            };
            tokio::spawn(respond((data,)));
        }
    });

    let typed = wrpc
        .serve_values::<(Bytes,), (Result<Bytes, String>,)>(ECHO, TYPED, [])
        .await?;
    served.spawn(async move {
        let mut calls = pin!(typed);
        while let Some(call) = calls.next().await {
            let Ok((_, (data,), _, respond)) = call else {
                continue;
            };
            tokio::spawn(respond((Ok(data),)));
        }
    });

    let mut requests = nats.subscribe(RAW).await?;
    let client = nats.clone();
    served.spawn(async move {
        while let Some(request) = requests.next().await {
            if let Some(reply) = request.reply {
                // A caller that is gone needs no answer.
                let _ = client.publish(reply, request.payload).await;
            }
        }
    });

    round_trip(&nats).await;
    say("ready");
    served.join_all().await;
    Ok(())
}
