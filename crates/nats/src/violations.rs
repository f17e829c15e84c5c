//! Whether the broker has refused all that was published to a subject.
//!
//! It says to which subject it refused to publish, not which message. Permissions may change while
//! a connection lasts, so a call that was published before may have arrived. Only if as many calls
//! were refused as were ever published is it certain of each of them that it has not. What somebody
//! else publishes over the same connection is not counted: calls are the client's alone.

use core::hash::BuildHasher as _;
use core::sync::atomic::{AtomicU64, Ordering};

use hashbrown::DefaultHashBuilder;

use crate::subject::is_call;

/// How many counts there are. Subjects that meet at one are counted together, which proves less and
/// never too much.
const COUNTS: usize = 512;

/// How many calls were published to which subject, and how many of them the broker has refused.
#[derive(Debug)]
pub(crate) struct Violations {
    counts: Box<[Count]>,
    hasher: DefaultHashBuilder,
}

#[derive(Debug, Default)]
struct Count {
    published: AtomicU64,
    refused: AtomicU64,
}

impl Default for Violations {
    fn default() -> Self {
        Self {
            counts: (0..COUNTS).map(|_| Count::default()).collect(),
            hasher: DefaultHashBuilder::default(),
        }
    }
}

impl Violations {
    fn count(&self, subject: &str) -> Option<&Count> {
        let [high, low, ..] = self.hasher.hash_one(subject).to_be_bytes();
        let hash = usize::from(u16::from_be_bytes([high, low]));
        self.counts.get(hash % self.counts.len())
    }

    /// A call is about to be published to `subject`.
    pub(crate) fn publish(&self, subject: &str) {
        if let Some(count) = self.count(subject) {
            count.published.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// The broker has refused a message to `subject`. Returns whether it has refused all calls
    /// that were published so far, so that none of these has arrived.
    pub(crate) fn refused(&self, subject: &str) -> bool {
        let count = self.count(subject).filter(|_| is_call(subject));
        count.is_some_and(|count| {
            let refused = count.refused.fetch_add(1, Ordering::Relaxed) + 1;
            refused == count.published.load(Ordering::Relaxed)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CALLS: &str = "target.wrpc.0.0.1.test:app/echo.echo";

    #[test]
    fn none_has_arrived_if_as_many_were_refused_as_were_published() {
        let violations = Violations::default();
        violations.publish(CALLS);
        assert!(violations.refused(CALLS));
        violations.publish(CALLS);
        violations.publish(CALLS);
        assert!(
            !violations.refused(CALLS),
            "it may be the first or the second"
        );
        assert!(violations.refused(CALLS));
    }

    #[test]
    fn one_that_has_arrived_leaves_all_later_ones_in_doubt() {
        let violations = Violations::default();
        violations.publish(CALLS);
        for _ in 0..3 {
            violations.publish(CALLS);
            assert!(!violations.refused(CALLS));
        }
    }

    #[test]
    fn answers_that_are_refused_say_nothing_of_calls() {
        let violations = Violations::default();
        // Wherever they are counted.
        for n in 0..4 * COUNTS {
            violations.publish(&format!("target-{n}.wrpc.0.0.1.f"));
        }
        for n in 0..16 * COUNTS {
            assert!(!violations.refused(&format!("_INBOX.client.{n}.results")));
        }
    }

    #[test]
    fn what_meets_at_a_count_is_refused_together() {
        let violations = Violations::default();
        let subjects: Vec<_> = (0..2 * COUNTS)
            .map(|n| format!("t{n}.wrpc.0.0.1.f"))
            .collect();
        for subject in &subjects {
            violations.publish(subject);
        }
        let (last, others) = subjects.split_last().unwrap();
        let early = others
            .iter()
            .filter(|subject| violations.refused(subject))
            .count();
        // At most one each, and not at the one that the last is at.
        assert!(early < COUNTS, "{early}");
        assert!(violations.refused(last));
    }
}
