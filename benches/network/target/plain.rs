//! What NATS does by itself, to compare with.

use async_nats::Client;
use futures::StreamExt as _;
use tokio::task::JoinSet;

use super::streams::bytes;

/// Where a request goes that is answered by what it carries.
pub(crate) const RAW: &str = "bench-raw";

/// Where bytes go; what asks for a reply is the last of them, and the reply is how many there were.
pub(crate) const RAW_SINK: &str = "bench-raw-sink";

/// Where a number goes; as many bytes are the reply, in as many messages as it takes.
pub(crate) const RAW_SOURCE: &str = "bench-raw-source";

/// Serves all of them.
pub(super) async fn serve(nats: &Client, served: &mut JoinSet<()>) -> anyhow::Result<()> {
    // A caller that is gone needs no answer: whether one was published makes no difference.
    let client = nats.clone();
    let mut requests = nats.subscribe(RAW).await?;
    served.spawn(async move {
        while let Some(request) = requests.next().await {
            if let Some(reply) = request.reply {
                let _ = client.publish(reply, request.payload).await;
            }
        }
    });

    let client = nats.clone();
    let mut messages = nats.subscribe(RAW_SINK).await?;
    served.spawn(async move {
        let mut count = 0;
        while let Some(message) = messages.next().await {
            count += message.payload.len() as u64;
            if let Some(reply) = message.reply {
                let count = core::mem::take(&mut count).to_le_bytes().to_vec();
                let _ = client.publish(reply, count.into()).await;
            }
        }
    });

    let client = nats.clone();
    let mut requests = nats.subscribe(RAW_SOURCE).await?;
    served.spawn(async move {
        while let Some(request) = requests.next().await {
            let len = request.payload[..].try_into().map(u64::from_le_bytes);
            let len = len.ok().and_then(|len| usize::try_from(len).ok());
            let (Some(reply), Some(len)) = (request.reply, len) else {
                continue;
            };
            let mut left = bytes(len);
            while !left.is_empty() {
                let part = left.split_to(client.max_payload().min(left.len()));
                let _ = client.publish(reply.clone(), part).await;
            }
        }
    });
    Ok(())
}
