//! Calls that came from nowhere, for tests without a broker.

use core::future::Ready;
use core::sync::atomic::{AtomicUsize, Ordering};
use core::task::{Context, Poll};
use core::time::Duration;
use std::sync::Arc;

use async_nats::{HeaderMap, Message, Subject};
use bytes::Bytes;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::Instant;
use tower::Service;
use wrpc_middleware_errors::RpcError;

use super::functions::Served;
use super::request::Offer;
use super::{Request, ServedFunctions};
use crate::broker::Broker;
use crate::budget::Budget;
use crate::connection::{Connection, ConnectionState, Core};
use crate::exchange::Part;
use crate::function::Function;
use crate::registry::Registry;
use crate::subject::{Inbox, InboxPrefixes};
use crate::violations::Violations;

/// What serves `test:app/echo@0.1.0#echo`, over a connection that never comes about.
pub(super) struct Server {
    offer: Arc<Offer>,
}

impl Server {
    pub(super) async fn new() -> Self {
        let nats = async_nats::ConnectOptions::new()
            .retry_on_initial_connect()
            .reconnect_delay_callback(|_| Duration::from_hours(1))
            .connect("nats://127.0.0.1:1")
            .await
            .unwrap();
        let (broker, _) = Broker::new(nats);
        let core = Core {
            broker: Arc::new(broker),
            registry: Registry::default(),
            violations: Violations::default(),
            inbox: Inbox::new("_INBOX"),
            prefixes: InboxPrefixes::new(["_INBOX"]),
            budget: Budget::new(1 << 20, 1 << 20),
            tick: 0.into(),
            state: watch::Sender::new(ConnectionState::Connected),
            served: ServedFunctions::default(),
            owing: mpsc::unbounded_channel().0,
        };
        let function = Function {
            instance: "test:app/echo@0.1.0".into(),
            func: "echo".into(),
        };
        Self {
            offer: Arc::new(Offer {
                connection: Arc::new(Connection::new(Arc::new(core), JoinSet::new())),
                served: Arc::new(Served::new("test".into(), function)),
                paths: Arc::default(),
                params_timeout: None,
                clock_skew: Duration::ZERO,
                inbox_prefix: "_INBOX".into(),
                running: None,
            }),
        }
    }

    /// A call of the component `client`.
    pub(super) fn request(&self) -> Request {
        self.request_of("_INBOX.client.connection.call", None)
    }

    /// A call that is answered at `inbox`.
    pub(super) fn request_of(&self, inbox: &str, headers: Option<HeaderMap>) -> Request {
        let message = Message {
            reply: Some(inbox.into()),
            payload: "params".into(),
            headers,
            ..empty("test".into())
        };
        Request::new(&self.offer, message).unwrap()
    }

    /// The same with a deadline.
    pub(super) fn request_within(&self, timeout: Duration) -> Request {
        let mut request = self.request();
        request.context_mut().deadline = Some(Instant::now() + timeout);
        request
    }

    /// How many calls were taken and are not over.
    pub(super) fn calls(&self) -> usize {
        self.offer.connection.registry().len()
    }

    /// Its caller has given up, for every call that was taken.
    pub(super) fn give_up(&self) {
        for exchange in self.offer.connection.registry().all() {
            exchange.deliver(Part::Cancel, empty(exchange.inbox()));
        }
    }
}

fn empty(subject: Subject) -> Message {
    Message {
        subject,
        reply: None,
        payload: Bytes::new(),
        headers: None,
        status: None,
        description: None,
        length: 0,
    }
}

/// A service that never becomes ready.
#[derive(Clone, Copy)]
pub(super) struct NeverReady;

impl Service<Request> for NeverReady {
    type Response = ();
    type Error = RpcError;
    type Future = Ready<Result<(), RpcError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), RpcError>> {
        Poll::Pending
    }

    fn call(&mut self, _: Request) -> Self::Future {
        panic!("it was not ready")
    }
}

/// Counts how often it is dropped.
pub(super) struct OnDrop(pub(super) Arc<AtomicUsize>);

impl Drop for OnDrop {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}
