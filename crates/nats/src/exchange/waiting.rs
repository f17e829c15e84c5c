//! Who waits for the handshake.

use core::task::Waker;
use std::collections::BTreeMap;

/// The writers of a call that wait, each under a key of its own.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    root: Option<Waker>,
    children: BTreeMap<u32, Waker>,
    keys: u32,
}

/// The key of the root.
pub(crate) const ROOT: u32 = 0;

impl Waiting {
    /// A key for one writer more.
    pub(super) fn key(&mut self) -> u32 {
        self.keys = self.keys.wrapping_add(1).max(1);
        self.keys
    }

    pub(super) fn register(&mut self, key: u32, waker: &Waker) {
        if key != ROOT {
            self.children.insert(key, waker.clone());
            return;
        }
        match &mut self.root {
            Some(known) => known.clone_from(waker),
            none => *none = Some(waker.clone()),
        }
    }

    pub(super) fn forget(&mut self, key: u32) {
        if key == ROOT {
            self.root = None;
        } else {
            self.children.remove(&key);
        }
    }

    pub(super) fn take(&mut self) -> impl Iterator<Item = Waker> + use<> {
        // Most calls have none of them.
        let children = (!self.children.is_empty()).then(|| core::mem::take(&mut self.children));
        let children = children.into_iter().flat_map(BTreeMap::into_values);
        self.root.take().into_iter().chain(children)
    }
}
