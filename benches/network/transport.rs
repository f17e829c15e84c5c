//! What the transports cost themselves, over what NATS costs.

use tower::Layer as _;
use wrpc_middleware::nats::Options;
use wrpc_middleware_bench::interleave::Contender;

use crate::by_hand;
use crate::calls::{data, layered, raw, row};
use crate::peers::{OWN_TARGET, UPSTREAM_TARGET, cx, own, own_with, stack, upstream};

/// What the rows are compared under.
pub(crate) const TITLE: &str = "Transport";

/// The row that the others are divided by.
pub(crate) const BASELINE: &str = "raw NATS request";

/// All rows, in their order.
pub(crate) const ROWS: [&str; 8] = [
    BASELINE,
    "own transport",
    "own transport, no keepalive",
    "own transport, upstream's target",
    "caller by hand, upstream's target",
    "full stack on own transport",
    "upstream's client",
    "upstream's client, own target",
];

/// The rows for calls that carry `payload` bytes each way. Each has a connection of its own.
pub(crate) async fn rows(url: &str, payload: usize) -> anyhow::Result<Vec<Contender>> {
    let data = data(payload);
    let [
        request,
        own_both,
        no_keepalive,
        to_upstream,
        by_hand,
        full,
        upstream_both,
        upstream_caller,
    ] = ROWS;
    let silent = Options::new().keepalive(None);
    Ok(vec![
        raw(request, url, &data).await,
        row(own_both, own(url, OWN_TARGET).await?, cx(), &data),
        row(
            no_keepalive,
            own_with(url, OWN_TARGET, silent).await?,
            cx(),
            &data,
        ),
        row(to_upstream, own(url, UPSTREAM_TARGET).await?, cx(), &data),
        by_hand::row(by_hand, url, &data).await?,
        layered(
            full,
            stack(OWN_TARGET)?.layer(own(url, OWN_TARGET).await?),
            &data,
        ),
        row(
            upstream_both,
            upstream(url, UPSTREAM_TARGET).await?,
            None,
            &data,
        ),
        row(
            upstream_caller,
            upstream(url, OWN_TARGET).await?,
            None,
            &data,
        ),
    ])
}
