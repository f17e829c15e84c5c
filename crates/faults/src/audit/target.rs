//! A process of a target: records what it runs, then runs it.

use core::time::Duration;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tower::Layer as _;
use wrpc_middleware_errors::{Delivery, RpcError, RpcErrorKind};
use wrpc_middleware_nats::serve::authorization::CallerRequest;
use wrpc_middleware_nats::serve::{Accepted, ServeStack, handler};
use wrpc_middleware_nats::{Client, ConnectOptions, Options, connect};
use wrpc_middleware_testing::process::say;

use super::functions::{Function, HEAD, INSTANCE, answer, payload_len};
use super::history::Journal;
use super::id::AttemptId;
use super::vitals::Vitals;

/// The role of the process.
pub const ROLE: &str = "audit-target";

/// Orders that it takes.
pub const DRAIN: &str = "drain";

/// How many calls it runs at a time. It is reached when many come at once, after a fault.
const LIMIT: usize = 16;

/// How long it may take to see its last answers off.
const LEAVE: Duration = Duration::from_secs(5);

/// How large an answer's messages are where there are several.
const CHUNK: usize = 8 * 1024;

/// What it has to know.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Config {
    /// Where the broker is.
    pub url: String,
    /// The target that it is a process of.
    pub id: String,
    /// Who may not call it.
    pub denies: String,
    /// Where it records what it runs.
    pub journal: PathBuf,
}

/// Serves until it is told to [`DRAIN`], or its parent ends.
///
/// # Errors
///
/// It can't serve, or not record.
pub async fn run(config: &Config, mut orders: UnboundedReceiver<String>) -> Result<()> {
    let journal = Arc::new(Journal::open(&config.journal)?);
    let client = connect_at_last(&config.url, "target", &config.id).await;
    let denied = config.denies.clone();
    let stack = ServeStack::new(move |request: &CallerRequest<'_>| {
        request.caller.is_some_and(|caller| caller != denied)
    });
    let stack = stack.concurrency_limit(LIMIT);
    let mut serving = JoinSet::new();
    for function in Function::ALL {
        let journal = Arc::clone(&journal);
        let service = stack.layer(handler(move |call| {
            execute(function, call, Arc::clone(&journal))
        }));
        let served = client.serve_service(INSTANCE, function.name(), [], service);
        serving.spawn(served.await?);
    }
    say("ready");
    while let Some(order) = orders.recv().await {
        match order.as_str() {
            super::VITALS => {
                let vitals = Vitals::of(&client).await?;
                say(&serde_json::to_string(&vitals)?);
            }
            DRAIN => break,
            other => anyhow::bail!("no such order: {other:?}"),
        }
    }
    client.drain();
    while let Some(served) = serving.join_next().await {
        served.context("a function that is served")??;
    }
    // The broker may be down; what is lost then, its caller knows nothing of.
    let _ = timeout(LEAVE, client.round_trip()).await;
    Ok(())
}

/// Connects, however long that takes.
pub(super) async fn connect_at_last(url: &str, user: &str, id: &str) -> Client {
    loop {
        let options = ConnectOptions::new(url)
            .client(Options::new().id(id))
            .nats(|nats| nats.user_and_password(user.into(), super::PASSWORD.into()));
        if let Ok(client) = connect(options).await {
            return client;
        }
        // It may be broken at the moment.
        sleep(Duration::from_millis(20)).await;
    }
}

async fn execute(
    function: Function,
    (_context, mut results, mut params): Accepted,
    journal: Arc<Journal>,
) -> Result<(), RpcError> {
    let mut bytes = Vec::new();
    while bytes.len() < HEAD {
        let read = params
            .read_buf(&mut bytes)
            .await
            .map_err(RpcError::classify)?;
        if read == 0 {
            return Err(failed(
                RpcErrorKind::Protocol,
                "the parameters have no head",
            ));
        }
    }
    let attempt = AttemptId::of_params(&bytes);
    let attempt = attempt.ok_or_else(|| failed(RpcErrorKind::Protocol, "no attempt"))?;
    // What can't be recorded does not run.
    journal
        .execution(attempt)
        .map_err(|error| failed(RpcErrorKind::Other, "not recorded").with_source(error))?;

    if function == Function::Bulk {
        params
            .read_to_end(&mut bytes)
            .await
            .map_err(RpcError::classify)?;
    } else {
        let len = HEAD + payload_len(&bytes).unwrap_or_default();
        while bytes.len() < len {
            let read = params
                .read_buf(&mut bytes)
                .await
                .map_err(RpcError::classify)?;
            if read == 0 {
                return Err(failed(RpcErrorKind::Protocol, "the parameters are short"));
            }
        }
    }
    match function {
        Function::Quick | Function::Bulk => {}
        Function::Slow => {
            let work = bytes.last().copied().unwrap_or_default() % 16;
            sleep(Duration::from_millis(work.into())).await;
        }
        Function::Endless => core::future::pending().await,
    }
    answer(&mut bytes);
    for chunk in bytes.chunks(CHUNK) {
        results.write_all(chunk).await.map_err(RpcError::classify)?;
    }
    results.shutdown().await.map_err(RpcError::classify)
}

fn failed(kind: RpcErrorKind, reason: &'static str) -> RpcError {
    RpcError::new(kind, Delivery::Accepted, reason)
}
