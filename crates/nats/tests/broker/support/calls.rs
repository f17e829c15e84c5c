//! Calls of our client, and how they end.

use core::time::Duration;

use async_nats::HeaderMap;
use bytes::Bytes;
use futures::future::try_join;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tower::{Layer as _, Service};
use wrpc_middleware_errors::{Delivery, RpcError, RpcErrorKind};
use wrpc_middleware_nats::{
    Client, ConnectOptions, ConnectionState, Incoming, Options, Outgoing, connect,
};
use wrpc_middleware_transport::timeout::{Timeout, TimeoutLayer};
use wrpc_middleware_transport::{Channels, Context, Invocation, Target};

use super::peers::{INSTANCE, TARGET};
use wrpc_middleware_testing::wait::guard;

/// Far above what anything that happens at once takes on a loaded machine, and far below every
/// deadline that it is told apart from.
pub const SOON: Duration = Duration::from_secs(10);

/// A deadline that nobody waits for.
pub const LONG: Duration = Duration::from_mins(1);

/// A deadline that tests wait for.
pub const SHORT: Duration = Duration::from_millis(500);

/// Our client by [`connect`], over a wire of choice.
pub async fn ours_at(url: &str, options: Options) -> Client {
    let options = options.default_target(Target::new(TARGET).unwrap());
    let options = ConnectOptions::new(url).client(options);
    guard("a client", connect(options)).await.expect("connect")
}

/// Waits until the state of the connection is this one.
pub async fn becomes(client: &Client, state: ConnectionState) {
    let mut watch = client.connection_state();
    let becomes = watch.wait_for(|now| *now == state);
    guard("the state of a connection", becomes).await.unwrap();
}

pub type Call = Invocation<Context<Option<HeaderMap>>>;

/// A call of `func` of the target.
pub fn invocation(func: &str, params: impl Into<Bytes>) -> Call {
    Invocation::new(Context::new(None), INSTANCE, func, params.into())
}

/// `client` with a deadline for every call.
pub fn within(client: &Client, timeout: Duration) -> Timeout<Client> {
    TimeoutLayer::new(timeout).layer(client.clone())
}

/// Sends a call.
pub async fn open<S, O, I>(
    service: &S,
    func: &str,
    params: impl Into<Bytes>,
) -> Result<Channels<O, I>, RpcError>
where
    S: Service<Call, Response = Channels<O, I>, Error = RpcError> + Clone,
{
    service.clone().call(invocation(func, params)).await
}

/// Sends a call and waits until the target has taken it.
pub async fn accepted(
    client: &Client,
    func: &str,
    params: impl Into<Bytes>,
) -> Channels<Outgoing, Incoming> {
    let call = async {
        let mut call = open(client, func, params).await.expect("a call");
        call.outgoing.flush().await.expect("a handshake");
        call
    };
    guard("a handshake", call).await
}

/// The results of a call that has no parameters left.
pub async fn finish<O, I>(call: Channels<O, I>) -> Result<Vec<u8>, RpcError>
where
    O: AsyncWrite + Unpin,
    I: AsyncRead + Unpin,
{
    let Channels {
        mut outgoing,
        mut incoming,
        ..
    } = call;
    let mut results = Vec::new();
    try_join(outgoing.shutdown(), incoming.read_to_end(&mut results))
        .await
        .map_err(|error| typed(&error))?;
    Ok(results)
}

/// A whole call: what it sends, and what comes back.
pub async fn call<S, O, I>(
    service: &S,
    func: &str,
    params: impl Into<Bytes>,
) -> Result<Vec<u8>, RpcError>
where
    S: Service<Call, Response = Channels<O, I>, Error = RpcError> + Clone,
    O: AsyncWrite + Unpin,
    I: AsyncRead + Unpin,
{
    finish(open(service, func, params).await?).await
}

/// The error that a stream failed with, which has to be one of ours.
pub fn typed(error: &std::io::Error) -> RpcError {
    let found = RpcError::find(error).cloned();
    found.unwrap_or_else(|| panic!("not typed: {error:?}"))
}

/// How a call ended, to be compared.
pub fn ending<T>(result: &Result<T, RpcError>) -> Result<(), (RpcErrorKind, Delivery)> {
    match result {
        Ok(_) => Ok(()),
        Err(error) => Err((error.kind(), error.delivery())),
    }
}
