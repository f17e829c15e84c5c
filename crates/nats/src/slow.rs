//! Functions that are slow to answer.

use crate::subject::hash;
use crate::sync::atomic::{AtomicU8, Ordering};

/// How many functions are told apart, of a byte each. Where two are not, one of them is told more
/// than it needs.
const SLOTS: usize = if cfg!(shuttle) { 2 } else { 256 };

/// One call of so many to a slow function finds out whether it still is.
const CALLS: u8 = 64;

/// Functions whose results had not ended when their target was told that there are no more
/// parameters, or of which nothing was heard before their caller gave up: they may wait for that.
#[derive(Debug)]
pub(crate) struct SlowFunctions {
    /// How many calls are left until one finds out; zero for a function that is not slow.
    calls: Box<[AtomicU8]>,
}

/// Where a function is among them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Slot(u8);

impl Default for SlowFunctions {
    fn default() -> Self {
        Self {
            calls: (0..SLOTS).map(|_| AtomicU8::default()).collect(),
        }
    }
}

impl SlowFunctions {
    /// The slot of the function that is called by `subject`.
    pub(crate) fn slot(subject: &str) -> Slot {
        let [slot, _] = hash(subject).to_be_bytes();
        Slot(slot)
    }

    fn calls(&self, Slot(slot): Slot) -> Option<&AtomicU8> {
        self.calls.get(usize::from(slot) % SLOTS)
    }

    /// Whether one more call is told at once that there are no more parameters. If not, what is
    /// found out by it is to be [learned](Self::learn).
    pub(crate) fn take_call(&self, slot: Slot) -> bool {
        let count = |calls| match calls {
            0 => None,
            1 => Some(CALLS),
            more => Some(more - 1),
        };
        let before = self
            .calls(slot)
            .map(|calls| calls.fetch_update(Ordering::Relaxed, Ordering::Relaxed, count));
        matches!(before, Some(Ok(2..)))
    }

    /// A call that was not told at once has shown whether the function is slow.
    pub(crate) fn learn(&self, slot: Slot, is_slow: bool) {
        let Some(calls) = self.calls(slot) else {
            return;
        };
        // Most are not, and were not before: only news are worth a write that all threads see.
        if (calls.load(Ordering::Relaxed) > 0) != is_slow {
            calls.store(if is_slow { CALLS } else { 0 }, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many of as many calls are told at once.
    fn told(functions: &SlowFunctions, slot: Slot, calls: usize) -> usize {
        (0..calls).filter(|_| functions.take_call(slot)).count()
    }

    #[test]
    fn one_call_of_many_to_a_slow_function_finds_out_whether_it_still_is() {
        let functions = SlowFunctions::default();
        let slot = SlowFunctions::slot("target.slow");
        assert_eq!(told(&functions, slot, 3), 0);
        for _ in 0..2 {
            functions.learn(slot, true);
        }
        for _ in 0..3 {
            assert_eq!(told(&functions, slot, 63), 63);
            assert!(!functions.take_call(slot));
            functions.learn(slot, true);
        }
        // However many there are until it is found out.
        assert_eq!(told(&functions, slot, 6400), 6300);
        functions.learn(slot, false);
        assert_eq!(told(&functions, slot, 3), 0);
    }

    #[test]
    fn functions_are_told_apart() {
        let functions = SlowFunctions::default();
        functions.learn(SlowFunctions::slot("target.slow"), true);
        assert!(!functions.take_call(SlowFunctions::slot("target.fast")));
    }
}
