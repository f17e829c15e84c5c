//! Noticing that the server of a waiting call is gone.
//!
//! A server has a subscription for as long as it is connected, on everything below the subject that
//! it answered the handshake with. A message there that asks for a reply is ignored while it is
//! there; once its connection is gone, the broker itself answers that nobody is.

use core::sync::atomic::Ordering;
use core::time::Duration;
use std::collections::HashMap;
use std::sync::Arc;

use async_nats::Subject;
use tokio::time::{MissedTickBehavior, interval, timeout};
use tracing::{debug, warn};

use crate::connection::{ConnectionState, Core};
use crate::id::Id;
use crate::subject::{ALIVE, below, server};

/// Asks for the servers of calls that have heard nothing for `period`, and fails those whose server
/// is gone.
pub(crate) async fn keep_alive(core: Arc<Core>, probe: Subject, period: Duration) {
    tokio::join!(find_taps(&core, &probe, period), ask(&core, period));
}

async fn ask(core: &Core, period: Duration) {
    // A call that was heard of in one tick is asked for in the second after it at the latest, which
    // is within a period.
    let mut ticks = interval(period / 2);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let tick = core.tick.fetch_add(1, Ordering::Relaxed).wrapping_add(1);
        if *core.state.borrow() != ConnectionState::Connected {
            continue;
        }
        // Calls of one server share the answer, until it is that nobody is there.
        let mut asked: HashMap<Box<str>, usize> = HashMap::new();
        for exchange in core.registry.all() {
            let Some(peer) = exchange.silent_peer(tick.wrapping_sub(2)) else {
                continue;
            };
            let calls = asked.entry(server(&peer).into()).or_default();
            *calls += 1;
            if *calls == 1 {
                exchange.probe(&peer);
            }
        }
    }
}

/// Warns if something listens to everything: the broker never says then that nobody is there.
async fn find_taps(core: &Core, probe: &Subject, period: Duration) {
    let id = Id::random();
    let answer = core.registry.expect_echo(id);
    let reply = below(&core.inbox.of(&id), ALIVE);
    core.broker
        .publish_unattended(below(probe, ALIVE), None, Some(reply));
    if timeout(period, answer).await.is_ok() {
        debug!("the broker says when nobody listens");
    } else {
        warn!(
            "the broker does not say when nobody listens, for example since something listens to \
             all inboxes: calls whose target goes away end at their deadline"
        );
    }
}
