//! The targets, in a process of their own: what a provider does that is written with upstream's
//! crates, and the same over the own transport.

use core::pin::pin;

use bytes::Bytes;
use futures::StreamExt as _;
use tokio::task::JoinSet;
use wrpc_middleware_nats::{ConnectOptions, Options};
use wrpc_transport::{Serve, ServeExt as _};

use crate::peers::{OWN_TARGET, UPSTREAM_TARGET};
use crate::support::nats::{connect, round_trip};
use crate::support::process::{Process, say};

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
    let mut served = JoinSet::new();
    let nats = connect(url).await;
    let group = Some(UPSTREAM_TARGET.into());
    let upstream = wrpc_transport_nats::Client::new(nats.clone(), UPSTREAM_TARGET, group).await?;
    serve_functions(&upstream, &mut served).await?;

    let options = Options::new().id(OWN_TARGET);
    let own = wrpc_middleware_nats::connect(ConnectOptions::new(url).client(options)).await?;
    serve_functions(&own, &mut served).await?;

    serve_requests(nats.clone(), &mut served).await?;

    round_trip(&nats).await;
    say("ready");
    served.join_all().await;
    Ok(())
}

/// Serves the functions of wRPC.
async fn serve_functions<S: Serve>(wrpc: &S, served: &mut JoinSet<()>) -> anyhow::Result<()> {
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
    Ok(())
}

/// Answers plain requests of NATS.
async fn serve_requests(nats: async_nats::Client, served: &mut JoinSet<()>) -> anyhow::Result<()> {
    let mut requests = nats.subscribe(RAW).await?;
    served.spawn(async move {
        while let Some(request) = requests.next().await {
            if let Some(reply) = request.reply {
                // A caller that is gone needs no answer.
                let _ = nats.publish(reply, request.payload).await;
            }
        }
    });
    Ok(())
}
