//! What one reader that does not read costs all others of its client.

use std::sync::Arc;

use bytes::Bytes;
use tokio::io::AsyncWriteExt as _;
use wrpc_middleware_bench::interleave::Contender;
use wrpc_transport::Invoke;

use crate::calls::{NO_PATHS, contender, data, echo, row};
use crate::peers::{OWN_TARGET, UPSTREAM_TARGET, cx, own, upstream};
use crate::target::{ECHO, STALL, STALL_LEN};
use wrpc_middleware_testing::wait::until;

/// What the rows are compared under.
pub(crate) const TITLE: &str = "One stalled reader";

/// The row that the others are divided by.
pub(crate) const BASELINE: &str = "own transport";

/// All rows, in their order.
pub(crate) const ROWS: [&str; 4] = [
    BASELINE,
    "own transport, one reader stalled",
    "upstream's client",
    CONTROL,
];

/// Shows that the reader does stall: upstream's client answers nobody any more.
pub(crate) const CONTROL: &str = "upstream's client, one reader stalled";

/// The rows for calls that carry `payload` bytes each way, besides the one that is stalled; each
/// has a connection of its own. The control takes its time, since no call of it is answered.
pub(crate) async fn rows(
    url: &str,
    payload: usize,
    with_control: bool,
) -> anyhow::Result<Vec<Contender>> {
    let data = data(payload);
    let [free, stalled, upstream_free, control] = ROWS;

    let client = own(url, OWN_TARGET).await?;
    let stalled = beside(client.clone(), cx(), stalled, &data).await?;
    until("the results to arrive", async || {
        client.buffered() >= STALL_LEN
    })
    .await;
    let control = if with_control {
        let client = upstream(url, UPSTREAM_TARGET).await?;
        beside(client, None, control, &data).await?
    } else {
        Contender::skipped(control, "takes too long")
    };
    Ok(vec![
        row(free, own(url, OWN_TARGET).await?, cx(), &data),
        stalled,
        row(
            upstream_free,
            upstream(url, UPSTREAM_TARGET).await?,
            None,
            &data,
        ),
        control,
    ])
}

/// Typed calls, beside one that was taken and is not read.
async fn beside<I>(
    transport: I,
    cx: I::Context,
    name: &str,
    data: &Bytes,
) -> anyhow::Result<Contender>
where
    I: Invoke<Context: Clone> + 'static,
{
    let (mut outgoing, incoming) = transport
        .invoke(cx.clone(), ECHO, STALL, Bytes::new(), NO_PATHS)
        .await?;
    outgoing.shutdown().await?;
    let with = (Arc::new(transport), cx, data.clone(), Arc::new(incoming));
    Ok(contender(
        name,
        with,
        |(transport, cx, data, _unread)| async move { echo(&*transport, cx, data).await },
    ))
}
