//! What a watch has found out, for those who ask.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;
use tokio::time::Instant;
use wrpc_middleware_transport::link::LinkTable;

use super::{Freshness, Status};
use crate::Entry;
use crate::bucket::{BucketError, Changes, Synchronized};

/// What a watch has found out.
pub(super) struct Published {
    table: LinkTable,
    entries: Mutex<BTreeMap<String, Entry>>,
    freshness: Freshness,
    status: watch::Sender<Status>,
}

impl Published {
    pub(super) fn new() -> Self {
        Self {
            table: LinkTable::default(),
            entries: Mutex::default(),
            freshness: Freshness::new(),
            status: watch::Sender::default(),
        }
    }

    pub(super) fn table(&self) -> &LinkTable {
        &self.table
    }

    pub(super) fn freshness(&self) -> &Freshness {
        &self.freshness
    }

    pub(super) fn status(&self) -> watch::Receiver<Status> {
        self.status.subscribe()
    }

    pub(super) fn entries(&self) -> MutexGuard<'_, BTreeMap<String, Entry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes what is known count.
    pub(super) fn update(&self, known: &mut Synchronized, proven: Instant) {
        let changes = known.take_changes();
        let is_new = !matches!(&changes, Changes::Keys(keys) if keys.is_empty());
        if is_new {
            self.change(known, &changes);
        }
        // The other way round, the table of before would count as the new one.
        self.freshness.prove(proven);
        let status = self.status.borrow();
        let recovered = status.failure.is_some() || !status.seen;
        drop(status);
        if is_new || recovered {
            self.tell(known);
        }
    }

    /// Makes what was read count before something went wrong: whatever else is missing, what was
    /// removed does not wait for it.
    pub(super) fn update_in_part(&self, known: &mut Synchronized) {
        if !self.status.borrow().seen {
            return;
        }
        let changes = known.take_changes();
        if !matches!(&changes, Changes::Keys(keys) if keys.is_empty()) {
            self.change(known, &changes);
        }
    }

    /// Why nothing is known any more.
    pub(super) fn fail(&self, error: BucketError) {
        let failure = Some(Arc::new(error));
        self.status.send_modify(|status| status.failure = failure);
    }

    fn change(&self, known: &Synchronized, changes: &Changes) {
        let mut entries = self.entries();
        if let Changes::Keys(keys) = changes
            && let (Some(key), 1) = (keys.first(), keys.len())
        {
            // Most changes are of one link: no need to make the table anew.
            match known.entry(key) {
                Some(entry) => {
                    self.table.insert(&entry.link());
                    entries.insert(key.clone(), entry.clone());
                }
                None => {
                    if let Some(gone) = entries.remove(key) {
                        let (source, name) = (gone.source.as_str(), gone.name.as_str());
                        let _ = self.table.remove(source, name, &gone.interface);
                    }
                }
            }
            return;
        }
        let all = known.entries();
        *entries = all
            .map(|entry| (entry.key().to_string(), entry.clone()))
            .collect();
        if let Err(duplicate) = self.table.replace(entries.values().map(Entry::link)) {
            // Their keys differ, so this does not happen.
            tracing::error!("{duplicate}: the last table stays");
        }
    }

    fn tell(&self, known: &Synchronized) {
        let malformed: Vec<_> = known.malformed().cloned().collect();
        self.status.send_modify(|status| {
            for bad in &malformed {
                if !status.malformed.contains(bad) {
                    tracing::warn!(
                        "the links have a malformed entry, which permits nothing: {bad}"
                    );
                }
            }
            if let Some(error) = status.failure.take() {
                tracing::info!("the links can be read again, after: {error}");
            }
            status.seen = true;
            status.revision = known.revision();
            status.links = self.table.len();
            status.malformed = malformed;
        });
    }
}
