//! What is known of a bucket.

use std::collections::{BTreeMap, BTreeSet};

use super::message::Revision;
use super::reader::{Counts, Found, StreamState};
use super::{Malformed, decode};
use crate::Entry;

/// A bucket as it was at one sequence of its stream.
#[derive(Debug)]
pub(crate) struct Content {
    created: i128,
    applied: u64,
    keys: BTreeMap<String, (u64, Value)>,
    verified: Option<Verified>,
    changes: Changes,
}

/// What a key has.
#[derive(Debug)]
enum Value {
    Removed,
    Entry(Entry),
    /// With the entry that it had before, which goes on to count.
    Malformed(Malformed, Option<Entry>),
}

/// What the leader said when we had seen all that it has.
#[derive(Debug)]
struct Verified {
    last: u64,
    counts: Counts,
    /// Keys that are none of ours, in a stream that has such.
    others: u64,
}

/// What has changed since it was [taken](Content::take_changes).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Changes {
    All,
    Keys(BTreeSet<String>),
}

impl Content {
    /// Nothing yet.
    pub(super) fn new(state: &StreamState) -> Self {
        Self {
            created: state.created,
            applied: 0,
            keys: BTreeMap::new(),
            verified: None,
            changes: Changes::All,
        }
    }

    /// Whether what the stream has now can be what this was, and more.
    pub(super) fn continues_as(&self, state: &StreamState) -> bool {
        self.created == state.created && self.applied <= state.last
    }

    pub(crate) fn applied(&self) -> u64 {
        self.applied
    }

    /// There is nothing up to `sequence`.
    pub(super) fn skip_to(&mut self, sequence: u64) {
        self.applied = self.applied.max(sequence);
    }

    /// Takes the next message. A malformed value leaves what its key had.
    pub(super) fn apply(&mut self, found: Found) {
        let revision = found.sequence;
        self.skip_to(revision);
        let Some(Revision { key, value, .. }) = found.revision else {
            return;
        };
        let value = match value {
            None => Value::Removed,
            Some(bytes) => match decode(&key, &bytes, revision) {
                Ok(entry) => Value::Entry(entry),
                Err(malformed) => Value::Malformed(malformed, self.entry(&key).cloned()),
            },
        };
        if let Changes::Keys(keys) = &mut self.changes {
            keys.insert(key.clone());
        }
        self.keys.insert(key, (revision, value));
    }

    /// Whether nothing is missing, by what the leader said before the last message was read.
    ///
    /// Messages can be taken out of a stream without a word: when it is purged, by their age, or
    /// one by one. Then fewer keys are left than are known, or the stream has changed though
    /// nothing was added.
    pub(super) fn verify(&mut self, state: &StreamState) -> bool {
        if self.applied != state.last {
            // Later messages were read, with which the counts can't be compared.
            return true;
        }
        let known = u64::try_from(self.keys.len()).unwrap_or(u64::MAX);
        let Some(others) = state.counts.keys.checked_sub(known) else {
            return false;
        };
        if let Some(verified) = &self.verified {
            let same = verified.last != state.last || verified.counts == state.counts;
            if verified.others != others || !same {
                return false;
            }
        }
        self.verified = Some(Verified {
            last: state.last,
            counts: state.counts,
            others,
        });
        true
    }

    /// The entry that counts for a key.
    pub(crate) fn entry(&self, key: &str) -> Option<&Entry> {
        self.keys.get(key)?.1.entry()
    }

    /// All entries that count, in the order of their keys.
    pub(crate) fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.keys.values().filter_map(|(_, value)| value.entry())
    }

    /// The values that are no entries.
    pub(crate) fn malformed(&self) -> impl Iterator<Item = &Malformed> {
        self.keys.values().filter_map(|(_, value)| match value {
            Value::Malformed(malformed, _) => Some(malformed),
            Value::Removed | Value::Entry(_) => None,
        })
    }

    /// The keys that have a value, and its revision.
    pub(super) fn revisions(&self) -> impl Iterator<Item = (&str, u64)> {
        let keys = self.keys.iter();
        let keys = keys.filter(|(_, (_, value))| !matches!(value, Value::Removed));
        keys.map(|(key, (revision, _))| (key.as_str(), *revision))
    }

    /// What has changed since the last time.
    pub(crate) fn take_changes(&mut self) -> Changes {
        core::mem::replace(&mut self.changes, Changes::Keys(BTreeSet::new()))
    }
}

/// Of a bucket without a server.
#[cfg(test)]
impl Content {
    /// What a message says about a key.
    pub(crate) fn set(&mut self, key: &str, value: Option<String>) {
        let sequence = self.applied + 1;
        let revision = Revision {
            sequence,
            key: key.to_owned(),
            value: value.map(Into::into),
        };
        self.apply(Found {
            sequence,
            revision: Some(revision),
        });
    }
}

