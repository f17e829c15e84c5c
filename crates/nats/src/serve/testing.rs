//! Calls that came from nowhere, for tests without a broker.

use core::future::Ready;
use core::sync::atomic::{AtomicUsize, Ordering};
use core::task::{Context, Poll};
use core::time::Duration;
use std::sync::Arc;

use async_nats::{HeaderMap, Message};
use tokio::time::Instant;
use tower::Service;
use wrpc_middleware_errors::RpcError;
use wrpc_middleware_transport::Paths;

use super::Request;
pub(super) use super::offline::Server;
use crate::budget::Budget;
use crate::exchange::Part;
use crate::offline::{self, message};

impl Server {
    /// One over a connection that never comes about.
    pub(super) async fn new() -> Self {
        let (connection, _) = offline::connection(Budget::new(1 << 20, 1 << 20), 2048).await;
        Self::over(connection, Paths::default())
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
            ..message("test")
        };
        self.offered(message).unwrap()
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
            exchange.deliver(Part::Cancel, message(exchange.inbox()));
        }
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
