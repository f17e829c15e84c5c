//! The task that follows a bucket.

use core::future::pending;
use core::time::Duration;
use std::sync::Arc;

use async_nats::Subscriber;
use async_nats::connection::State;
use futures::{FutureExt as _, StreamExt as _};
use tokio::time::{sleep, timeout};

use super::WatchOptions;
use super::publish::Published;
use crate::Bucket;
use crate::bucket::{BucketError, Synchronized};

/// How often a hint is followed that shows nothing new yet, each time after twice as long: a change
/// is announced when it is written, and counts once it is stored.
const HINTED: u32 = 8;

/// The first of those pauses, and the first after a failure.
const FIRST: Duration = Duration::from_millis(1);

/// The longest pause after a failure.
const LONGEST: Duration = Duration::from_secs(1);

/// How often a connection is looked at that is to come back. Costs nothing but looking.
const LOOK: Duration = Duration::from_millis(20);

/// Keeps `published` up to date for ever.
pub(super) async fn run(bucket: Bucket, published: Arc<Published>, options: WatchOptions) {
    let mut known = Synchronized::new(&bucket);
    let mut hints = Hints::default();
    let mut failures = 0_u32;
    let mut stale = false;
    loop {
        hints.subscribe(&bucket).await;
        hints.drain();
        let before = known.revision();
        match known.sync().await {
            Ok(proven) => {
                if let Some(content) = known.content_mut() {
                    published.update(content, proven);
                }
                (failures, stale) = (0, false);
                hints.kept(known.revision().saturating_sub(before));
                hints.wait(options.interval()).await;
            }
            Err(error) => {
                if let Some(content) = known.content_mut() {
                    published.update_in_part(content);
                }
                if failures == 0 {
                    tell(&bucket, &published, &error);
                }
                published.fail(error);
                failures = failures.saturating_add(1);
                let age = published.freshness().age();
                let too_old = |limit| age.is_some_and(|age| age > limit);
                if !stale && options.max_age.is_some_and(too_old) {
                    stale = true;
                    tracing::warn!(
                        "the links of the bucket `{}` are too old by now: every call is denied",
                        bucket.name()
                    );
                }
                back_off(bucket.connection(), failures).await;
            }
        }
    }
}

fn tell(bucket: &Bucket, published: &Published, error: &BucketError) {
    let consequence = if published.status().borrow().seen {
        "the last ones stay"
    } else {
        "every call is denied"
    };
    let bucket = bucket.name();
    tracing::warn!("can't read the links of the bucket `{bucket}`, {consequence}: {error}");
}

/// Waits before the next attempt: until there is a connection, and longer from time to time.
async fn back_off(nats: &async_nats::Client, failures: u32) {
    if nats.connection_state() == State::Connected {
        sleep(jittered(pause(failures.saturating_add(4), LONGEST))).await;
        return;
    }
    let connected = async {
        while nats.connection_state() != State::Connected {
            sleep(LOOK).await;
        }
        // Not all hosts at once.
        sleep(jittered(LOOK)).await;
    };
    // Whether it comes or not: links grow old meanwhile.
    let _ = timeout(LONGEST, connected).await;
}

/// The pause after so many attempts.
fn pause(attempts: u32, longest: Duration) -> Duration {
    FIRST
        .saturating_mul(2_u32.saturating_pow(attempts))
        .min(longest)
}

/// Give or take a fifth.
fn jittered(duration: Duration) -> Duration {
    duration.mul_f64(rand::random_range(0.8..1.2))
}

/// The messages on the subjects of a bucket: somebody writes to it.
#[derive(Default)]
struct Hints {
    messages: Option<Subscriber>,
    /// How many of them are still to be seen in the bucket.
    owed: u64,
    /// How often it was looked for them in vain.
    attempts: u32,
}

impl Hints {
    /// Sees to it that there are some. If there can't be, the bucket is asked all the same.
    async fn subscribe(&mut self, bucket: &Bucket) {
        if self.messages.is_none() {
            let messages = bucket.connection().subscribe(bucket.name().subjects());
            self.messages = messages.await.ok();
        }
    }

    /// Takes those that have come.
    fn drain(&mut self) {
        while let Some(messages) = &mut self.messages
            && let Some(message) = messages.next().now_or_never()
        {
            match message {
                Some(_) => self.hinted(),
                None => self.messages = None,
            }
        }
    }

    fn hinted(&mut self) {
        self.owed = self.owed.saturating_add(1);
        self.attempts = 0;
    }

    /// So many of them have come true.
    fn kept(&mut self, revisions: u64) {
        self.owed = self.owed.saturating_sub(revisions);
        if self.attempts >= HINTED {
            // The bucket has refused what was written.
            self.owed = 0;
        }
    }

    /// Waits until it is worth while to ask the bucket: for the next hint, or a time.
    async fn wait(&mut self, interval: Duration) {
        let in_vain = self.owed > 0;
        let longest = if in_vain {
            pause(self.attempts, LONGEST)
        } else {
            jittered(interval)
        };
        let hint = async {
            match &mut self.messages {
                Some(messages) => messages.next().await,
                None => pending().await,
            }
        };
        match timeout(longest, hint).await {
            Ok(Some(_)) => self.hinted(),
            Ok(None) => {
                self.messages = None;
                // The next ones may end at once, too.
                sleep(LOOK).await;
            }
            Err(_) if in_vain => self.attempts = self.attempts.saturating_add(1),
            Err(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_a_bound() {
        let pauses = [0, 1, 3, 9, 10, u32::MAX].map(|n| pause(n, LONGEST).as_millis());
        assert_eq!(pauses, [1, 2, 8, 512, 1000, 1000]);
        for _ in 0..100 {
            let jittered = jittered(LONGEST);
            assert!(jittered > LONGEST / 2 && jittered < LONGEST * 2);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_hinted_at_is_looked_for_in_vain_for_a_while_only() {
        let mut hints = Hints::default();
        hints.hinted();
        hints.hinted();
        hints.kept(1);
        let start = tokio::time::Instant::now();
        let mut asked = 0;
        while hints.owed > 0 {
            hints.wait(LONGEST * 60).await;
            hints.kept(0);
            asked += 1;
        }
        assert_eq!(asked, HINTED);
        assert!(start.elapsed() < LONGEST, "{:?}", start.elapsed());
    }
}
