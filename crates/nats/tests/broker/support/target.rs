//! A target that counts what it does.

use core::future::pending;
use std::sync::{Arc, Mutex};

use futures::StreamExt as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::task::{JoinHandle, JoinSet};
use wrpc_middleware_errors::RpcError;
use wrpc_middleware_nats::serve::Accepted;
use wrpc_middleware_nats::{Client, Incoming, Outgoing};
use wrpc_middleware_transport::Paths;

use super::calls::typed;
use super::peers::INSTANCE;
use wrpc_middleware_testing::wait::{guard, until};

/// What a target does with a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Behaviour {
    /// Answers with the parameters.
    Echo,
    /// Takes it, and works until nobody wants the result any more.
    Hold,
    /// Does the same after it has answered with the parameters, which are no end.
    Begin,
}

impl Behaviour {
    pub const ALL: [Self; 3] = [Self::Echo, Self::Hold, Self::Begin];

    /// The name of the function that does this.
    pub const fn func(self) -> &'static str {
        match self {
            Self::Echo => "echo",
            Self::Hold => "hold",
            Self::Begin => "begin",
        }
    }
}

/// What became of the calls that a target took.
#[derive(Debug, Default)]
pub struct Work {
    /// The parameters of each that was begun, as far as they came with it.
    pub begun: Vec<String>,
    /// How many were answered.
    pub answered: usize,
    /// Why the others were not.
    pub stopped: Vec<RpcError>,
}

impl Work {
    fn is_idle(&self) -> bool {
        self.begun.len() == self.answered + self.stopped.len()
    }
}

/// Serves a function for each behaviour until it is dropped.
pub struct Target {
    work: Arc<Mutex<Work>>,
    serving: Vec<JoinHandle<()>>,
}

impl Target {
    /// Serves what `client` is the target of.
    pub async fn start(client: &Client) -> Self {
        Self::start_with(client, |_| ()).await
    }

    /// Does the same, and calls `begun` at the beginning of every call.
    pub async fn start_with(client: &Client, begun: impl Fn(&str) + Send + Sync + 'static) -> Self {
        let work = Arc::<Mutex<Work>>::default();
        let begun = Arc::new(begun);
        let mut serving = Vec::new();
        for behaviour in Behaviour::ALL {
            let calls = client.requests(INSTANCE, behaviour.func(), Paths::default());
            let mut calls = calls.await.expect("serve");
            let (work, begun) = (Arc::clone(&work), Arc::clone(&begun));
            serving.push(tokio::spawn(async move {
                let mut running = JoinSet::new();
                while let Some(call) = calls.next().await {
                    let call = call.expect("a call").accept();
                    let (work, begun) = (Arc::clone(&work), Arc::clone(&begun));
                    running.spawn(async move { run(behaviour, call, &work, &*begun).await });
                    while running.try_join_next().is_some() {}
                }
                while running.join_next().await.is_some() {}
            }));
        }
        Self { work, serving }
    }

    /// What it did so far.
    pub fn work<T>(&self, look: impl FnOnce(&Work) -> T) -> T {
        look(&self.work.lock().unwrap())
    }

    /// Forgets what it did.
    pub fn forget(&self) {
        *self.work.lock().unwrap() = Work::default();
    }

    /// How many calls began.
    pub fn begun(&self) -> usize {
        self.work(|work| work.begun.len())
    }

    /// Waits until so many calls have begun.
    pub async fn has_begun(&self, calls: usize) {
        until("calls to begin", async || self.begun() >= calls).await;
    }

    /// Waits until no call runs, so many having been stopped.
    pub async fn has_stopped(&self, calls: usize) {
        until("work to stop", async || {
            self.work(|work| work.stopped.len() == calls && work.is_idle())
        })
        .await;
    }

    /// Waits until no call runs.
    pub async fn idles(&self) {
        until("calls to end", async || self.work(Work::is_idle)).await;
    }

    /// Waits until it has handed out every call, as it was told to take no more.
    pub async fn ended(mut self) -> Arc<Mutex<Work>> {
        for serving in self.serving.drain(..) {
            guard("the end of a stream of calls", serving)
                .await
                .expect("no panic");
        }
        Arc::clone(&self.work)
    }
}

impl Drop for Target {
    fn drop(&mut self) {
        for serving in &self.serving {
            serving.abort();
        }
    }
}

/// Runs a call as long as it is wanted, and counts it.
async fn run(
    behaviour: Behaviour,
    (context, results, params): Accepted,
    work: &Mutex<Work>,
    begun: &(dyn Fn(&str) + Sync),
) {
    let count = |name: &[u8]| {
        let name = String::from_utf8_lossy(name).into_owned();
        begun(&name);
        work.lock().unwrap().begun.push(name);
    };
    let ended = context.run(serve(behaviour, results, params, count)).await;
    let mut work = work.lock().unwrap();
    match ended.unwrap_or_else(Err) {
        Ok(()) => work.answered += 1,
        Err(error) => work.stopped.push(error),
    }
}

async fn serve(
    behaviour: Behaviour,
    mut results: Outgoing,
    mut params: Incoming,
    count: impl FnOnce(&[u8]),
) -> Result<(), RpcError> {
    let mut bytes = Vec::new();
    // What came with the call is there.
    params
        .read_buf(&mut bytes)
        .await
        .map_err(|error| typed(&error))?;
    count(&bytes);
    if behaviour == Behaviour::Hold {
        pending::<()>().await;
    }
    params
        .read_to_end(&mut bytes)
        .await
        .map_err(|error| typed(&error))?;
    results
        .write_all(&bytes)
        .await
        .map_err(|error| typed(&error))?;
    results.flush().await.map_err(|error| typed(&error))?;
    if behaviour == Behaviour::Begin {
        pending::<()>().await;
    }
    results.shutdown().await.map_err(|error| typed(&error))
}
