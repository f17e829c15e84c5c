//! Functions that are slow to answer.

use crate::subject::slot;
use crate::sync::atomic::{AtomicU8, Ordering};

/// How many functions are told apart, of a byte each. Where two are not, a message more is sent to
/// one of them than it needs.
const SLOTS: usize = 1024;

/// For so many calls a function is taken for slow.
const CALLS: u8 = 64;

/// Functions of which a call was not answered before its target was told that there are no more
/// parameters: it may have waited for that.
///
/// After so many calls it is found out anew, since a function may not be slow any more.
#[derive(Debug)]
pub(crate) struct SlowFunctions {
    /// For how many calls more.
    calls: Box<[AtomicU8]>,
}

impl Default for SlowFunctions {
    fn default() -> Self {
        Self {
            calls: (0..SLOTS).map(|_| AtomicU8::default()).collect(),
        }
    }
}

impl SlowFunctions {
    /// The one that is called by `subject` has turned out to be slow.
    pub(crate) fn insert(&self, subject: &str) {
        if let Some(calls) = self.calls.get(slot(subject, SLOTS)) {
            calls.store(CALLS, Ordering::Relaxed);
        }
    }

    /// Whether the one that is called by `subject` is slow. To be asked once of a call.
    pub(crate) fn contains(&self, subject: &str) -> bool {
        let Some(calls) = self.calls.get(slot(subject, SLOTS)) else {
            return false;
        };
        let more = |calls: u8| calls.checked_sub(1);
        calls
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, more)
            .is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_function_is_slow_for_so_many_calls() {
        let slow = SlowFunctions::default();
        assert!(!slow.contains("target.slow"));
        for _ in 0..2 {
            slow.insert("target.slow");
            assert!((0..CALLS).all(|_| slow.contains("target.slow")));
            assert!(!slow.contains("target.slow"));
        }
        slow.insert("target.slow");
        assert!(!slow.contains("target.fast"));
    }
}
