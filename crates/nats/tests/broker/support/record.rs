//! What goes over the wire, seen by a subscription on everything.

use async_nats::{Client, Message, Subscriber};
use bytes::Bytes;
use futures::StreamExt as _;

use wrpc_middleware_testing::nats::{NatsServer, round_trip};
use wrpc_middleware_testing::wait::guard;

/// What [`round_trip`] sends.
const ECHO: &[u8] = b"echo";

/// Sees every message of every client, except for the server's own.
///
/// As long as it lives the broker does not say when nobody listens.
pub struct Record {
    nats: Client,
    messages: Subscriber,
}

impl Record {
    pub async fn start(server: &NatsServer) -> Self {
        let nats = server.connect().await;
        let messages = nats.subscribe(">").await.expect("subscribe to everything");
        let mut record = Self { nats, messages };
        record.up_to_now(&[]).await;
        record
    }

    /// All messages since the start or the last call of this that `clients` have sent so far.
    pub async fn up_to_now(&mut self, clients: &[&Client]) -> Vec<Message> {
        for client in clients {
            round_trip(client).await;
        }
        // The broker has all of theirs, and keeps the order of ours.
        let mark = self.nats.new_inbox();
        self.nats
            .publish(mark.clone(), Bytes::new())
            .await
            .expect("publish the mark");
        let mut seen = Vec::new();
        loop {
            let message = self.next().await;
            if message.subject.as_str() == mark {
                return seen;
            }
            if *message.payload != *ECHO {
                seen.push(message);
            }
        }
    }

    /// The next message.
    pub async fn next(&mut self) -> Message {
        guard("a message", self.messages.next())
            .await
            .expect("a message")
    }

    /// Waits for a message whose subject ends so.
    pub async fn ending(&mut self, end: &str) -> Message {
        loop {
            let message = self.next().await;
            if message.subject.ends_with(end) {
                return message;
            }
        }
    }
}

/// The subjects of `messages`.
pub fn subjects(messages: &[Message]) -> Vec<&str> {
    messages.iter().map(|message| &*message.subject).collect()
}
