//! Noticing that the other side of a call is gone.
//!
//! Either side has a subscription for as long as it is connected, on everything below its reply
//! subject. A message there that asks for a reply is ignored while the call goes on; once its
//! connection is gone, the broker itself answers that nobody is there. A peer of ours which is there
//! but has no such call says so: the last messages of it, or that it was given up, were lost.

use core::sync::atomic::Ordering;
use core::time::Duration;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;

use async_nats::Subject;
use tokio::time::{MissedTickBehavior, interval, timeout};
use tracing::{debug, warn};

use crate::connection::{ConnectionState, Core};
use crate::exchange::Exchange;
use crate::id::Id;
use crate::subject::{ALIVE, below, server};

/// Asks for the peers of calls that have heard nothing for `period`, and fails those whose peer is
/// gone.
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
        // Calls of one peer share the answer, until it is that nobody is there: one of them asks,
        // another each time.
        let mut silent: HashMap<Box<str>, Silent> = HashMap::new();
        for exchange in core.registry.all() {
            let Some(peer) = exchange.silent_peer(tick.wrapping_sub(2)) else {
                continue;
            };
            match silent.entry(server(&peer).into()) {
                Entry::Vacant(none) => {
                    none.insert(Silent {
                        exchange,
                        peer,
                        calls: 1,
                    });
                }
                Entry::Occupied(mut some) => some.get_mut().or(exchange, peer),
            }
        }
        for Silent { exchange, peer, .. } in silent.into_values() {
            exchange.probe(&peer);
        }
    }
}

/// One of the calls of a peer that is silent.
struct Silent {
    exchange: Arc<Exchange>,
    peer: Subject,
    /// Out of how many it was drawn.
    calls: u32,
}

impl Silent {
    /// Draws between the call and one more.
    fn or(&mut self, exchange: Arc<Exchange>, peer: Subject) {
        self.calls = self.calls.saturating_add(1);
        if rand::random_ratio(1, self.calls) {
            self.exchange = exchange;
            self.peer = peer;
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
