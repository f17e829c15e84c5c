//! Targets that are a closure.

use core::future::Future;
use std::sync::Arc;

use futures::StreamExt as _;
use tokio::task::{JoinHandle, JoinSet};
use wrpc_middleware_nats::Client;
use wrpc_middleware_nats::serve::Request;
use wrpc_transport::Serve;

use super::peers::INSTANCE;

type Paths = Arc<[Box<[Option<usize>]>]>;

/// Stops taking calls, and ends those that run, when this is dropped.
pub struct Serving(pub JoinHandle<()>);

impl Drop for Serving {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// The paths of asynchronous values.
pub fn paths(paths: &[&[Option<usize>]]) -> Paths {
    paths.iter().map(|path| Box::from(*path)).collect()
}

/// Answers every call by `handler`, in a task of its own.
pub async fn serve<S, F>(
    transport: &S,
    func: &str,
    paths: Paths,
    handler: impl Fn(S::Context, S::Outgoing, S::Incoming) -> F + Send + 'static,
) -> Serving
where
    S: Serve + 'static,
    F: Future<Output = ()> + Send + 'static,
{
    let calls = transport.serve(INSTANCE, func, paths).await.expect("serve");
    Serving(tokio::spawn(async move {
        let mut calls = core::pin::pin!(calls);
        let mut running = JoinSet::new();
        while let Some(call) = calls.next().await {
            let Ok((context, outgoing, incoming)) = call else {
                continue;
            };
            running.spawn(handler(context, outgoing, incoming));
        }
    }))
}

/// Gives every call of our client to `handler` before it is taken.
pub async fn requests<F>(
    client: &Client,
    func: &str,
    handler: impl Fn(Request) -> F + Send + 'static,
) -> Serving
where
    F: Future<Output = ()> + Send + 'static,
{
    let calls = client.requests(INSTANCE, func, paths(&[])).await;
    let mut calls = calls.expect("serve");
    Serving(tokio::spawn(async move {
        let mut running = JoinSet::new();
        while let Some(call) = calls.next().await {
            running.spawn(handler(call.expect("a call")));
        }
    }))
}
