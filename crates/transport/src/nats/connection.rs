//! The connection to the broker, as far as the client tells.

use core::sync::atomic::Ordering;
use core::time::Duration;
use std::sync::Arc;

use async_nats::Statistics;
use async_nats::connection::State;
use tokio::time::{MissedTickBehavior, interval, timeout};
use wrpc_middleware_errors::{Delivery, RpcError, RpcErrorKind};

use crate::Progress;

/// How often a disconnected client is looked at: it has no event to await.
pub(super) const LOOK: Duration = Duration::from_millis(10);

fn is_connected(nats: &async_nats::Client) -> bool {
    nats.connection_state() == State::Connected
}

/// Waits until `broker` is connected, for `wait` at most.
pub(super) async fn connected(
    broker: &Broker,
    wait: Duration,
    progress: &Progress,
) -> Result<(), RpcError> {
    let nats = &broker.client;
    if is_connected(nats) {
        return Ok(());
    }
    let reconnect = async {
        let mut look = interval(LOOK);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while !is_connected(nats) {
            look.tick().await;
        }
    };
    if !wait.is_zero() && timeout(wait, reconnect).await.is_ok() {
        return Ok(());
    }
    Err(progress.error(
        RpcErrorKind::Transport,
        Delivery::NotSent,
        "not connected to the broker",
    ))
}

/// A client, as far as its connections are concerned.
pub(super) trait Connects: Send + Sync + 'static {
    /// How many connections it has had, if it has one now.
    fn number(&self) -> Option<u64>;
}

/// The broker, as a client of it tells.
#[derive(Debug)]
pub(super) struct Broker {
    client: Arc<async_nats::Client>,
    /// The client's own, kept since every look at it would count another owner.
    statistics: Arc<Statistics>,
}

impl Broker {
    pub(super) fn new(client: Arc<async_nats::Client>) -> Self {
        let statistics = client.statistics();
        Self { client, statistics }
    }

    pub(super) fn client(&self) -> &Arc<async_nats::Client> {
        &self.client
    }
}

impl Connects for Broker {
    fn number(&self) -> Option<u64> {
        is_connected(&self.client).then(|| self.statistics.connects.load(Ordering::Relaxed))
    }
}

/// The connection that a client had at some point. One that comes back is another.
#[derive(Debug)]
pub(super) struct Connection<N = Broker> {
    client: Arc<N>,
    /// `None` is no connection at all.
    number: Option<u64>,
}

impl<N: Connects> Connection<N> {
    /// The connection that `client` has now.
    pub(super) fn of(client: Arc<N>) -> Self {
        let number = client.number();
        Self::new(client, number)
    }

    /// The one that was the client's by this number, if there is one.
    pub(super) const fn new(client: Arc<N>, number: Option<u64>) -> Self {
        Self { client, number }
    }

    /// Which of the client's it is, if it is one.
    pub(super) const fn number(&self) -> Option<u64> {
        self.number
    }

    /// The one that the client has now.
    pub(super) fn renewed(&self) -> Self {
        Self::of(Arc::clone(&self.client))
    }

    /// Whether the client has noticed that it lost this one.
    pub(super) fn is_lost(&self) -> bool {
        self.number.is_none() || self.client.number() != self.number
    }
}

/// The failure of a call that was handed to a client which then lost its connection.
pub(super) fn lost(progress: &Progress) -> RpcError {
    progress.error(RpcErrorKind::Transport, Delivery::Unknown, LOST)
}

/// Why it failed, for where the function is not known.
pub(super) const LOST: &str =
    "the connection to the broker was lost before the target took the call";
