//! Judging calls of which the broker has refused some.

use core::time::Duration;
use std::sync::{Arc, Weak};

use tokio::time::{sleep, timeout};

use crate::client::echo;
use crate::connection::Core;

/// How long the broker may take to handle what was published before.
const ROUND_TRIP: Duration = Duration::from_secs(1);

/// How long the NATS client may take to tell of a refusal: its events and the messages that arrive
/// after them take different ways.
const TELLING: Duration = Duration::from_millis(20);

/// Fails calls to subjects in doubt, once the broker has said of each what there is to say: that
/// they were not sent if it has refused all of them.
pub(crate) async fn judge_refusals(core: Arc<Core>) {
    loop {
        let doubts = core.violations.doubted().await;
        // One that is published from now on can't be what was refused.
        let calls: Vec<_> = core
            .registry
            .all()
            .filter_map(|call| {
                let violation = doubts.get(call.awaited_at()?.as_str())?;
                Some((Arc::downgrade(&call), violation))
            })
            .collect();
        if calls.is_empty() {
            continue;
        }
        // A connection that is lost fails them all.
        if let Ok(Ok(())) = timeout(ROUND_TRIP, echo(&core)).await {
            sleep(TELLING).await;
        }
        for (call, violation) in calls {
            if let Some(call) = Weak::upgrade(&call) {
                call.denied_at_last(violation);
            }
        }
    }
}
