//! A network in memory: upstream's framed transport over pairs of pipes.

use core::time::Duration;
use std::sync::Arc;

use futures::StreamExt as _;
use tokio::io::{DuplexStream, ReadHalf, WriteHalf};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use wrpc_middleware_runtime::{InvocationError, ServeError, Served};
use wrpc_transport::frame::{Oneshot, Server};

pub(crate) type Client = Oneshot<ReadHalf<DuplexStream>, WriteHalf<DuplexStream>>;
type Transport = Server<(), ReadHalf<DuplexStream>, WriteHalf<DuplexStream>>;

/// No asynchronous parts.
pub(crate) const SYNC: [&[Option<usize>]; 0] = [];

#[derive(Clone, Default)]
pub(crate) struct Net(Arc<Transport>);

impl Net {
    pub(crate) fn transport(&self) -> &Transport {
        &self.0
    }

    /// A client for one call.
    pub(crate) fn connect(&self) -> Client {
        let (client, server) = Oneshot::duplex(1 << 16);
        let transport = Arc::clone(&self.0);
        tokio::spawn(async move { transport.accept(&server).await });
        client
    }
}

/// Runs calls as a host does, each in a task of its own.
pub(crate) struct Calls {
    /// How the calls ended, in that order.
    pub(crate) ended: mpsc::UnboundedReceiver<Result<(), InvocationError>>,
    accepting: JoinHandle<()>,
}

impl Calls {
    pub(crate) fn run<C: Send + 'static>(mut served: Served<C>) -> Self {
        let (end, ended) = mpsc::unbounded_channel();
        let accepting = tokio::spawn(async move {
            while let Some(call) = served.next().await {
                let (_, invocation) = call.unwrap_or_else(|error: ServeError| panic!("{error}"));
                let end = end.clone();
                tokio::spawn(async move { end.send(invocation.await) });
            }
        });
        Self { ended, accepting }
    }

    /// How the next call ended.
    pub(crate) async fn next(&mut self) -> Result<(), InvocationError> {
        // A call whose task has panicked never ends; on paused time that is known at once.
        let ended = timeout(Duration::from_hours(1), self.ended.recv()).await;
        ended.expect("the call ends").unwrap()
    }
}

impl Drop for Calls {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}
