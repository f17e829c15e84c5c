//! What tests of both kinds of peers need to be written once.

use async_nats::HeaderMap;
use bytes::Bytes;
use wrpc_middleware_nats::serve::ServeContext;
use wrpc_middleware_nats::{CallContext, Client, Incoming, Options, Outgoing};
use wrpc_middleware_transport::Context;
use wrpc_transport::{Invoke, Serve};
use wrpc_transport_nats::NatsContext;

use super::peers::{self, INSTANCE, NO_PATHS, TARGET};
use wrpc_middleware_testing::nats::{NatsServer, round_trip};
use wrpc_middleware_testing::wait::guard;

/// A client of either kind, and the connection below it.
#[derive(Clone)]
pub struct Peer<C> {
    pub wrpc: C,
    pub nats: async_nats::Client,
}

impl<C> Peer<C> {
    /// Waits until the broker has handled all that was sent so far.
    pub async fn settled(&self) {
        round_trip(&self.nats).await;
    }
}

/// Ours, which serves the target and calls it.
pub async fn new(server: &NatsServer) -> Peer<Client> {
    new_with(server, Options::new()).await
}

/// The same with options of choice.
pub async fn new_with(server: &NatsServer, options: Options) -> Peer<Client> {
    let wrpc = peers::ours(server, options.id(TARGET)).await;
    let nats = wrpc.nats().clone();
    Peer { wrpc, nats }
}

/// Upstream's, which serves the target and calls it.
pub async fn old(server: &NatsServer) -> Peer<wrpc_transport_nats::Client> {
    old_in(server, Some(TARGET)).await
}

/// The same in a queue group of choice.
pub async fn old_in(server: &NatsServer, group: Option<&str>) -> Peer<wrpc_transport_nats::Client> {
    let nats = server.connect().await;
    let wrpc = wrpc_transport_nats::Client::new(nats.clone(), TARGET, group.map(Into::into)).await;
    let wrpc = wrpc.expect("upstream's client");
    Peer { wrpc, nats }
}

/// Either kind as a caller.
pub trait Caller: Invoke + Clone + 'static {
    /// The context of a call to the target.
    fn context() -> Self::Context {
        Self::context_with(None)
    }

    /// The same with headers.
    fn context_with(headers: Option<HeaderMap>) -> Self::Context;
}

impl Caller for Client {
    fn context_with(headers: Option<HeaderMap>) -> CallContext {
        Context::new(headers)
    }
}

impl Caller for wrpc_transport_nats::Client {
    fn context_with(headers: Option<HeaderMap>) -> Option<HeaderMap> {
        headers
    }
}

/// Either kind as a target.
pub trait Target: Serve + Clone + 'static {
    /// The headers of a call.
    fn headers(context: &Self::Context) -> Option<&HeaderMap>;
}

impl Target for Client {
    fn headers(context: &ServeContext) -> Option<&HeaderMap> {
        context.headers()
    }
}

impl Target for wrpc_transport_nats::Client {
    fn headers(context: &NatsContext) -> Option<&HeaderMap> {
        context.headers.as_ref()
    }
}

/// Makes a call without parameters.
pub async fn call(caller: &Peer<Client>, func: &str) -> (Outgoing, Incoming) {
    let call = caller
        .wrpc
        .invoke(peers::context(), INSTANCE, func, Bytes::new(), NO_PATHS);
    guard("a call", call).await.unwrap()
}

/// Asserts that the function that echoes does so.
pub async fn assert_echoes(caller: &Peer<Client>) {
    let echoed = peers::call_echo(&caller.wrpc, peers::context(), Bytes::from_static(b"x"));
    assert_eq!(guard("an echo", echoed).await.unwrap(), "x");
}
