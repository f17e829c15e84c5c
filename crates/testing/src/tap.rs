//! What goes over the wire, seen by a subscription on everything.

use async_nats::{Client, Subscriber};
use bytes::Bytes;
use futures::StreamExt as _;

use crate::nats::{NatsServer, round_trip};
use crate::wait::guard;

/// Sees every message of every client, except for the server's own.
pub struct Tap {
    messages: Subscriber,
    _client: Client,
}

impl Tap {
    /// Subscribes to everything, and waits until the server knows.
    pub async fn start(server: &NatsServer) -> Self {
        let client = server.connect().await;
        let messages = client
            .subscribe(">")
            .await
            .expect("subscribe on everything");
        round_trip(&client).await;
        let mut tap = Self {
            messages,
            _client: client.clone(),
        };
        tap.subjects_up_to_now(&client).await;
        tap
    }

    /// Those of them that are calls.
    pub async fn calls_up_to_now(&mut self, client: &Client) -> Vec<String> {
        let mut subjects = self.subjects_up_to_now(client).await;
        subjects.retain(|subject| subject.contains(".wrpc.0.0.1."));
        subjects
    }

    /// The subjects of all messages since the start or the last call of this that `client` sent,
    /// or that others sent before now.
    pub async fn subjects_up_to_now(&mut self, client: &Client) -> Vec<String> {
        // The server keeps the order of one client's messages, so this one comes last.
        let mark = client.new_inbox();
        client
            .publish(mark.clone(), Bytes::new())
            .await
            .expect("publish the mark");
        client.flush().await.expect("flush the mark");
        let mut subjects = Vec::new();
        loop {
            let message = guard("the mark", self.messages.next())
                .await
                .expect("a message");
            if message.subject.as_str() == mark {
                return subjects;
            }
            subjects.push(message.subject.to_string());
        }
    }
}
