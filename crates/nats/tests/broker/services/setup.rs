//! Services, those who call them, and what becomes of them.

use core::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::task::JoinHandle;
use tower::Service;
use wrpc_middleware_errors::{Delivery, RpcError, RpcErrorKind};
use wrpc_middleware_nats::serve::{Accepted, Request};
use wrpc_middleware_nats::{Client, Options};

use crate::support::both::Caller;
use crate::support::errors::{assert_failed, read_to_end, read_to_failure};
use crate::support::peers::{INSTANCE, NO_PATHS, TARGET, ours, upstream};
use crate::support::serving::paths;
use wrpc_middleware_testing::nats::NatsServer;
use wrpc_middleware_testing::wait::{guard, until};

/// A target, and callers of both kinds.
pub struct Peers {
    pub server: NatsServer,
    pub target: Client,
    /// Ours, whose id is `client`.
    pub client: Client,
    /// Upstream's.
    pub old: wrpc_transport_nats::Client,
}

impl Peers {
    pub async fn start() -> Self {
        let server = NatsServer::start().await;
        Self {
            target: ours(&server, Options::new().id(TARGET)).await,
            client: ours(&server, Options::new().id("client")).await,
            old: upstream(&server).await,
            server,
        }
    }

    /// Waits until nobody holds anything of a call.
    pub async fn nothing_is_left(&self) {
        until("nothing to be left", async || {
            let held = |client: &Client| (client.calls(), client.buffered());
            (held(&self.target), held(&self.client)) == ((0, 0), (0, 0))
        })
        .await;
    }
}

/// A service that is run until this is dropped.
pub struct Running(JoinHandle<Result<(), RpcError>>);

impl Running {
    /// Waits until it has ended by itself.
    pub async fn ended(mut self) -> Result<(), RpcError> {
        let ended = guard("the end of a service", &mut self.0).await;
        ended.expect("no panic")
    }

    pub fn has_ended(&self) -> bool {
        self.0.is_finished()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Runs `service` for the calls of `func`.
pub async fn serve<S>(target: &Client, func: &str, service: S) -> Running
where
    S: Service<Request, Response = (), Error = RpcError> + Clone + Send + 'static,
    S::Future: Send,
{
    let serving = target.serve_service(INSTANCE, func, paths(&[]), service);
    Running(tokio::spawn(serving.await.expect("serve")))
}

/// Calls `func` without parameters.
pub async fn call<C: Caller>(client: &C, func: &str) -> (C::Outgoing, C::Incoming) {
    call_with(client, C::context(), func).await
}

/// The same in a context of choice.
pub async fn call_with<C: Caller>(
    client: &C,
    context: C::Context,
    func: &str,
) -> (C::Outgoing, C::Incoming) {
    let call = client.invoke(context, INSTANCE, func, Bytes::new(), NO_PATHS);
    guard("a call", call).await.expect("a call")
}

/// Calls `func` and waits until it was taken.
pub async fn taken<C: Caller>(client: &C, func: &str) -> (C::Outgoing, C::Incoming) {
    let (mut params, results) = call(client, func).await;
    let taken = guard("a handshake", params.flush()).await;
    taken.expect("a handshake");
    (params, results)
}

/// Calls `func`, which answers with this.
pub async fn assert_answer<C: Caller>(client: &C, func: &str, answer: &[u8]) {
    let (_params, mut results) = call(client, func).await;
    assert_eq!(read_to_end(&mut results).await, answer);
}

/// Calls `func`, which ends in this after it has answered so far.
pub async fn assert_fails(
    client: &Client,
    func: &str,
    kind: RpcErrorKind,
    delivery: Delivery,
    answer: &[u8],
) -> RpcError {
    let (_params, mut results) = call(client, func).await;
    let (read, error) = read_to_failure(&mut results, kind, delivery).await;
    assert_eq!(read, answer);
    error
}

/// Calls `func`, which refuses the call with this.
pub async fn assert_refuses(
    client: &Client,
    func: &str,
    kind: RpcErrorKind,
    delivery: Delivery,
) -> RpcError {
    let (mut params, mut results) = call(client, func).await;
    let (read, error) = read_to_failure(&mut results, kind, delivery).await;
    assert_eq!(read, b"");
    assert_failed(params.flush().await, kind, delivery);
    error
}

/// Calls `func` as upstream does; it refuses the call.
pub async fn assert_refuses_old(client: &wrpc_transport_nats::Client, func: &str) {
    let (mut params, mut results) = call(client, func).await;
    let failed = guard("the writer", params.flush()).await.unwrap_err();
    assert_eq!(failed.to_string(), "peer did not specify a reply subject");
    assert_eq!(read_to_end(&mut results).await, b"");
}

/// Counts what runs, and what has ended, however it did.
#[derive(Clone, Debug, Default)]
pub struct Counts {
    begun: Arc<AtomicUsize>,
    ended: Arc<AtomicUsize>,
}

impl Counts {
    /// One more runs until this is dropped.
    pub fn begin(&self) -> impl Sized + Send + use<> {
        struct Begun(Arc<AtomicUsize>);
        impl Drop for Begun {
            fn drop(&mut self) {
                self.0.fetch_add(1, Ordering::Relaxed);
            }
        }
        self.begun.fetch_add(1, Ordering::Relaxed);
        Begun(Arc::clone(&self.ended))
    }

    pub fn begun(&self) -> usize {
        self.begun.load(Ordering::Relaxed)
    }

    pub fn ended(&self) -> usize {
        self.ended.load(Ordering::Relaxed)
    }

    /// Waits until so many have begun.
    pub async fn have_begun(&self, calls: usize) {
        until("calls to begin", async || self.begun() == calls).await;
    }

    /// Waits until so many have ended.
    pub async fn have_ended(&self, calls: usize) {
        until("calls to end", async || self.ended() == calls).await;
    }
}

/// Answers with `text`.
pub async fn answer((_, mut results, _): Accepted, text: &str) -> Result<(), RpcError> {
    let text = text.as_bytes();
    results.write_all(text).await.map_err(RpcError::classify)?;
    results.shutdown().await.map_err(RpcError::classify)
}

/// Answers with `half`, and works for ever.
pub async fn half((_context, mut results, _params): Accepted) -> Result<(), RpcError> {
    results
        .write_all(b"half")
        .await
        .map_err(RpcError::classify)?;
    pending().await
}

/// Echoes the parameters.
pub async fn echo((_, mut results, mut params): Accepted) -> Result<(), RpcError> {
    let mut bytes = Vec::new();
    params
        .read_to_end(&mut bytes)
        .await
        .map_err(RpcError::classify)?;
    results
        .write_all(&bytes)
        .await
        .map_err(RpcError::classify)?;
    results.shutdown().await.map_err(RpcError::classify)
}
