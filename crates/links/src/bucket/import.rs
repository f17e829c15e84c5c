//! Making a bucket have exactly the links of a file.

use std::collections::{HashMap, HashSet};

use async_nats::jetstream::kv::{CreateErrorKind, UpdateErrorKind};

use super::{Bucket, BucketError, Synchronized};
use crate::{Entry, Key, Links};

/// What to do to a bucket so that it has exactly some links.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[must_use = "nothing is changed before it is applied"]
pub struct Import {
    changes: Vec<Change>,
    unchanged: usize,
}

/// One step of an [`Import`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Change {
    /// A key is removed, that of a link or of a value that is none.
    Remove {
        /// The key.
        key: String,
        /// The revision that it has.
        revision: u64,
    },
    /// A link is put where there is none.
    Add(Entry),
    /// A link is put in the place of another, or of a value that is none.
    Replace {
        /// The link to be put.
        entry: Entry,
        /// The revision that its key has.
        revision: u64,
    },
}

impl Change {
    /// The key that is changed.
    #[must_use]
    pub fn key(&self) -> String {
        match self {
            Self::Remove { key, .. } => key.clone(),
            Self::Add(entry) | Self::Replace { entry, .. } => entry.key().to_string(),
        }
    }
}

impl Import {
    /// The steps, in their order: links are taken away before others are given, so that nothing is
    /// permitted in between that is not permitted before or after.
    #[must_use]
    pub fn changes(&self) -> &[Change] {
        &self.changes
    }

    /// How many links stay as they are.
    #[must_use]
    pub fn unchanged(&self) -> usize {
        self.unchanged
    }
}

impl Bucket {
    /// What has to be changed for the bucket to have `links` and nothing else.
    ///
    /// # Errors
    ///
    /// There is no such bucket, or NATS does not answer.
    pub async fn plan(&self, links: &Links) -> Result<Import, BucketError> {
        let mut known = Synchronized::new(self);
        known.sync().await?;
        let malformed: HashSet<_> = known.malformed().map(|bad| bad.key.as_str()).collect();
        let revisions: HashMap<_, _> = known.revisions().collect();
        let wanted: HashSet<_> = links.entries().iter().map(Entry::key).collect();
        let wanted: HashSet<_> = wanted.iter().map(Key::as_str).collect();
        let surplus = known.revisions().filter(|(key, _)| !wanted.contains(key));
        let remove = |(key, revision): (&str, u64)| Change::Remove {
            key: key.to_owned(),
            revision,
        };
        let mut changes: Vec<_> = surplus.map(remove).collect();
        let mut unchanged = 0;
        for entry in links.entries() {
            let key = entry.key();
            let is_malformed = malformed.contains(key.as_str());
            match revisions.get(key.as_str()) {
                _ if known.entry(key.as_str()) == Some(entry) && !is_malformed => unchanged += 1,
                None => changes.push(Change::Add(entry.clone())),
                Some(revision) => changes.push(Change::Replace {
                    entry: entry.clone(),
                    revision: *revision,
                }),
            }
        }
        Ok(Import { changes, unchanged })
    }

    /// Does one step of an import.
    ///
    /// # Errors
    ///
    /// Somebody else has put or removed the link meanwhile ([`BucketError::Conflict`]), or NATS does
    /// not take the change. The steps before it stay done; planning and applying anew goes on
    /// where it ended.
    pub async fn apply(&self, change: &Change) -> Result<(), BucketError> {
        let failed = |error: async_nats::Error| BucketError::classify(self.name(), error);
        let store = self.open().await?;
        let conflict = || BucketError::Conflict(change.key());
        match change {
            Change::Remove { key, revision } => {
                let removed = store.delete_expect_revision(key, Some(*revision)).await;
                removed.map_err(|error| match error.kind() {
                    UpdateErrorKind::WrongLastRevision => conflict(),
                    _ => failed(error.into()),
                })
            }
            Change::Add(entry) => {
                let created = store.create(entry.key(), self.value(entry)?).await;
                created.map(drop).map_err(|error| match error.kind() {
                    CreateErrorKind::AlreadyExists => conflict(),
                    _ => failed(error.into()),
                })
            }
            Change::Replace { entry, revision } => {
                let updated = store.update(entry.key(), self.value(entry)?, *revision);
                updated.await.map(drop).map_err(|error| match error.kind() {
                    UpdateErrorKind::WrongLastRevision => conflict(),
                    _ => failed(error.into()),
                })
            }
        }
    }
}
