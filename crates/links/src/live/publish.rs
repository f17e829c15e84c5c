//! What a watch has found out, for those who ask.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;
use tokio::time::Instant;
use wrpc_middleware_transport::link::LinkTable;

use super::{Freshness, Status};
use crate::Entry;
use crate::bucket::{BucketError, Changes, Content};

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
    pub(super) fn update(&self, known: &mut Content, proven: Instant) {
        let is_new = self.take(known);
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
    pub(super) fn update_in_part(&self, known: &mut Content) {
        // A first table that is not complete is none.
        if self.status.borrow().seen {
            self.take(known);
        }
    }

    /// Why nothing is known any more.
    pub(super) fn fail(&self, error: BucketError) {
        let failure = Some(Arc::new(error));
        self.status.send_modify(|status| status.failure = failure);
    }

    /// Makes the changes count that did not yet. Whether there were any.
    fn take(&self, known: &mut Content) -> bool {
        let changes = known.take_changes();
        let is_new = !matches!(&changes, Changes::Keys(keys) if keys.is_empty());
        if is_new {
            self.change(known, &changes);
        }
        is_new
    }

    fn change(&self, known: &Content, changes: &Changes) {
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

    fn tell(&self, known: &Content) {
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
            status.revision = known.applied();
            status.links = self.table.len();
            status.malformed = malformed;
        });
    }
}

#[cfg(test)]
mod tests {
    use wrpc_middleware_transport::link::{LinkPolicy as _, LinkRequest};

    use super::*;

    fn is_linked(published: &Published, source: &str) -> bool {
        let request = LinkRequest::new(Some(source), "b:c/d", "f");
        published.table().authorize(&request).is_some()
    }

    fn put(known: &mut Content, source: &str) {
        let json = format!(r#"{{"source":"{source}","target":"t","interface":"b:c/d"}}"#);
        known.set(&format!("{source}.default.b.c.d"), Some(json));
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_read_before_a_failure_counts() {
        let published = Published::new();
        let mut known = Content::default();
        for source in ["stays", "goes", "goes-too"] {
            put(&mut known, source);
        }
        published.update(&mut known, Instant::now());
        known.set("goes.default.b.c.d", None);
        published.update_in_part(&mut known);
        assert!(!is_linked(&published, "goes") && is_linked(&published, "stays"));
        // Several at a time make the table anew.
        known.set("goes-too.default.b.c.d", None);
        put(&mut known, "comes");
        published.update_in_part(&mut known);
        assert!(!is_linked(&published, "goes-too") && is_linked(&published, "comes"));
        assert_eq!(published.entries().len(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn a_part_of_a_first_table_does_not_count() {
        let published = Published::new();
        let mut known = Content::default();
        put(&mut known, "early");
        published.update_in_part(&mut known);
        assert!(!is_linked(&published, "early") && published.freshness().age().is_none());
        // It is still new once the rest has come.
        put(&mut known, "late");
        published.update(&mut known, Instant::now());
        assert!(is_linked(&published, "early") && is_linked(&published, "late"));
        assert_eq!(published.status().borrow().links, 2);
    }
}
