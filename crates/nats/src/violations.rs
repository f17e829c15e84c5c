//! Whether the broker has refused all that was published to a subject.
//!
//! It says to which subject it refused to publish, not which message. Permissions may change while
//! a connection lasts, so a call that was published before may have arrived. Only if as many calls
//! were refused as were ever published is it certain of each of them that it has not.
//!
//! Over a connection of the host's, what others publish to the same subject can't be counted, and
//! what the broker refuses of it can't be told apart: nothing is certain there.

use core::hash::{BuildHasher as _, BuildHasherDefault};
use core::sync::atomic::{AtomicU64, Ordering};
use std::hash::DefaultHasher;

use crate::subject::is_call;

/// How many counts there are. Subjects that meet at one are counted together, which proves less and
/// never too much. Which ones do is the same in every process, so that no failure is a matter of
/// chance.
const COUNTS: usize = 4096;

/// How many calls were published to which subject, and how many of them the broker has refused.
#[derive(Debug)]
pub(crate) struct Violations {
    /// None where nothing is certain.
    counts: Box<[Count]>,
}

#[derive(Debug, Default)]
struct Count {
    published: AtomicU64,
    refused: AtomicU64,
}

impl Violations {
    /// Of a connection over which one client publishes calls, and nobody else.
    pub(crate) fn of_own_connection() -> Self {
        Self {
            counts: (0..COUNTS).map(|_| Count::default()).collect(),
        }
    }

    /// Of a connection that others may publish over.
    pub(crate) fn of_shared_connection() -> Self {
        Self {
            counts: Box::default(),
        }
    }

    fn count(&self, subject: &str) -> Option<&Count> {
        let hasher = BuildHasherDefault::<DefaultHasher>::default();
        let [high, low, ..] = hasher.hash_one(subject).to_be_bytes();
        let hash = usize::from(u16::from_be_bytes([high, low]));
        self.counts.get(hash % COUNTS)
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
        let violations = Violations::of_own_connection();
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
        let violations = Violations::of_own_connection();
        violations.publish(CALLS);
        for _ in 0..3 {
            violations.publish(CALLS);
            assert!(!violations.refused(CALLS));
        }
    }

    #[test]
    fn over_a_connection_of_others_nothing_is_certain() {
        let violations = Violations::of_shared_connection();
        violations.publish(CALLS);
        assert!(!violations.refused(CALLS), "it may have been another's");
    }

    #[test]
    fn answers_that_are_refused_say_nothing_of_calls() {
        let violations = Violations::of_own_connection();
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
        let violations = Violations::of_own_connection();
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
