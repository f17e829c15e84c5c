//! What a native program can call by.

use bytes::Bytes;
use tower::Layer as _;
use wrpc_middleware::link::LinkAuthorizationLayer;
use wrpc_middleware::liveness::TargetLivenessLayer;
use wrpc_middleware::timeout::TimeoutLayer;
use wrpc_middleware_bench::interleave::Contender;
use wrpc_transport::InvokeExt as _;
use wrpc_transport_nats::Client;

use crate::calls::{contender, data, echo, layered, raw, row};
use crate::peers::{OWN_TARGET, TIMEOUT, UPSTREAM_TARGET, cx, leaf, links, own, stack, upstream};
use wrpc_middleware_testing::nats::connect;

/// What the rows are compared under.
pub(crate) const TITLE: &str = "Native calls";

/// The row that the others are divided by.
pub(crate) const BASELINE: &str = "bare wRPC";

/// All rows, in their order.
pub(crate) const ROWS: [&str; 14] = [
    "raw NATS request",
    BASELINE,
    "leaf alone",
    "timeout",
    "link authorization",
    "target liveness",
    "full stack",
    "new client per call",
    "upstream InvokeExt::timeout",
    "own transport",
    "own transport, upstream's target",
    "upstream's client, own target",
    "full stack, own transport",
    "full stack, own transport, upstream's target",
];

/// The rows for calls that carry `payload` bytes each way. Each has a connection of its own.
pub(crate) async fn rows(url: &str, payload: usize) -> anyhow::Result<Vec<Contender>> {
    let data = data(payload);
    let [
        request,
        bare,
        alone,
        timeout,
        link,
        liveness,
        full,
        new_per_call,
        upstream_timeout,
        own_both,
        to_upstream,
        from_upstream,
        full_own,
        full_to_upstream,
    ] = ROWS;
    let timeouts = TimeoutLayer::new(TIMEOUT);
    let authorization = LinkAuthorizationLayer::new(links(UPSTREAM_TARGET)?);
    let live = TargetLivenessLayer::new(TIMEOUT);
    let all = stack(UPSTREAM_TARGET)?;
    let client = async |target| upstream(url, target).await;
    Ok(vec![
        raw(request, url, &data).await,
        row(bare, client(UPSTREAM_TARGET).await?, None, &data),
        layered(alone, leaf(url).await?, &data),
        layered(timeout, timeouts.layer(leaf(url).await?), &data),
        layered(link, authorization.layer(leaf(url).await?), &data),
        layered(liveness, live.layer(leaf(url).await?), &data),
        layered(full, all.layer(leaf(url).await?), &data),
        new_client(new_per_call, url, &data).await,
        // It bounds publishing the call and nothing after it.
        row(
            upstream_timeout,
            client(UPSTREAM_TARGET).await?.timeout_owned(TIMEOUT),
            None,
            &data,
        ),
        row(own_both, own(url, OWN_TARGET).await?, cx(), &data),
        row(to_upstream, own(url, UPSTREAM_TARGET).await?, cx(), &data),
        row(from_upstream, client(OWN_TARGET).await?, None, &data),
        layered(
            full_own,
            stack(OWN_TARGET)?.layer(own(url, OWN_TARGET).await?),
            &data,
        ),
        layered(
            full_to_upstream,
            all.layer(own(url, UPSTREAM_TARGET).await?),
            &data,
        ),
    ])
}

/// A client of upstream's for every call, as wasmCloud 1.9's host makes them.
async fn new_client(name: &str, url: &str, data: &Bytes) -> Contender {
    contender(
        name,
        (connect(url).await, data.clone()),
        |(nats, data)| async move {
            let client = Client::new(nats, UPSTREAM_TARGET, None).await?;
            echo(&client, None, data).await
        },
    )
}