#[cfg(test)]
impl Default for Content {
    fn default() -> Self {
        Self::new(&StreamState {
            created: 1,
            last: 0,
            counts: Counts::default(),
        })
    }
}

impl Value {
    fn entry(&self) -> Option<&Entry> {
        match self {
            Self::Removed => None,
            Self::Entry(entry) => Some(entry),
            Self::Malformed(_, last) => last.as_ref(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(last: u64, keys: u64) -> StreamState {
        StreamState {
            created: 1,
            last,
            counts: Counts {
                messages: keys,
                first: 1,
                deleted: 0,
                keys,
            },
        }
    }

    const KEY: &str = "a.default.b.c.d";

    fn found(sequence: u64, key: &str, value: Option<&'static str>) -> Found {
        Found {
            sequence,
            revision: Some(Revision {
                sequence,
                key: key.to_owned(),
                value: value.map(Into::into),
            }),
        }
    }

    fn json(target: &str) -> &'static str {
        format!(r#"{{"source":"a","target":"{target}","interface":"b:c/d"}}"#).leak()
    }

    fn target(content: &Content) -> Option<&str> {
        content.entry(KEY).map(|entry| entry.target.as_str())
    }

    #[test]
    fn a_malformed_value_leaves_what_was_there_and_gives_nothing() {
        let mut content = Content::new(&state(0, 0));
        content.apply(found(1, "x", Some("nonsense")));
        assert_eq!(content.entries().count(), 0);
        content.apply(found(2, KEY, Some(json("t"))));
        content.apply(found(3, KEY, Some("{}")));
        content.apply(found(4, KEY, Some("")));
        assert_eq!(target(&content), Some("t"));
        let malformed: Vec<_> = content.malformed().map(|bad| bad.revision).collect();
        assert_eq!(malformed, [4, 1]);
        // Once it was gone, there is nothing to fall back to.
        content.apply(found(5, KEY, None));
        content.apply(found(6, KEY, Some("{}")));
        assert_eq!(target(&content), None);
        content.apply(found(7, KEY, Some(json("u"))));
        assert_eq!(target(&content), Some("u"));
        assert_eq!(content.malformed().count(), 1);
    }

    #[test]
    fn an_entry_under_the_key_of_another_is_malformed() {
        let mut content = Content::new(&state(0, 0));
        content.apply(found(1, "a.other.b.c.d", Some(json("t"))));
        assert_eq!(content.entries().count(), 0);
        let problem = content.malformed().next().unwrap().to_string();
        assert!(problem.contains(KEY), "{problem}");
    }

    #[test]
    fn what_is_wrong_with_a_value_is_told_without_its_control_characters() {
        let mut content = Content::new(&state(0, 0));
        content.apply(found(1, "a", Some(r#"{"\u001b[2J\n":1}"#)));
        let malformed = content.malformed().next().unwrap();
        assert!(malformed.problem.contains(r"\u{1b}[2J\n"), "{malformed}");
        assert!(!malformed.to_string().contains(char::is_control));
    }

    #[test]
    fn changes_are_told_once() {
        let mut content = Content::new(&state(0, 0));
        content.apply(found(1, KEY, Some(json("t"))));
        assert_eq!(content.take_changes(), Changes::All);
        assert_eq!(content.take_changes(), Changes::Keys(BTreeSet::new()));
        content.apply(found(2, KEY, None));
        assert_eq!(
            content.take_changes(),
            Changes::Keys([KEY.to_owned()].into())
        );
    }

    #[test]
    fn what_goes_without_a_word_is_noticed() {
        let mut content = Content::new(&state(2, 2));
        for (sequence, key) in [(1, "x"), (2, "y")] {
            content.apply(found(sequence, key, Some("")));
        }
        assert!(content.verify(&state(2, 2)));
        assert!(content.verify(&state(2, 2)));
        assert!(!content.verify(&state(2, 1)), "a key is gone");
        let mut fewer = state(2, 2);
        fewer.counts.messages = 1;
        assert!(!content.verify(&fewer), "a revision is gone");
        assert!(content.continues_as(&state(2, 2)));
        assert!(!content.continues_as(&state(1, 1)), "an older copy");
        let other = StreamState {
            created: 2,
            ..state(3, 3)
        };
        assert!(!content.continues_as(&other), "another bucket");
        // Later messages were read than the leader spoke of.
        content.apply(found(3, "z", Some("")));
        assert!(content.verify(&state(2, 2)));
        assert!(content.verify(&state(3, 3)));
    }

    #[test]
    fn keys_of_others_are_put_up_with() {
        let mut content = Content::new(&state(1, 3));
        content.apply(found(1, "x", None));
        assert!(content.verify(&state(1, 3)));
        content.apply(found(2, "y", None));
        assert!(content.verify(&state(2, 4)));
        assert!(!content.verify(&state(2, 3)));
    }
}
