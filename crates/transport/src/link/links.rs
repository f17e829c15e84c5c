//! Many links, of which a copy with a change is cheap.

use core::hash::BuildHasher as _;
use std::sync::Arc;

use hashbrown::hash_table::{Entry as Place, OccupiedEntry};
use hashbrown::{DefaultHashBuilder, HashTable};

use super::entry::{Entry, Key, Sharing};
use super::{DuplicateLink, Link};

/// Into how many parts the links are divided. Of 100,000 links a change copies 400 then.
const PARTS: usize = 1 << u8::BITS;

/// Links by source, name and interface, divided into parts by their hash. Copies share the parts
/// in which they do not differ.
///
/// The hashes are seeded at random: links are made by operators and requests by hosts, but a
/// component may have a say in the name of the link that it uses.
#[derive(Clone, Debug)]
pub(super) struct Links {
    parts: [Arc<Part>; PARTS],
    hasher: DefaultHashBuilder,
    len: usize,
}

type Part = HashTable<Entry>;

impl Default for Links {
    fn default() -> Self {
        let empty = Arc::default();
        Self {
            parts: core::array::from_fn(|_| Arc::clone(&empty)),
            hasher: DefaultHashBuilder::default(),
            len: 0,
        }
    }
}

impl Links {
    /// These links, unless two of them have the same key.
    pub(super) fn unique(iter: impl IntoIterator<Item = Link>) -> Result<Self, DuplicateLink> {
        let (mut links, mut sharing) = (Self::default(), Sharing::default());
        for link in iter {
            if links.get(&Key::of(&link)).is_some() {
                return Err(DuplicateLink(link));
            }
            links.insert(sharing.entry(link));
        }
        Ok(links)
    }

    pub(super) fn get(&self, key: &Key<'_>) -> Option<&Entry> {
        let hash = self.hasher.hash_one(key);
        let part = self.parts.get(part(hash))?;
        part.find(hash, |entry| entry.key() == *key)
    }

    /// Adds a link, in the place of one with the same key.
    pub(super) fn insert(&mut self, entry: Entry) {
        let hasher = &self.hasher;
        let hash = hasher.hash_one(entry.key());
        let Some(part) = self.parts.get_mut(part(hash)) else {
            return;
        };
        let place = Arc::make_mut(part).entry(
            hash,
            |other| other.key() == entry.key(),
            |other| hasher.hash_one(other.key()),
        );
        match place {
            Place::Occupied(mut place) => *place.get_mut() = entry,
            Place::Vacant(place) => {
                place.insert(entry);
                self.len += 1;
            }
        }
    }

    /// Removes a link. Says whether there was one.
    pub(super) fn remove(&mut self, key: &Key<'_>) -> bool {
        let hash = self.hasher.hash_one(key);
        let Some(part) = self.parts.get_mut(part(hash)) else {
            return false;
        };
        if part.find(hash, |entry| entry.key() == *key).is_none() {
            return false;
        }
        let found = Arc::make_mut(part).find_entry(hash, |entry| entry.key() == *key);
        let removed = found.map(OccupiedEntry::remove).is_ok();
        self.len -= usize::from(removed);
        removed
    }

    pub(super) const fn len(&self) -> usize {
        self.len
    }

    pub(super) fn to_vec(&self) -> Vec<Link> {
        let entries = self.parts.iter().flat_map(|part| part.iter());
        entries.map(Link::from).collect()
    }
}

/// Of links with the same key, the last one stays.
impl FromIterator<Link> for Links {
    fn from_iter<I: IntoIterator<Item = Link>>(iter: I) -> Self {
        let (mut links, mut sharing) = (Self::default(), Sharing::default());
        for link in iter {
            links.insert(sharing.entry(link));
        }
        links
    }
}

/// The number of the part for a hash, by bits that a part does not look at to find an entry.
fn part(hash: u64) -> usize {
    let [_, _, _, bits, ..] = hash.to_be_bytes();
    usize::from(bits)
}
