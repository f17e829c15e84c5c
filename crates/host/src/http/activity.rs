//! What a connection is doing: which requests run on it, and until when.

use core::time::Duration;
use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::watch;
use tokio::time::Instant;

/// The requests of one connection. Clones are of the same connection.
#[derive(Clone, Debug)]
pub(super) struct Activity(Arc<watch::Sender<State>>);

#[derive(Debug)]
pub(super) struct State {
    /// How many requests there have been.
    begun: u64,
    /// When those that run have to be over.
    running: BTreeMap<u64, Instant>,
    idle_since: Instant,
}

impl Activity {
    /// A new connection, idle.
    pub(super) fn new() -> (Self, watch::Receiver<State>) {
        let (sender, receiver) = watch::channel(State {
            begun: 0,
            running: BTreeMap::new(),
            idle_since: Instant::now(),
        });
        (Self(Arc::new(sender)), receiver)
    }

    /// A request begins, which ends when what is returned is dropped.
    pub(super) fn begin(&self, deadline: Instant) -> Running {
        let mut id = 0;
        self.0.send_modify(|state| {
            id = state.begun;
            state.begun = id.wrapping_add(1);
            state.running.insert(id, deadline);
        });
        let activity = self.clone();
        Running { activity, id }
    }
}

impl State {
    /// When the first of the running requests has to be over, if any runs.
    pub(super) fn first_deadline(&self) -> Option<Instant> {
        self.running.values().min().copied()
    }

    /// When all of the running requests have to be over, if any runs.
    pub(super) fn last_deadline(&self) -> Option<Instant> {
        self.running.values().max().copied()
    }

    /// When there will have been no request for so long, if none comes.
    pub(super) fn idle_until(&self, limit: Duration) -> Instant {
        self.idle_since + limit
    }
}

/// A request that has not been answered to its end.
#[derive(Debug)]
pub(super) struct Running {
    activity: Activity,
    id: u64,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.activity.0.send_modify(|state| {
            state.running.remove(&self.id);
            state.idle_since = Instant::now();
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn requests_come_and_go() {
        const SECOND: Duration = Duration::from_secs(1);

        let start = Instant::now();
        let (activity, state) = Activity::new();
        assert_eq!(state.borrow().idle_until(SECOND), start + SECOND);

        let late = activity.begin(start + 2 * SECOND);
        let early = activity.begin(start + SECOND);
        assert_eq!(state.borrow().first_deadline(), Some(start + SECOND));
        assert_eq!(state.borrow().last_deadline(), Some(start + 2 * SECOND));
        drop(early);
        assert_eq!(state.borrow().first_deadline(), Some(start + 2 * SECOND));

        tokio::time::advance(SECOND).await;
        drop(late);
        assert_eq!(state.borrow().first_deadline(), None);
        assert_eq!(state.borrow().idle_until(SECOND), start + 2 * SECOND);
    }
}
