//! Waking the streams of a call that waits for something that will not come.

use core::task::Waker;
use std::sync::{Arc, PoisonError, Weak};

use crate::sync::{Mutex, MutexGuard};
use futures::task::AtomicWaker;

/// Where the streams of a call wait for the failure of the whole call.
#[derive(Debug, Default)]
pub(crate) struct Wakers {
    outgoing: AtomicWaker,
    incoming: AtomicWaker,
    children: Mutex<Vec<Weak<AtomicWaker>>>,
}

impl Wakers {
    /// Wakes the outgoing stream, to look again.
    #[cfg(feature = "nats")]
    pub(crate) fn wake_outgoing(&self) {
        self.outgoing.wake();
    }

    /// Wakes them all, for good: children are forgotten.
    pub(crate) fn wake(&self) {
        self.outgoing.wake();
        self.incoming.wake();
        let children = core::mem::take(&mut *self.children());
        for child in children.iter().filter_map(Weak::upgrade) {
            child.wake();
        }
    }

    fn children(&self) -> MutexGuard<'_, Vec<Weak<AtomicWaker>>> {
        self.children.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The place of one stream.
#[derive(Debug)]
pub(crate) enum WakerSlot {
    Outgoing,
    Incoming,
    Child(Arc<AtomicWaker>),
}

impl WakerSlot {
    /// A place for one stream more.
    pub(crate) fn child(wakers: &Wakers) -> Self {
        let waker = Arc::new(AtomicWaker::new());
        let mut children = wakers.children();
        children.retain(|child| child.strong_count() > 0);
        children.push(Arc::downgrade(&waker));
        Self::Child(waker)
    }

    pub(crate) fn register(&self, wakers: &Wakers, waker: &Waker) {
        match self {
            Self::Outgoing => wakers.outgoing.register(waker),
            Self::Incoming => wakers.incoming.register(waker),
            Self::Child(slot) => slot.register(waker),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dropped_children_leave_no_waker_behind() {
        let wakers = Wakers::default();
        for _ in 0..100 {
            drop(WakerSlot::child(&wakers));
        }
        assert_eq!(wakers.children().len(), 1);
    }
}
