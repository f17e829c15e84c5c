//! Targets that speak the wire by hand, to break its rules.

use core::time::Duration;

use async_nats::Client;
use bytes::Bytes;
use futures::StreamExt as _;
use tokio::task::JoinHandle;
use wrpc_middleware::runtime::Limits;

use wrpc_middleware_testing::nats::round_trip;

/// How a target misbehaves.
#[derive(Clone, Copy, Debug)]
pub enum Behaviour {
    /// Is subscribed, but takes no call.
    NeverAccept,
    /// Takes the call and does nothing about it.
    AcceptOnly,
    /// Announces a string of a megabyte and sends a byte of it every 100 ms, for ever.
    Drip,
    /// Answers with bytes that are no `result`.
    Garbage,
    /// Announces a list of 4,294,967,295 elements and sends none.
    HugeList,
    /// Announces a list of one element more than a call may have, and sends elements for ever, as
    /// fast as it can.
    Flood,
    /// Closes the stream of the results before it sent any.
    CloseAtOnce,
}

impl Behaviour {
    pub const ALL: [Self; 7] = [
        Self::NeverAccept,
        Self::AcceptOnly,
        Self::Drip,
        Self::Garbage,
        Self::HugeList,
        Self::Flood,
        Self::CloseAtOnce,
    ];

    pub fn name(self) -> String {
        format!("{self:?}")
    }

    async fn answer(
        self,
        client: &Client,
        reply: async_nats::Subject,
        inbox: String,
        accepted: impl Fn(),
    ) {
        if matches!(self, Self::NeverAccept) {
            return;
        }
        let results = format!("{reply}.results");
        let handshake = client.publish_with_reply(reply, inbox, Bytes::new()).await;
        handshake.expect("accept the call");
        round_trip(client).await;
        accepted();
        match self {
            Self::NeverAccept | Self::AcceptOnly => {}
            Self::Drip => {
                // `ok`, then the length 1,048,576 as LEB128.
                send(client, &results, &[0, 0x80, 0x80, 0x40]).await;
                let mut interval = tokio::time::interval(Duration::from_millis(100));
                loop {
                    interval.tick().await;
                    send(client, &results, b"x").await;
                }
            }
            Self::Garbage => send(client, &results, &[7; 16]).await,
            Self::HugeList => send(client, &results, &HUGE_LIST).await,
            Self::Flood => {
                // `ok`, then the length as LEB128.
                let mut announced = vec![0];
                let mut length = Limits::default().elements + 1;
                while length > 0x7f {
                    announced.push(0x80 | u8::try_from(length & 0x7f).expect("seven bits"));
                    length >>= 7;
                }
                announced.push(u8::try_from(length).expect("seven bits"));
                send(client, &results, &announced).await;
                // Empty strings.
                let elements = vec![0; 32 * 1024];
                loop {
                    send(client, &results, &elements).await;
                    client.flush().await.expect("flush");
                }
            }
            Self::CloseAtOnce => send(client, &results, &[]).await,
        }
    }
}

/// `ok`, then the length 4,294,967,295 as LEB128.
const HUGE_LIST: [u8; 6] = [0, 0xff, 0xff, 0xff, 0xff, 0x0f];

/// Stops taking calls, and forgets those it took, when this is dropped.
pub struct RawTarget(JoinHandle<()>);

impl RawTarget {
    /// Serves every function under `prefix`.
    pub async fn start(client: Client, prefix: &str, behaviour: Behaviour) -> Self {
        Self::start_with(client, prefix, behaviour, || {}).await
    }

    /// Does the same and calls `accepted` whenever the broker has the acceptance of a call.
    pub async fn start_with(
        client: Client,
        prefix: &str,
        behaviour: Behaviour,
        accepted: impl Fn() + Clone + Send + 'static,
    ) -> Self {
        let mut calls = client
            .subscribe(format!("{prefix}.wrpc.0.0.1.>"))
            .await
            .expect("subscribe");
        // Where it hears of its callers, to whom it would be gone if it did not.
        let inbox = client.new_inbox();
        let mut heard = client
            .subscribe(format!("{inbox}.>"))
            .await
            .expect("subscribe");
        round_trip(&client).await;
        Self(tokio::spawn(async move {
            let mut running = tokio::task::JoinSet::new();
            let mut number = 0;
            loop {
                let call = tokio::select! {
                    call = calls.next() => call,
                    Some(_) = heard.next() => continue,
                };
                let Some(call) = call else { return };
                let (client, accepted) = (client.clone(), accepted.clone());
                let reply = call.reply.expect("a reply subject");
                let inbox = format!("{inbox}.{number}");
                number += 1;
                running.spawn(async move {
                    behaviour.answer(&client, reply, inbox, accepted).await;
                });
            }
        }))
    }
}

impl Drop for RawTarget {
    fn drop(&mut self) {
        self.0.abort();
    }
}

async fn send(client: &Client, subject: &str, bytes: &[u8]) {
    client
        .publish(subject.to_owned(), Bytes::copy_from_slice(bytes))
        .await
        .expect("publish");
}
