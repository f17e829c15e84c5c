//! Whether the broker has refused all that was published to a subject.
//!
//! It says to which subject it refused to publish, not which message. Permissions may change while
//! a connection lasts, so a call that was published before may have arrived. Of every call one of
//! two things is heard if its fate is: an answer, or a refusal. Once as many refusals and answers
//! were heard as there were calls, it is certain of those without an answer that none has arrived.
//! Until then the refusal is looked into by [`judge_refusals`](crate::tasks::judge_refusals).
//!
//! A call of which nothing is heard leaves later ones in doubt for as long as the client lives: one
//! that ended at its deadline or with its connection, or whose refusal was one of so many at a time
//! that the NATS client passed on only some (128). Nothing that comes later shows what became of it.
//!
//! Over a connection of the host's, what others publish to the same subject can't be counted, and
//! what the broker refuses of it can't be told apart: nothing is certain there.

use core::mem;
use std::collections::HashMap;
use std::sync::PoisonError;

use tokio::sync::Notify;

use crate::connect::Violation;
use crate::subject::{hash, is_call};
use crate::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use crate::sync::{Mutex, MutexGuard};

/// How many counts there are, of 8 bytes each. Subjects that meet at one are counted together, which
/// proves less and never too much.
const COUNTS: usize = if cfg!(shuttle) { 2 } else { 4096 };

/// How many calls to which subject have neither been answered nor been refused.
#[derive(Debug)]
pub(crate) struct Violations {
    /// None where nothing is certain.
    counts: Box<[AtomicU64]>,
    doubts: Mutex<Doubts>,
    doubted: Notify,
}

/// Subjects to which the broker has refused a message, of several that are under way.
pub(crate) type Doubts = HashMap<Box<str>, Violation>;

/// A call as far as it is counted.
#[derive(Debug)]
pub(crate) struct Counted {
    /// None where nothing is certain.
    index: Option<usize>,
    fate: AtomicU8,
}

/// What is known of a call, besides that the broker has refused it.
mod fate {
    pub(super) const UNSENT: u8 = 0;
    pub(super) const SENT: u8 = 1;
    pub(super) const ANSWERED: u8 = 2;
}

impl Violations {
    /// Of a connection over which one client publishes calls, and nobody else.
    pub(crate) fn of_own_connection() -> Self {
        Self::with_counts((0..COUNTS).map(|_| AtomicU64::default()).collect())
    }

    /// Of a connection that others may publish over.
    pub(crate) fn of_shared_connection() -> Self {
        Self::with_counts(Box::default())
    }

    fn with_counts(counts: Box<[AtomicU64]>) -> Self {
        Self {
            counts,
            doubts: Mutex::default(),
            doubted: Notify::new(),
        }
    }

    fn index(&self, subject: &str) -> Option<usize> {
        if self.counts.is_empty() {
            return None;
        }
        Some(usize::from(hash(subject)) % COUNTS)
    }

    fn count(&self, index: Option<usize>) -> Option<&AtomicU64> {
        self.counts.get(index?)
    }

    /// A call is about to be published to `subject`.
    pub(crate) fn publish(&self, subject: &str) -> Counted {
        let index = self.index(subject);
        if let Some(count) = self.count(index) {
            count.fetch_add(1, Ordering::Relaxed);
        }
        Counted {
            index,
            fate: AtomicU8::new(fate::UNSENT),
        }
    }

    /// The call was answered, by a target or for want of one: the broker has not refused it.
    pub(crate) fn answered(&self, call: &Counted) {
        if call.fate.swap(fate::ANSWERED, Ordering::Relaxed) != fate::ANSWERED {
            self.settle(call.index);
        }
    }

    /// Nothing will become of the call. One that was not sent is not waited for.
    pub(crate) fn forget(&self, call: &Counted) {
        if call.fate.load(Ordering::Relaxed) == fate::UNSENT {
            self.settle(call.index);
        }
    }

    /// One call less of which nothing is known. What comes before is seen by who then finds none.
    fn settle(&self, index: Option<usize>) {
        if let Some(count) = self.count(index) {
            let _ = count.fetch_update(Ordering::Release, Ordering::Relaxed, |open| {
                open.checked_sub(1)
            });
        }
    }

    /// The broker has refused a message to `subject`. Returns whether it is certain which; if not,
    /// more has to be heard before calls there can be judged.
    pub(crate) fn refused(&self, subject: &str) -> bool {
        if !is_call(subject) {
            return true;
        }
        let index = self.index(subject);
        self.settle(index);
        self.is_settled(index)
    }

    /// Has the calls to `subject` judged when the broker has no more to say of them.
    pub(crate) fn doubt(&self, subject: &str, violation: &Violation) {
        self.doubts().insert(subject.into(), violation.clone());
        self.doubted.notify_one();
    }

    fn is_settled(&self, index: Option<usize>) -> bool {
        let count = self.count(index);
        count.is_some_and(|count| count.load(Ordering::Acquire) == 0)
    }

