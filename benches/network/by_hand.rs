//! A caller of upstream's target written by hand: the floor for one that is told when its call is
//! taken, as every caller is that sends more parameters, cancels, or says `accepted` of a failure.

use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context as _, ensure};
use async_nats::{Client, Subject, Subscriber};
use bytes::{Bytes, BytesMut};
use futures::StreamExt as _;
use wrpc_middleware_bench::interleave::Contender;
use wrpc_middleware_testing::nats::connect;
use wrpc_transport::Encode;

use crate::calls::contender;
use crate::peers::UPSTREAM_TARGET;
use crate::target::{ECHO, PLAIN};

struct Caller {
    nats: Client,
    subject: Subject,
    params: Bytes,
    results: usize,
    /// Those that no call uses at the moment: to subscribe for a call would cost a message more.
    inboxes: Mutex<Vec<Inbox>>,
}

/// Where the answers to one call at a time arrive.
struct Inbox {
    subject: String,
    messages: Subscriber,
    calls: u64,
}

/// It publishes a call and waits for its results: a lost message, a late or a failed call, a second
/// server are not its concern, nor is the end of the results, which it leaves to the next call.
pub(crate) async fn row(name: &str, url: &str, data: &Bytes) -> anyhow::Result<Contender> {
    let mut params = BytesMut::new();
    let mut encoder = <Bytes as Encode<()>>::Encoder::default();
    Encode::<()>::encode(data.clone(), &mut encoder, &mut params)?;
    let caller = Caller {
        nats: connect(url).await,
        subject: format!("{UPSTREAM_TARGET}.wrpc.0.0.1.{ECHO}.{PLAIN}").into(),
        results: params.len(),
        params: params.freeze(),
        inboxes: Mutex::default(),
    };
    Ok(contender(name, Arc::new(caller), call))
}

async fn call(caller: Arc<Caller>) -> anyhow::Result<()> {
    let idle = || {
        caller
            .inboxes
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    };
    let free = idle().pop();
    let mut inbox = match free {
        Some(inbox) => inbox,
        None => Inbox::subscribe(&caller.nats).await?,
    };
    inbox.calls += 1;
    let reply = format!("{}.{}", inbox.subject, inbox.calls);
    let results = format!("{reply}.results");
    let params = caller.params.clone();
    ensure!(
        params.len() <= caller.nats.max_payload(),
        "it does not send in parts"
    );
    caller
        .nats
        .publish_with_reply(caller.subject.clone(), reply, params)
        .await?;
    let mut received = 0;
    while received < caller.results {
        let message = inbox.messages.next().await.context("the inbox ended")?;
        // What is left of the calls before, and the handshake, are none.
        if message.subject.as_str() == results {
            ensure!(!message.payload.is_empty(), "the results ended early");
            received += message.payload.len();
        }
    }
    ensure!(received == caller.results, "{received} bytes came back");
    idle().push(inbox);
    Ok(())
}

impl Inbox {
    async fn subscribe(nats: &Client) -> anyhow::Result<Self> {
        let subject = nats.new_inbox();
        let messages = nats.subscribe(format!("{subject}.>")).await?;
        Ok(Self {
            subject,
            messages,
            calls: 0,
        })
    }
}
