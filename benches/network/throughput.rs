//! How fast many bytes get from one side to the other, next to plain messages that carry them.

use std::sync::Arc;

use anyhow::{Context as _, ensure};
use async_nats::Subscriber;
use bytes::Bytes;
use futures::StreamExt as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use wrpc_middleware_bench::interleave::{BoxFuture, Caller, Contender};
use wrpc_transport::Invoke;

use crate::calls::{NO_PATHS, contender, data};
use crate::peers::{OWN_TARGET, UPSTREAM_TARGET, cx, own, upstream};
use crate::target::{ECHO, RAW_SINK, RAW_SOURCE, SINK, SOURCE};
use wrpc_middleware_testing::nats::connect;

/// What the rows are compared under.
pub(crate) const TO_TARGET: &str = "Bytes to the target";
pub(crate) const TO_CALLER: &str = "Bytes to the caller";

/// The row that the others are divided by: messages as large as the broker takes them.
pub(crate) const BASELINE: &str = "plain publishing";

/// All rows to the target, in their order.
pub(crate) const TO_TARGET_ROWS: [&str; 4] = [
    BASELINE,
    "own transport, parameters",
    "own transport, stream",
    "upstream's client, parameters",
];

/// All rows to the caller, in their order.
pub(crate) const TO_CALLER_ROWS: [&str; 3] = [BASELINE, "own transport", "upstream's client"];

/// The rows for `len` bytes to the target. Each has a connection of its own.
pub(crate) async fn to_target(url: &str, len: usize) -> anyhow::Result<Vec<Contender>> {
    let data = data(len);
    let [plain, own_params, own_stream, upstream_params] = TO_TARGET_ROWS;
    let nothing = Bytes::new();
    Ok(vec![
        contender(
            plain,
            (connect(url).await, data.clone()),
            |(nats, mut data)| async move {
                let sent = data.len();
                let max = nats.max_payload();
                while data.len() > max {
                    nats.publish(RAW_SINK, data.split_to(max)).await?;
                }
                let reply = nats.request(RAW_SINK, data).await?;
                acknowledged(&reply.payload, sent)
            },
        ),
        sending(
            own_params,
            own(url, OWN_TARGET).await?,
            cx(),
            data.clone(),
            nothing.clone(),
        ),
        sending(
            own_stream,
            own(url, OWN_TARGET).await?,
            cx(),
            nothing.clone(),
            data.clone(),
        ),
        sending(
            upstream_params,
            upstream(url, UPSTREAM_TARGET).await?,
            None,
            data,
            nothing,
        ),
    ])
}

/// Calls with `params` as they are known from the start, and `rest` written after them.
fn sending<I>(name: &str, transport: I, cx: I::Context, params: Bytes, rest: Bytes) -> Contender
where
    I: Invoke<Context: Clone> + 'static,
{
    contender(
        name,
        (Arc::new(transport), cx, params, rest),
        |(transport, cx, params, rest)| async move {
            let sent = params.len() + rest.len();
            let (mut outgoing, mut incoming) =
                transport.invoke(cx, ECHO, SINK, params, NO_PATHS).await?;
            outgoing.write_all(&rest).await?;
            outgoing.shutdown().await?;
            let mut results = Vec::new();
            incoming.read_to_end(&mut results).await?;
            acknowledged(&results, sent)
        },
    )
}

fn acknowledged(results: &[u8], sent: usize) -> anyhow::Result<()> {
    let count = u64::from_le_bytes(results.try_into().context("a number")?);
    ensure!(count == sent as u64, "{count} of {sent} bytes arrived");
    Ok(())
}

/// The rows for `len` bytes to the caller. Each has a connection of its own.
pub(crate) async fn to_caller(url: &str, len: usize) -> anyhow::Result<Vec<Contender>> {
    let [plain, own_results, upstream_results] = TO_CALLER_ROWS;
    let nats = connect(url).await;
    Ok(vec![
        Contender::new(plain, move || {
            let nats = nats.clone();
            async move {
                let inbox = nats.new_inbox();
                let messages = nats.subscribe(inbox.clone()).await?;
                Ok(Subscribed {
                    nats,
                    inbox,
                    messages,
                    len,
                })
            }
        }),
        receiving(own_results, own(url, OWN_TARGET).await?, cx(), len),
        receiving(
            upstream_results,
            upstream(url, UPSTREAM_TARGET).await?,
            None,
            len,
        ),
    ])
}

fn receiving<I>(name: &str, transport: I, cx: I::Context, len: usize) -> Contender
where
    I: Invoke<Context: Clone> + 'static,
{
    contender(
        name,
        (Arc::new(transport), cx, len),
        |(transport, cx, len)| async move {
            let (mut outgoing, mut incoming) = transport
                .invoke(cx, ECHO, SOURCE, asks_for(len), NO_PATHS)
                .await?;
            outgoing.shutdown().await?;
            let mut buf = vec![0; 64 << 10];
            let mut count = 0;
            loop {
                match incoming.read(&mut buf).await? {
                    0 => break,
                    read => count += read,
                }
            }
            ensure!(count == len, "{count} of {len} bytes arrived");
            Ok(())
        },
    )
}

fn asks_for(len: usize) -> Bytes {
    (len as u64).to_le_bytes().to_vec().into()
}

/// A caller with an inbox of its own.
struct Subscribed {
    nats: async_nats::Client,
    inbox: String,
    messages: Subscriber,
    len: usize,
}

impl Caller for Subscribed {
    fn call(&mut self) -> BoxFuture<'_, anyhow::Result<()>> {
        Box::pin(async {
            let len = self.len;
            self.nats
                .publish_with_reply(RAW_SOURCE, self.inbox.clone(), asks_for(len))
                .await?;
            let mut count = 0;
            while count < len {
                let message = self.messages.next().await.context("an open connection")?;
                count += message.payload.len();
            }
            ensure!(count == len, "{count} instead of {len} bytes arrived");
            Ok(())
        })
    }
}
