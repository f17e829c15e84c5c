//! The connection to the broker, as far as the client tells.

use core::sync::atomic::Ordering;
use core::time::Duration;
use std::sync::Arc;

use async_nats::connection::State;
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};
use wrpc_middleware_errors::{Delivery, RpcError, RpcErrorKind};

use crate::Progress;

/// How often a disconnected client is looked at: it has no event to await.
const LOOK: Duration = Duration::from_millis(10);

pub(super) fn is_connected(nats: &async_nats::Client) -> bool {
    nats.connection_state() == State::Connected
}

/// Waits until `nats` is connected, for `wait` at most.
pub(super) async fn connected(
    nats: &async_nats::Client,
    wait: Duration,
    progress: &Progress,
) -> Result<(), RpcError> {
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

/// The connection that a client had at some point. One that comes back is another.
#[derive(Clone, Debug)]
pub(super) struct Connection {
    nats: Arc<async_nats::Client>,
    /// How many connections the client has had.
    number: u64,
}

impl Connection {
    /// The connection that `nats` has now, or last had.
    pub(super) fn of(nats: Arc<async_nats::Client>) -> Self {
        let number = number(&nats);
        Self { nats, number }
    }

    /// The one that the client has now.
    pub(super) fn renewed(&self) -> Self {
        Self::of(Arc::clone(&self.nats))
    }

    /// Whether the client has noticed that it lost this one.
    pub(super) fn is_lost(&self) -> bool {
        !is_connected(&self.nats) || number(&self.nats) != self.number
    }

    /// Waits until the client has noticed that it lost this one.
    pub(super) async fn lost(&self) {
        loop {
            sleep(LOOK).await;
            if self.is_lost() {
                return;
            }
        }
    }
}

fn number(nats: &async_nats::Client) -> u64 {
    nats.statistics().connects.load(Ordering::Relaxed)
}

/// The failure of a call that was handed to a client which then lost its connection.
pub(super) fn lost(progress: &Progress) -> RpcError {
    progress.error(RpcErrorKind::Transport, Delivery::Unknown, LOST)
}

/// Why it failed, for where the function is not known.
pub(super) const LOST: &str =
    "the connection to the broker was lost before the target took the call";
