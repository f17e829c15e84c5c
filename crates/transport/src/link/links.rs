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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Target;

    /// Enough for several links in each part.
    const MANY: usize = 2_000;

    fn link(n: usize) -> Link {
        let target = Target::new(format!("target-{}", n % 10)).unwrap();
        let link = Link::new(format!("client-{n}"), target, "a:b/c".parse().unwrap());
        if n.is_multiple_of(3) {
            link.with_functions(["f"])
        } else {
            link
        }
    }

    fn has(links: &Links, n: usize) -> bool {
        let link = link(n);
        let found = links.get(&Key::of(&link)).map(Link::from);
        found.is_some_and(|found| {
            assert_eq!(found, link);
            true
        })
    }

    #[test]
    fn a_copy_does_not_change_what_it_was_made_of() {
        let all: Links = (0..MANY).map(link).collect();
        let mut odd = all.clone();
        for n in (0..MANY).step_by(2) {
            assert!(odd.remove(&Key::of(&link(n))));
            assert!(!odd.remove(&Key::of(&link(n))));
        }
        let mut more = odd.clone();
        more.insert(link(MANY).into());
        more.insert(link(MANY).into());
        for n in 0..MANY {
            assert!(has(&all, n));
            assert_eq!((has(&odd, n), has(&more, n)), (n % 2 == 1, n % 2 == 1));
        }
        assert!(has(&more, MANY) && !has(&odd, MANY));
        for (links, len) in [(all, MANY), (odd, MANY / 2), (more, MANY / 2 + 1)] {
            assert_eq!((links.len(), links.to_vec().len()), (len, len));
        }
    }

    #[test]
    fn a_key_is_not_found_by_another_division_of_its_text() {
        let links: Links = [link(1)].into_iter().collect();
        let key = |source, name, interface| Key {
            source,
            name,
            interface,
        };
        assert!(links.get(&key("client-1", "default", "a:b/c")).is_some());
        for other in [
            key("client-1default", "", "a:b/c"),
            key("client-", "1default", "a:b/c"),
            key("client-1", "defaulta:b/c", ""),
        ] {
            assert!(links.get(&other).is_none());
        }
    }
}