    /// Whether it is certain that the broker has refused the call.
    pub(crate) fn has_refused(&self, call: &Counted) -> bool {
        // In this order: the count of an answered call follows its fate.
        self.is_settled(call.index) && call.fate.load(Ordering::Relaxed) != fate::ANSWERED
    }

    /// Waits for subjects that are in doubt.
    ///
    /// # Cancellation
    ///
    /// Takes nothing if it is dropped.
    pub(crate) async fn doubted(&self) -> Doubts {
        loop {
            let doubts = mem::take(&mut *self.doubts());
            if !doubts.is_empty() {
                return doubts;
            }
            self.doubted.notified().await;
        }
    }

    fn doubts(&self) -> MutexGuard<'_, Doubts> {
        self.doubts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Counted {
    /// The NATS client has the call.
    pub(crate) fn sent(&self) {
        // An answer may be faster.
        let _ = self.fate.compare_exchange(
            fate::UNSENT,
            fate::SENT,
            Ordering::Relaxed,
            Ordering::Relaxed,
        );
    }
}

#[cfg(test)]
mod races;

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;

    use super::*;

    const CALLS: &str = "target.wrpc.0.0.1.test:app/echo.echo";

    fn publish(violations: &Violations) -> Counted {
        let call = violations.publish(CALLS);
        call.sent();
        call
    }

    #[test]
    fn calls_are_refused_once_as_many_refusals_were_heard() {
        let violations = Violations::of_own_connection();
        let one = publish(&violations);
        assert!(violations.refused(CALLS));
        assert!(violations.has_refused(&one));
        let (two, three) = (publish(&violations), publish(&violations));
        assert!(!violations.refused(CALLS), "which of them?");
        assert!(!violations.has_refused(&two) && !violations.has_refused(&three));
        assert!(violations.refused(CALLS));
        assert!(violations.has_refused(&two) && violations.has_refused(&three));
    }

    #[test]
    fn a_call_that_was_answered_was_not_refused_and_leaves_no_doubt() {
        let violations = Violations::of_own_connection();
        let (answered, other) = (publish(&violations), publish(&violations));
        assert!(!violations.refused(CALLS));
        violations.answered(&answered);
        assert!(violations.has_refused(&other) && !violations.has_refused(&answered));
        // A target may answer twice.
        violations.answered(&answered);
        let later = publish(&violations);
        assert!(!violations.has_refused(&later));
        assert!(violations.refused(CALLS) && violations.has_refused(&later));
    }

    #[test]
    fn a_call_that_nothing_was_heard_of_leaves_others_in_doubt() {
        let violations = Violations::of_own_connection();
        violations.forget(&publish(&violations));
        for _ in 0..3 {
            let call = publish(&violations);
            assert!(!violations.refused(CALLS));
            assert!(!violations.has_refused(&call));
        }
    }

    #[test]
    fn a_call_that_was_not_sent_leaves_none_in_doubt() {
        let violations = Violations::of_own_connection();
        let unsent = violations.publish(CALLS);
        let call = publish(&violations);
        assert!(!violations.refused(CALLS));
        violations.forget(&unsent);
        assert!(violations.has_refused(&call));
    }

    #[test]
    fn over_a_connection_of_others_nothing_is_certain() {
        let violations = Violations::of_shared_connection();
        let call = publish(&violations);
        assert!(!violations.refused(CALLS), "it may have been another's");
        assert!(!violations.has_refused(&call));
    }

    #[test]
    fn answers_that_are_refused_say_nothing_of_calls() {
        let violations = Violations::of_own_connection();
        // Wherever they are counted.
        let publish = |n| violations.publish(&format!("target-{n}.wrpc.0.0.1.f"));
        let calls: Vec<_> = (0..4 * COUNTS).map(publish).collect();
        for n in 0..16 * COUNTS {
            assert!(violations.refused(&format!("_INBOX.client.{n}.results")));
        }
        assert!(calls.iter().all(|call| !violations.has_refused(call)));
    }

    #[test]
    fn what_meets_at_a_count_is_refused_together() {
        let violations = Violations::of_own_connection();
        let subjects: Vec<_> = (0..2 * COUNTS)
            .map(|n| format!("t{n}.wrpc.0.0.1.f"))
            .collect();
        let calls: Vec<_> = subjects
            .iter()
            .map(|subject| violations.publish(subject))
            .collect();
        let (last, others) = subjects.split_last().unwrap();
        let early = others
            .iter()
            .filter(|subject| violations.refused(subject))
            .count();
        // At most one each, and not at the one that the last is at.
        assert!(early < COUNTS, "{early}");
        assert!(violations.refused(last));
        assert!(calls.iter().all(|call| violations.has_refused(call)));
    }

    #[test]
    fn what_is_in_doubt_is_told_once() {
        let violations = Violations::of_own_connection();
        assert!(violations.doubted().now_or_never().is_none());
        for _ in 0..2 {
            violations.doubt(CALLS, &Violation("no".into()));
        }
        let doubts = violations.doubted().now_or_never().expect("a doubt");
        assert_eq!(
            doubts.keys().map(AsRef::as_ref).collect::<Vec<_>>(),
            [CALLS]
        );
        assert!(violations.doubted().now_or_never().is_none());
    }
}
