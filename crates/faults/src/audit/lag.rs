//! How long a process was kept from what it had to do.

use core::sync::atomic::{AtomicU64, Ordering};
use core::time::Duration;
use std::sync::Arc;

use tokio::time::{Instant, sleep};

/// How often to look.
const LOOK: Duration = Duration::from_millis(10);

/// What is no delay, but how exact timers are.
const USUAL: Duration = Duration::from_millis(10);

/// How long the tasks of a process had to wait for their turn, all in all: on a machine that has
/// other things to do, a deadline that is noticed late by as much was not missed.
#[derive(Clone, Debug)]
pub struct Lag(Arc<Watch>);

#[derive(Debug)]
struct Watch {
    start: Instant,
    /// When it was last looked, in microseconds since the start.
    looked: AtomicU64,
    /// What was counted until then.
    counted: AtomicU64,
}

impl Lag {
    /// None so far.
    #[must_use]
    pub fn new() -> Self {
        Self(Arc::new(Watch {
            start: Instant::now(),
            looked: AtomicU64::new(0),
            counted: AtomicU64::new(0),
        }))
    }

    /// Looks at it for ever.
    pub async fn watch(self) {
        loop {
            self.0.looked.store(self.now(), Ordering::Release);
            sleep(LOOK).await;
            self.0
                .counted
                .fetch_add(self.since_looked(), Ordering::AcqRel);
        }
    }

    /// How long they had to wait since the process began, in microseconds.
    #[must_use]
    pub fn so_far(&self) -> u64 {
        // Whoever looks may have to wait for its turn too.
        self.0.counted.load(Ordering::Acquire) + self.since_looked()
    }

    fn since_looked(&self) -> u64 {
        let elapsed = self
            .now()
            .saturating_sub(self.0.looked.load(Ordering::Acquire));
        let waited = elapsed.saturating_sub(micros(LOOK));
        if waited > micros(USUAL) { waited } else { 0 }
    }

    fn now(&self) -> u64 {
        micros(self.0.start.elapsed())
    }
}

impl Default for Lag {
    fn default() -> Self {
        Self::new()
    }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use tokio::task::yield_now;
    use tokio::time::advance;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_is_late_counts() {
        let lag = Lag::new();
        let watching = tokio::spawn(lag.clone().watch());
        yield_now().await;
        for (passes, late) in [(LOOK, 0), (LOOK + USUAL, 0), (3 * LOOK + USUAL, 30_000)] {
            let before = lag.so_far();
            advance(passes).await;
            // Whether it was looked or not.
            assert_eq!(lag.so_far() - before, late, "{passes:?}");
            yield_now().await;
            assert_eq!(lag.so_far() - before, late, "{passes:?}");
        }
        watching.abort();
    }
}
