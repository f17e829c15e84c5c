//! What a native program can call by.

use core::future::Future;
use core::time::Duration;
use std::sync::Arc;

use anyhow::ensure;
use async_nats::HeaderMap;
use bytes::Bytes;
use futures::future::try_join_all;
use tower::Layer;
use wrpc_middleware::link::{Link, LinkAuthorizationLayer, LinkTable};
use wrpc_middleware::liveness::TargetLivenessLayer;
use wrpc_middleware::upstream_nats::NatsTransport;
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

/// All rows, in their order.
pub(crate) const ROWS: [&str; 9] = [
    "raw NATS request",
    BASELINE,
    "leaf alone",
    "timeout",
    "link authorization",
    "target liveness",
    "full stack",
    "new client per call",
    "upstream InvokeExt::timeout",
];

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
    let [
        request,
        bare,
        alone,
        timeout,
        links,
        liveness,
        full,
        new_per_call,
        upstream_timeout,
    ] = ROWS;
    Ok(vec![
        raw(request, url, &data).await,
        row(bare, client(url).await?, None, &data),
        ours(alone, leaf(url).await, &data),
        ours(
            timeout,
            TimeoutLayer::new(TIMEOUT).layer(leaf(url).await),
            &data,
        ),
        ours(
            links,
            LinkAuthorizationLayer::new(link_table()?).layer(leaf(url).await),
            &data,
        ),
        ours(
            liveness,
            TargetLivenessLayer::new(TIMEOUT).layer(leaf(url).await),
            &data,
        ),
        ours(full, stack()?.layer(leaf(url).await), &data),
        new_client(new_per_call, url, &data).await,
        // It bounds publishing the call and nothing after it.
        row(
            upstream_timeout,
            client(url).await?.timeout_owned(TIMEOUT),
            None,
            &data,
        ),
    ])
}

/// The stack with all layers.
pub(crate) fn stack() -> anyhow::Result<Stack<LinkTable>> {
    Ok(Stack::new(link_table()?)
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

#[expect(clippy::expect_used, reason = "a constant")]
fn target() -> Target {
    Target::new(TARGET).expect("a name for a target")
}

fn link_table() -> anyhow::Result<LinkTable> {
    let link = Link::new(SOURCE, target(), "bench:app/echo".parse()?);
    Ok(LinkTable::new([link])?)
}

/// Typed calls over a stack of layers.
fn ours<S>(name: &str, service: S, data: &Bytes) -> Contender
where
    Invoker<S, Cx>: Invoke<Context = Cx> + 'static,
{
    row(name, Invoker::new(service), cx(), data)
}

/// Typed calls over any transport.
fn row<I>(name: &str, transport: I, cx: I::Context, data: &Bytes) -> Contender
where
    I: Invoke<Context: Clone> + 'static,
{
    let caller = (Arc::new(transport), cx, data.clone());
    contender(name, caller, |(transport, cx, data)| async move {
        echo(&*transport, cx, data).await
    })
}

/// A row whose callers all call by `call`, each time with a clone of `with`.
fn contender<T, F>(name: &str, with: T, call: fn(T) -> F) -> Contender
where
    T: Clone + Send + Sync + 'static,
    F: Future<Output = anyhow::Result<()>> + Send + 'static,
{
    Contender::new(name, move || {
        let with = with.clone();
        async move { Ok(move || -> BoxFuture<'static, _> { Box::pin(call(with.clone())) }) }
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
async fn raw(name: &str, url: &str, data: &Bytes) -> Contender {
    contender(
        name,
        (connect(url).await, data.clone()),
        |(nats, data)| async move {
            let max = nats.max_payload().max(1);
            let requests = (0..data.len()).step_by(max).map(|start| {
                let part = data.slice(start..data.len().min(start + max));
                nats.request(RAW, part)
            });
            let replies = try_join_all(requests).await?;
            let received: usize = replies.iter().map(|reply| reply.payload.len()).sum();
            ensure!(received == data.len(), "{received} bytes came back");
            Ok(())
        },
    )
}

/// A client of upstream's for every call, as wasmCloud 1.9's host makes them.
async fn new_client(name: &str, url: &str, data: &Bytes) -> Contender {
    contender(
        name,
        (connect(url).await, data.clone()),
        |(nats, data)| async move {
            let client = Client::new(nats, TARGET, None).await?;
            echo(&client, None, data).await
        },
    )
}
