//! A connection that never comes about, for tests without a broker: what is published waits in the
//! queue of the NATS client.

#![expect(clippy::expect_used, reason = "it is for tests alone")]

use core::time::Duration;
use std::sync::Arc;

use async_nats::{Message, Subject};
use bytes::Bytes;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::broker::{Broker, Waiting};
use crate::budget::Budget;
use crate::connection::{Connection, ConnectionState, Core};
use crate::registry::Registry;
use crate::serve::ServedFunctions;
use crate::slow::SlowFunctions;
use crate::subject::{Inbox, InboxPrefixes};
use crate::tasks::{Settling, settling};
use crate::violations::Violations;

/// What tasks would have that nobody runs.
pub(crate) struct Idle {
    /// What has no place in the queue.
    pub(crate) _waiting: Waiting,
    /// The calls that are to be settled.
    pub(crate) settling: Settling,
}

/// A connection whose NATS client has a queue of `capacity` messages.
pub(crate) async fn connection(budget: Budget, capacity: usize) -> (Arc<Connection>, Idle) {
    over(nats(capacity).await, budget)
}

/// A NATS client that has a queue of `capacity` messages.
pub(crate) async fn nats(capacity: usize) -> async_nats::Client {
    async_nats::ConnectOptions::new()
        .retry_on_initial_connect()
        .reconnect_delay_callback(|_| Duration::from_hours(1))
        .client_capacity(capacity)
        .connect("nats://127.0.0.1:1")
        .await
        .expect("nothing is connected to yet")
}

/// A connection over such a client.
pub(crate) fn over(nats: async_nats::Client, budget: Budget) -> (Arc<Connection>, Idle) {
    let (broker, waiting) = Broker::new(nats);
    let (owing, settling) = settling();
    let core = Core {
        broker: Arc::new(broker),
        registry: Registry::default(),
        violations: Violations::of_own_connection(),
        inbox: Inbox::new("_INBOX"),
        prefixes: InboxPrefixes::new(["_INBOX"]),
        budget,
        tick: 0.into(),
        state: watch::Sender::new(ConnectionState::Connected),
        served: ServedFunctions::default(),
        owing,
        slow: SlowFunctions::default(),
    };
    let connection = Connection::new(Arc::new(core), JoinSet::new());
    let idle = Idle {
        _waiting: waiting,
        settling,
    };
    (Arc::new(connection), idle)
}

/// An empty message.
pub(crate) fn message(subject: impl Into<Subject>) -> Message {
    Message {
        subject: subject.into(),
        reply: None,
        payload: Bytes::new(),
        headers: None,
        status: None,
        description: None,
        length: 0,
    }
}
