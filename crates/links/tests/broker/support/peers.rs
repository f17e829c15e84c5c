//! Those who call and those who are called, over the whole stack.

use core::time::Duration;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_nats::Event;
use futures::StreamExt as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::task::{JoinHandle, JoinSet};
use tower::{Layer as _, ServiceExt as _};
use wrpc_middleware_nats::{CallContext, Client, ConnectError, ConnectOptions, Options, connect};
use wrpc_middleware_transport::link::{LinkAuthorization, LinkPolicy};
use wrpc_middleware_transport::liveness::TargetLiveness;
use wrpc_middleware_transport::timeout::Timeout;
use wrpc_middleware_transport::{Context, Delivery, Invocation, RpcError, RpcErrorKind, Stack};

use super::links::INTERFACE;
use wrpc_middleware_testing::wait::guard;

/// A deadline that nobody waits for.
pub const LONG: Duration = Duration::from_mins(1);

/// Far above what anything that happens at once takes on a loaded machine, and far below `LONG`.
pub const SOON: Duration = Duration::from_secs(20);

/// The client of the component `id`.
pub async fn client(url: &str, id: &str) -> Client {
    let client = login(url, id, None, |_| ()).await;
    client.expect("a client")
}

/// The same as a user of NATS who is called the same.
pub async fn login(
    url: &str,
    id: &str,
    password: Option<&str>,
    on_event: impl Fn(&Event) + Send + Sync + 'static,
) -> Result<Client, ConnectError> {
    let client = Options::new()
        .id(id)
        .prefix("default")
        .keepalive(Some(Duration::from_millis(200)));
    let options = ConnectOptions::new(url).client(client).on_event(on_event);
    let options = options.nats(|nats| match password {
        Some(password) => nats.user_and_password(id.to_owned(), password.to_owned()),
        None => nats,
    });
    guard("a client", connect(options)).await
}

/// Serves `echo`, and `hold`, which never answers, until it is dropped.
pub struct Target {
    serving: Vec<JoinHandle<()>>,
    given_up: Arc<AtomicUsize>,
    held: Arc<AtomicUsize>,
}

impl Target {
    pub async fn start(client: &Client) -> Self {
        Self::start_at(client, INTERFACE).await
    }

    pub async fn start_at(client: &Client, instance: &str) -> Self {
        let mut serving = Vec::new();
        let given_up = Arc::<AtomicUsize>::default();
        let held = Arc::<AtomicUsize>::default();
        for func in ["echo", "hold"] {
            let calls = client.requests(instance, func, Arc::default());
            let mut calls = guard("a function", calls).await.expect("serve");
            let (given_up, held) = (Arc::clone(&given_up), Arc::clone(&held));
            serving.push(tokio::spawn(async move {
                let mut running = JoinSet::new();
                while let Some(Ok(call)) = calls.next().await {
                    let (context, mut results, mut params) = call.accept();
                    let (given_up, held) = (Arc::clone(&given_up), Arc::clone(&held));
                    running.spawn(async move {
                        if func == "hold" {
                            held.fetch_add(1, Ordering::Relaxed);
                            context.given_up().await;
                            given_up.fetch_add(1, Ordering::Relaxed);
                            return;
                        }
                        let mut bytes = Vec::new();
                        if params.read_to_end(&mut bytes).await.is_ok() {
                            let _ = results.write_all(&bytes).await;
                            let _ = results.shutdown().await;
                        }
                    });
                    while running.try_join_next().is_some() {}
                }
            }));
        }
        // The broker has to know of the functions.
        guard("a round trip", client.round_trip()).await.unwrap();
        Self {
            serving,
            given_up,
            held,
        }
    }

    /// How many calls of `hold` were taken.
    pub fn held(&self) -> usize {
        self.held.load(Ordering::Relaxed)
    }

    /// How many of them their callers have given up.
    pub fn given_up(&self) -> usize {
        self.given_up.load(Ordering::Relaxed)
    }
}

impl Drop for Target {
    fn drop(&mut self) {
        for task in &self.serving {
            task.abort();
        }
    }
}

/// What calls of `source` go through.
pub type Caller<P> = LinkAuthorization<Timeout<TargetLiveness<Client>, Duration>, P>;

/// The whole stack.
pub fn caller<P: LinkPolicy + Clone>(client: &Client, source: &str, links: P) -> Caller<P> {
    Stack::new(links)
        .timeout(LONG)
        .handshake_timeout(LONG)
        .source(source)
        .layer(client.clone())
}

/// One call of `func`, as an invocation.
pub fn invocation(instance: &str, func: &str, params: Vec<u8>) -> Invocation<CallContext> {
    Invocation::new(Context::new(None), instance, func, params.into())
}

/// One whole call.
pub async fn call<P>(caller: &Caller<P>, func: &str, params: Vec<u8>) -> Result<Vec<u8>, RpcError>
where
    P: LinkPolicy + Clone,
{
    call_at(caller, INTERFACE, func, params).await
}

/// The same, of any interface.
pub async fn call_at<P>(
    caller: &Caller<P>,
    instance: &str,
    func: &str,
    params: Vec<u8>,
) -> Result<Vec<u8>, RpcError>
where
    P: LinkPolicy + Clone,
{
    let call = async {
        let channels = caller
            .clone()
            .oneshot(invocation(instance, func, params))
            .await?;
        let (mut outgoing, mut incoming) = (channels.outgoing, channels.incoming);
        let mut results = Vec::new();
        let done =
            async { tokio::try_join!(outgoing.shutdown(), incoming.read_to_end(&mut results)) };
        done.await.map_err(RpcError::classify)?;
        Ok(results)
    };
    guard("a call", call).await
}

/// How a call ended, to be compared.
pub fn ending<T>(result: &Result<T, RpcError>) -> Result<(), (RpcErrorKind, Delivery)> {
    match result {
        Ok(_) => Ok(()),
        Err(error) => Err((error.kind(), error.delivery())),
    }
}

pub const DENIED: Result<(), (RpcErrorKind, Delivery)> =
    Err((RpcErrorKind::LinkDenied, Delivery::NotSent));

/// Serves `name`, which answers with the id of the target, until it is dropped.
pub struct Named(JoinHandle<()>);

impl Named {
    pub async fn start(client: &Client, id: &'static str) -> Self {
        let calls = client.requests(INTERFACE, "name", Arc::default());
        let mut calls = guard("a function", calls).await.expect("serve");
        let task = tokio::spawn(async move {
            while let Some(Ok(call)) = calls.next().await {
                let (_context, mut results, _params) = call.accept();
                let _ = results.write_all(id.as_bytes()).await;
                let _ = results.shutdown().await;
            }
        });
        guard("a round trip", client.round_trip()).await.unwrap();
        Self(task)
    }
}

impl Drop for Named {
    fn drop(&mut self) {
        self.0.abort();
    }
}
