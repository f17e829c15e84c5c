//! Noticing what becomes of a connection by looking at it.

use core::sync::atomic::Ordering;
use core::time::Duration;
use std::sync::Arc;

use tokio::time::{MissedTickBehavior, interval};

use crate::connection::{ConnectionState, Core};

/// How often to look if nobody says what happens. A look takes some 100 ns.
const OFTEN: Duration = Duration::from_millis(10);

/// How often to look otherwise: the NATS client drops events that come faster than they are
/// handled, and a host may forget to pass them on.
const RARELY: Duration = Duration::from_millis(500);

/// Looks at the connection from time to time; more often if there are no events of it.
pub(crate) async fn watch(core: Arc<Core>, has_events: bool) {
    let statistics = core.broker.nats().statistics();
    let connects = || statistics.connects.load(Ordering::Relaxed);
    let mut seen = connects();
    let mut look = interval(if has_events { RARELY } else { OFTEN });
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        look.tick().await;
        let state = ConnectionState::from(core.broker.nats().connection_state());
        // It may have come back since the last look; an event would have said so.
        let reconnected = core::mem::replace(&mut seen, connects()) != seen && !has_events;
        if reconnected || state != ConnectionState::Connected {
            core.lost(ConnectionState::Disconnected);
        }
        if state == ConnectionState::Connected {
            core.connected();
        }
    }
}
