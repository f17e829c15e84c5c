//! Noticing what becomes of a connection whose events somebody else gets.

use core::sync::atomic::Ordering;
use core::time::Duration;
use std::sync::Arc;

use tokio::time::{MissedTickBehavior, interval};

use crate::connection::{ConnectionState, Core};

/// How often to look. A look takes some 100 ns.
const LOOK: Duration = Duration::from_millis(10);

/// Looks at the connection from time to time.
pub(crate) async fn watch(core: Arc<Core>) {
    let statistics = core.broker.nats().statistics();
    let connects = || statistics.connects.load(Ordering::Relaxed);
    let mut seen = connects();
    let mut look = interval(LOOK);
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        look.tick().await;
        let state = ConnectionState::from(core.broker.nats().connection_state());
        // It may have come back since the last look.
        let reconnected = core::mem::replace(&mut seen, connects()) != seen;
        if reconnected || state != ConnectionState::Connected {
            core.lost(ConnectionState::Disconnected);
        }
        if state == ConnectionState::Connected {
            core.connected();
        }
    }
}
