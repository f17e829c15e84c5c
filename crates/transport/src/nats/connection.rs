//! The connection to the broker, as far as the client tells.

use core::fmt;
use core::time::Duration;

use async_nats::connection::State;
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};
use wrpc_middleware_errors::{Delivery, RpcError, RpcErrorKind};

/// How often a disconnected client is looked at: it has no event to await.
const LOOK: Duration = Duration::from_millis(10);

pub(super) fn is_connected(nats: &async_nats::Client) -> bool {
    nats.connection_state() == State::Connected
}

/// Waits until `nats` is connected, for `wait` at most.
pub(super) async fn connected(
    nats: &async_nats::Client,
    wait: Duration,
    function: impl fmt::Display,
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
    Err(RpcError::new(
        RpcErrorKind::Transport,
        Delivery::NotSent,
        format!("{function}: not connected to the broker"),
    ))
}

/// Waits until `nats` has noticed that it lost its connection.
pub(super) async fn disconnected(nats: &async_nats::Client) {
    loop {
        sleep(LOOK).await;
        if !is_connected(nats) {
            return;
        }
    }
}

/// The failure of a call that was handed to a client which then lost its connection.
pub(super) fn lost(function: impl fmt::Display) -> RpcError {
    RpcError::new(
        RpcErrorKind::Transport,
        Delivery::Unknown,
        format!("{function}: {LOST}"),
    )
}

/// Why it failed, for where the function is not known.
pub(super) const LOST: &str =
    "the connection to the broker was lost before the target took the call";
