//! Peers that speak the wire by hand, to break its rules.

use async_nats::client::traits::Publisher as _;
use async_nats::{Client, HeaderMap, Message, Subscriber};
use bytes::Bytes;
use futures::StreamExt as _;

use super::peers::{INSTANCE, TARGET};
use wrpc_middleware_testing::nats::{NatsServer, round_trip};
use wrpc_middleware_testing::wait::guard;

/// Where calls of a function go.
pub fn call_subject(func: &str) -> String {
    format!("{TARGET}.wrpc.0.0.1.{INSTANCE}.{func}")
}

/// Headers, by name and value.
pub fn headers(pairs: &[(&str, &str)]) -> Option<HeaderMap> {
    let mut headers = HeaderMap::new();
    for (name, value) in pairs {
        headers.insert(*name, *value);
    }
    (!pairs.is_empty()).then_some(headers)
}

/// Publishes as told.
pub async fn publish(
    nats: &Client,
    subject: impl Into<String>,
    reply: Option<&str>,
    headers: Option<HeaderMap>,
    payload: impl Into<Bytes>,
) {
    let message = async_nats::message::OutboundMessage {
        subject: subject.into().into(),
        payload: payload.into(),
        reply: reply.map(Into::into),
        headers,
    };
    nats.publish_message(message).await.expect("publish");
}

/// The text of a header.
pub fn header<'a>(message: &'a Message, name: &str) -> Option<&'a str> {
    let value = message.headers.as_ref()?.get(name)?;
    Some(value.as_str())
}

/// Waits for the next message.
pub async fn next(messages: &mut Subscriber) -> Message {
    guard("a message", messages.next())
        .await
        .expect("a message")
}

/// A target that does nothing by itself.
pub struct RawTarget {
    pub nats: Client,
    calls: Subscriber,
}

impl RawTarget {
    /// Subscribes to a function of the target.
    pub async fn start(server: &NatsServer, func: &str) -> Self {
        let nats = server.connect().await;
        let calls = nats.subscribe(call_subject(func)).await.expect("subscribe");
        round_trip(&nats).await;
        Self { nats, calls }
    }

    /// Waits for the next call.
    pub async fn call(&mut self) -> RawCall {
        let message = next(&mut self.calls).await;
        RawCall {
            nats: self.nats.clone(),
            reply: message.reply.clone().expect("a reply subject").to_string(),
            message,
        }
    }
}

/// A call as it arrived.
pub struct RawCall {
    nats: Client,
    /// `R_c`.
    pub reply: String,
    pub message: Message,
}

impl RawCall {
    /// Answers the handshake; what comes below `R_s`, and `R_s`.
    pub async fn accept(&self) -> (Subscriber, String) {
        let inbox = self.nats.new_inbox();
        let below = self.nats.subscribe(format!("{inbox}.>")).await;
        self.accept_as(&inbox).await;
        (below.expect("subscribe"), inbox)
    }

    /// Answers the handshake with a reply subject of choice.
    pub async fn accept_as(&self, inbox: &str) {
        publish(&self.nats, &*self.reply, Some(inbox), None, "").await;
    }

    /// Sends results on the stream at `path`, such as `""` or `.0.1`.
    pub async fn results(&self, path: &str, headers: Option<HeaderMap>, payload: impl Into<Bytes>) {
        let subject = format!("{}.results{path}", self.reply);
        publish(&self.nats, subject, None, headers, payload).await;
    }

    /// Waits until the broker has all that was sent.
    pub async fn sent(&self) {
        round_trip(&self.nats).await;
    }
}

/// A caller that does nothing by itself.
pub struct RawCaller {
    pub nats: Client,
    /// `R_c`.
    pub inbox: String,
    /// What arrives on `R_c` and below it.
    pub messages: Subscriber,
}

impl RawCaller {
    pub async fn start(server: &NatsServer) -> Self {
        let nats = server.connect().await;
        let base = nats.new_inbox();
        let messages = nats
            .subscribe(format!("{base}.>"))
            .await
            .expect("subscribe");
        round_trip(&nats).await;
        Self {
            nats,
            inbox: format!("{base}.call"),
            messages,
        }
    }

    /// Calls a function of the target.
    pub async fn call(&self, func: &str, headers: Option<HeaderMap>, params: impl Into<Bytes>) {
        publish(
            &self.nats,
            call_subject(func),
            Some(&self.inbox),
            headers,
            params,
        )
        .await;
    }

    /// The handshake, or the refusal.
    pub async fn next(&mut self) -> Message {
        next(&mut self.messages).await
    }
}
