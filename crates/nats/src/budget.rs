//! How much of what peers send is held for readers.

use crate::sync::atomic::{AtomicUsize, Ordering};

/// What a stream with a reader may hold however much others do: readers that stall keep nobody from
/// being answered who reads.
pub(crate) const OWN: usize = 64 << 10;

/// Bytes that are held for all calls of a connection together.
#[derive(Debug)]
pub(crate) struct Budget {
    held: AtomicUsize,
    max: usize,
    max_of_stream: usize,
}

impl Budget {
    pub(crate) const fn new(max: usize, max_of_stream: usize) -> Self {
        Self {
            held: AtomicUsize::new(0),
            max,
            max_of_stream,
        }
    }

    /// Takes `bytes` for a stream that holds `held` already and may hold `own` whatever others do.
    /// Returns whether there is room.
    pub(crate) fn take(&self, bytes: usize, held: usize, own: usize) -> bool {
        let holds = held.saturating_add(bytes);
        if holds > self.max_of_stream {
            return false;
        }
        let before = self.held.fetch_add(bytes, Ordering::Relaxed);
        if before.saturating_add(bytes) > self.max && holds > own {
            self.held.fetch_sub(bytes, Ordering::Relaxed);
            return false;
        }
        true
    }

    pub(crate) fn give_back(&self, bytes: usize) {
        if bytes > 0 {
            self.held.fetch_sub(bytes, Ordering::Relaxed);
        }
    }

    pub(crate) fn held(&self) -> usize {
        self.held.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_and_all_of_them_are_bounded() {
        let budget = Budget::new(10, 6);
        assert!(budget.take(6, 0, 0));
        assert!(!budget.take(1, 6, 0));
        assert!(budget.take(4, 0, 0));
        assert!(!budget.take(1, 4, 0));
        budget.give_back(6);
        assert!(budget.take(2, 4, 0));
        assert_eq!(budget.held(), 6);
    }

    #[test]
    fn a_stream_has_something_of_its_own() {
        let budget = Budget::new(10, 6);
        assert!(budget.take(6, 0, 2) && budget.take(4, 0, 2));
        assert!(budget.take(2, 0, 2));
        assert!(!budget.take(1, 2, 2));
        budget.give_back(12);
        assert_eq!(budget.held(), 0);
        let small = Budget::new(10, 1);
        assert!(!small.take(2, 0, 2));
    }
}
