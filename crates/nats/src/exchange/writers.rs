//! The writers of a call.

use crate::sync::atomic::{AtomicU32, Ordering};

/// Set once the root was closed by its writer.
const CLOSED: u32 = 1 << 31;

/// How many streams are being written, and whether the root is closed.
#[derive(Debug, Default)]
pub(super) struct Writers(AtomicU32);

impl Writers {
    pub(super) fn begin(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    /// One more is not written any more, which `closed_root` or not.
    pub(super) fn end(&self, closed_root: bool) {
        if closed_root {
            self.0.fetch_or(CLOSED, Ordering::Relaxed);
        }
        self.0.fetch_sub(1, Ordering::Release);
    }

    /// Whether everything is written: the root is closed, and so are all other streams, or their
    /// writers are gone.
    pub(super) fn are_done(&self) -> bool {
        self.0.load(Ordering::Acquire) == CLOSED
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_have_to_be_gone_and_the_root_closed() {
        let writers = Writers::default();
        assert!(!writers.are_done());
        writers.begin();
        writers.begin();
        writers.end(true);
        assert!(!writers.are_done());
        writers.end(false);
        assert!(writers.are_done());
        let abandoned = Writers::default();
        abandoned.begin();
        abandoned.end(false);
        assert!(!abandoned.are_done());
    }
}
