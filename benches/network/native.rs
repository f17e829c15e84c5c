//! What a native program can call by.

use core::time::Duration;
use std::sync::Arc;

use anyhow::ensure;
use async_nats::HeaderMap;
use bytes::Bytes;
use futures::future::try_join_all;
use tower::Layer;
use wrpc_middleware::link::{Link, LinkAuthorizationLayer, LinkTable};
use wrpc_middleware::liveness::TargetLivenessLayer;
use wrpc_middleware::nats::NatsTransport;
use wrpc_middleware::timeout::TimeoutLayer;
use wrpc_middleware::{Context, Invoker, Stack, Target};
use wrpc_middleware_bench::interleave::{BoxFuture, Contender};
use wrpc_transport::{Invoke, InvokeExt as _};
use wrpc_transport_nats::Client;

use crate::support::nats::connect;
use crate::target::{ECHO, PLAIN, RAW, TARGET};

/// What the rows are compared under.
pub(crate) const TITLE: &str = "Native calls";

/// The row that the others are divided by.
pub(crate) const BASELINE: &str = "bare wRPC";

/// The component that calls, as the links know it.
pub(crate) const SOURCE: &str = "bench-caller";

/// Longer than any call takes here: what is measured is what a deadline costs that does not pass.
pub(crate) const TIMEOUT: Duration = Duration::from_mins(1);

/// The context of the project's stacks.
pub(crate) type Cx = Context<Option<HeaderMap>>;

const NO_PATHS: [[Option<usize>; 0]; 0] = [];

/// The rows for calls that carry `payload` bytes each way. Each has a connection of its own.
pub(crate) async fn rows(url: &str, payload: usize) -> anyhow::Result<Vec<Contender>> {
    let data = Bytes::from(vec![b'x'; payload]);
    Ok(vec![
        raw(url, &data).await,
        row(BASELINE, client(url).await?, None, &data),
        row("leaf alone", ours(leaf(url).await), cx(), &data),
        row(
            "timeout",
            ours(TimeoutLayer::new(TIMEOUT).layer(leaf(url).await)),
            cx(),
            &data,
        ),
        row(
            "link authorization",
            ours(LinkAuthorizationLayer::new(links()?).layer(leaf(url).await)),
            cx(),
            &data,
        ),
        row(
            "target liveness",
            ours(TargetLivenessLayer::new(TIMEOUT).layer(leaf(url).await)),
            cx(),
            &data,
        ),
        row(
            "full stack",
            ours(stack()?.layer(leaf(url).await)),
            cx(),
            &data,
        ),
        new_client(url, &data).await,
        upstream_timeout(client(url).await?, &data),
    ])
}

/// The stack with all layers.
pub(crate) fn stack() -> anyhow::Result<Stack<LinkTable>> {
    Ok(Stack::new(links()?)
        .timeout(TIMEOUT)
        .handshake_timeout(TIMEOUT))
}

/// The leaf over a connection of its own.
pub(crate) async fn leaf(url: &str) -> NatsTransport {
    NatsTransport::builder(connect(url).await)
        .default_target(target())
        .build()
}

/// Upstream's client over a connection of its own.
pub(crate) async fn client(url: &str) -> anyhow::Result<Client> {
    Client::new(connect(url).await, TARGET, None).await
}

/// The context of the component [`SOURCE`].
pub(crate) fn cx() -> Cx {
    Context::new(None).with_source(SOURCE)
}

fn ours<S>(service: S) -> Invoker<S, Cx> {
    Invoker::new(service)
}

#[expect(clippy::expect_used, reason = "a constant")]
fn target() -> Target {
    Target::new(TARGET).expect("a name for a target")
}

fn links() -> anyhow::Result<LinkTable> {
    let link = Link::new(SOURCE, target(), "bench:app/echo".parse()?);
    Ok(LinkTable::new([link])?)
}

/// Typed calls over any transport.
fn row<I>(name: &str, transport: I, cx: I::Context, data: &Bytes) -> Contender
where
    I: Invoke<Context: Clone> + 'static,
{
    let (transport, data) = (Arc::new(transport), data.clone());
    Contender::new(name, move || {
        let (transport, cx, data) = (Arc::clone(&transport), cx.clone(), data.clone());
        async move {
            Ok(move || -> BoxFuture<'static, _> {
                let (transport, cx, data) = (Arc::clone(&transport), cx.clone(), data.clone());
                Box::pin(async move { echo(&*transport, cx, data).await })
            })
        }
    })
}

/// One typed call, and whether the right number of bytes came back.
pub(crate) async fn echo<I: Invoke>(
    transport: &I,
    cx: I::Context,
    data: Bytes,
) -> anyhow::Result<()> {
    let sent = data.len();
    let ((received,), io) = transport
        .invoke_values::<_, (Bytes,), (Bytes,)>(cx, ECHO, PLAIN, (data,), NO_PATHS)
        .await?;
    if let Some(io) = io {
        io.await?;
    }
    ensure!(received.len() == sent, "{} bytes came back", received.len());
    Ok(())
}

/// A request of NATS itself: several at once where one message has no room for the payload.
async fn raw(url: &str, data: &Bytes) -> Contender {
    let (nats, data) = (connect(url).await, data.clone());
    Contender::new("raw NATS request", move || {
        let (nats, data) = (nats.clone(), data.clone());
        async move {
            Ok(move || -> BoxFuture<'static, _> {
                let (nats, data) = (nats.clone(), data.clone());
                Box::pin(async move {
                    let max = nats.server_info().max_payload.max(1);
                    let requests = (0..data.len()).step_by(max).map(|start| {
                        let part = data.slice(start..data.len().min(start + max));
                        nats.request(RAW, part)
                    });
                    let replies = try_join_all(requests).await?;
                    let received: usize = replies.iter().map(|reply| reply.payload.len()).sum();
                    ensure!(received == data.len(), "{received} bytes came back");
                    Ok(())
                })
            })
        }
    })
}

/// A client of upstream's for every call, as wasmCloud 1.9's host makes them.
async fn new_client(url: &str, data: &Bytes) -> Contender {
    let (nats, data) = (connect(url).await, data.clone());
    Contender::new("new client per call", move || {
        let (nats, data) = (nats.clone(), data.clone());
        async move {
            Ok(move || -> BoxFuture<'static, _> {
                let (nats, data) = (nats.clone(), data.clone());
                Box::pin(async move {
                    let client = Client::new(nats, TARGET, None).await?;
                    echo(&client, None, data).await
                })
            })
        }
    })
}

/// Upstream's own timeout, which bounds publishing the call and nothing after it.
fn upstream_timeout(client: Client, data: &Bytes) -> Contender {
    row(
        "upstream InvokeExt::timeout",
        client.timeout_owned(TIMEOUT),
        None,
        data,
    )
}
