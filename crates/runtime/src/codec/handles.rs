//! Handles to resources that live in a guest on this side.

use std::collections::HashMap;

use uuid::Uuid;
use wasmtime::component::{ResourceAny, ResourceType};

/// The resources of one instance that peers hold handles to.
///
/// A handle is 16 random bytes, so a peer can't guess one it was not given. It lives until it is
/// passed back by value ([`own`](wasmtime::component::Type::Own)), or until the table is dropped
/// together with the store.
#[derive(Debug)]
pub(crate) struct Handles {
    entries: HashMap<Uuid, Entry>,
    max: usize,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry {
    /// The type as the component declares it. A handle passed where another type is declared is
    /// refused here, before it can trap the instance.
    pub(crate) declared: ResourceType,
    pub(crate) resource: ResourceAny,
}

/// Peers hold as many handles as the table takes.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("peers hold {0} resource handles already, which is the limit")]
pub(crate) struct TooManyHandles(usize);

impl Handles {
    /// An empty table for at most `max` handles at a time.
    pub(crate) fn new(max: usize) -> Self {
        Self {
            entries: HashMap::new(),
            max,
        }
    }

    /// How many handles peers hold.
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(super) fn insert(&mut self, entry: Entry) -> Result<Uuid, TooManyHandles> {
        if self.len() >= self.max {
            return Err(TooManyHandles(self.max));
        }
        let id = Uuid::new_v4();
        self.entries.insert(id, entry);
        Ok(id)
    }

    /// Puts back what [`remove`](Self::remove) took.
    pub(super) fn restore(&mut self, id: Uuid, entry: Entry) {
        self.entries.insert(id, entry);
    }

    pub(super) fn get(&self, id: &Uuid, declared: ResourceType) -> Option<ResourceAny> {
        self.entries
            .get(id)
            .filter(|entry| entry.declared == declared)
            .map(|entry| entry.resource)
    }

    /// Takes the handle out: its resource is the caller's to drop or to pass on.
    pub(crate) fn remove(&mut self, id: &Uuid) -> Option<Entry> {
        self.entries.remove(id)
    }
}
