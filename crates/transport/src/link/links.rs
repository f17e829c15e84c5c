//! Many links, of which one is found with a single look at memory, and a copy with a change is
//! cheap.

use core::hash::BuildHasher;
use std::sync::Arc;

use hashbrown::hash_table::Entry as Place;
use hashbrown::{DefaultHashBuilder, HashTable};

use super::entry::{Entry, Key, Sharing};
use super::slots::{Hashed, Slots, arrange, scale, slot};
use super::{DuplicateLink, Link};

/// Into how many parts the links are divided. Of 100,000 links a change copies 400 then, and
/// the seeds of all.
const PARTS: usize = 1 << u8::BITS;

/// How many links share a seed, on average. With more of them it takes longer to find one that
/// suits them all; with fewer, the seeds take more of the caches.
const USUAL: usize = 3;

/// How many links may share a seed, on average, before there are more seeds. With two more, some
/// tables have links that no seeds are found for.
const MOST: usize = 4;

/// How many seeds each part has at least: of a few links many may share one by chance.
const FEWEST: usize = 4;

/// Links by source, name and interface, divided into parts by their hash. Copies share the parts
/// in which they do not differ.
///
/// Of what differs from link to link a look-up reads the link alone: a library's table reads tags
/// before that, and has more room to spare. The slot of a link follows from its hash and a seed,
/// which it shares with some others; the seeds are chosen so that no two links have the same slot.
///
/// The hashes are seeded at random: links are made by operators and requests by hosts, but a
/// component may have a say in the name of the link that it uses.
#[derive(Clone, Debug)]
pub(super) struct Links<S = DefaultHashBuilder> {
    parts: [Slots; PARTS],
    /// As many for each part.
    seeds: Arc<[u8]>,
    /// How many slots further than its own a link is at most.
    reach: usize,
    hasher: S,
    len: usize,
}

impl<S: Default> Default for Links<S> {
    fn default() -> Self {
        let empty = Slots::default();
        Self {
            parts: core::array::from_fn(|_| Arc::clone(&empty)),
            seeds: Arc::from([0; PARTS * FEWEST]),
            reach: 0,
            hasher: S::default(),
            len: 0,
        }
    }
}

impl<S: BuildHasher + Default> Links<S> {
    /// These links, unless two of them have the same key.
    pub(super) fn unique(iter: impl IntoIterator<Item = Link>) -> Result<Self, DuplicateLink> {
        Self::collect(iter, |duplicate, _| {
            Err(DuplicateLink(Link::from(&duplicate)))
        })
    }

    fn collect<E>(
        iter: impl IntoIterator<Item = Link>,
        mut duplicate: impl FnMut(Entry, &mut Entry) -> Result<(), E>,
    ) -> Result<Self, E> {
        let (hasher, mut sharing) = (S::default(), Sharing::default());
        let iter = iter.into_iter();
        let mut links: HashTable<Hashed> = HashTable::with_capacity(iter.size_hint().0);
        for link in iter {
            let entry = sharing.entry(link);
            let hash = hasher.hash_one(entry.key());
            let is_it = |other: &Hashed| other.entry.key() == entry.key();
            match links.entry(hash, is_it, |other| other.hash) {
                Place::Occupied(mut other) => duplicate(entry, &mut other.get_mut().entry)?,
                Place::Vacant(place) => {
                    place.insert(Hashed { hash, entry });
                }
            }
        }
        Ok(Self::of_unique(hasher, links))
    }

    fn of_unique(hasher: S, links: HashTable<Hashed>) -> Self {
        let seeds = PARTS * links.len().div_ceil(PARTS * USUAL).max(FEWEST);
        let mut table = Self {
            seeds: vec![0; seeds].into(),
            hasher,
            len: links.len(),
            ..Self::default()
        };
        let mut parts = [const { Vec::new() }; PARTS];
        for link in links {
            if let Some(part) = parts.get_mut(part(link.hash)) {
                part.push(link);
            }
        }
        for (number, part) in parts.into_iter().enumerate() {
            if !part.is_empty() {
                table.set_part(number, part);
            }
        }
        table
    }

    fn set_part(&mut self, part: usize, links: Vec<Hashed>) {
        let seeds = Arc::make_mut(&mut self.seeds);
        let count = seeds.len();
        let (slots, reach) = arrange(links, |hash| bucket(hash, count), seeds);
        self.reach = self.reach.max(reach);
        if let Some(part) = self.parts.get_mut(part) {
            *part = slots;
        }
    }

    pub(super) fn get(&self, key: &Key<'_>) -> Option<&Entry> {
        let hash = self.hasher.hash_one(key);
        let slots = self.parts.get(part(hash))?;
        let own = self.slot(hash, slots)?;
        // One slot by itself is looked at in 30 ns, by way of all that may have the link in 37.
        match slots.get(own)? {
            Some(entry) if entry.key() == *key => Some(entry),
            _ if self.reach == 0 => None,
            _ => slots.get(self.find_from(own, slots, key)?)?.as_ref(),
        }
    }

    /// The slot that a link with this hash has, unless another one has it.
    fn slot(&self, hash: u64, slots: &Slots) -> Option<usize> {
        let seed = self.seeds.get(bucket(hash, self.seeds.len()))?;
        Some(slot(hash, *seed, slots.len()))
    }

    /// The slot of the link with this key.
    fn find(&self, hash: u64, key: &Key<'_>) -> Option<usize> {
        let slots = self.parts.get(part(hash))?;
        self.find_from(self.slot(hash, slots)?, slots, key)
    }

    fn find_from(&self, own: usize, slots: &Slots, key: &Key<'_>) -> Option<usize> {
        let mut numbers = (own..slots.len()).chain(0..own).take(self.reach + 1);
        numbers.find(|number| {
            let entry = slots.get(*number).and_then(Option::as_ref);
            entry.is_some_and(|entry| entry.key() == *key)
        })
    }

    /// Adds a link, in the place of one with the same key.
    pub(super) fn insert(&mut self, entry: Entry) {
        let hash = self.hasher.hash_one(entry.key());
        if let Some(slot) = self.find(hash, &entry.key()) {
            let slots = self.parts.get_mut(part(hash)).map(Arc::make_mut);
            if let Some(slot) = slots.and_then(|slots| slots.get_mut(slot)) {
                *slot = Some(entry);
            }
            return;
        }
        if self.len >= MOST * self.seeds.len() {
            let links = self.to_vec().into_iter();
            *self = links.chain([Link::from(&entry)]).collect();
            return;
        }
        let slots = self.parts.get(part(hash)).into_iter();
        let entries = slots.flat_map(|slots| slots.iter().flatten().cloned());
        let hashed = |entry: Entry| Hashed {
            hash: self.hasher.hash_one(entry.key()),
            entry,
        };
        let links = entries.chain([entry]).map(hashed).collect();
        self.set_part(part(hash), links);
        self.len += 1;
    }

    /// Removes a link. Says whether there was one.
    pub(super) fn remove(&mut self, key: &Key<'_>) -> bool {
        let hash = self.hasher.hash_one(key);
        let Some(slot) = self.find(hash, key) else {
            return false;
        };
        let slots = self.parts.get_mut(part(hash)).map(Arc::make_mut);
        let removed = slots.and_then(|slots| slots.get_mut(slot)?.take());
        self.len -= usize::from(removed.is_some());
        removed.is_some()
    }

    pub(super) const fn len(&self) -> usize {
        self.len
    }

    pub(super) fn to_vec(&self) -> Vec<Link> {
        let entries = self.parts.iter().flat_map(|part| part.iter().flatten());
        entries.map(Link::from).collect()
    }
}

/// Of links with the same key, the last one stays.
impl<S: BuildHasher + Default> FromIterator<Link> for Links<S> {
    fn from_iter<I: IntoIterator<Item = Link>>(iter: I) -> Self {
        let replace = |last, entry: &mut Entry| {
            *entry = last;
            Ok(())
        };
        let collected: Result<_, core::convert::Infallible> = Self::collect(iter, replace);
        match collected {
            Ok(links) => links,
            Err(never) => match never {},
        }
    }
}

/// The number of the part for a hash.
fn part(hash: u64) -> usize {
    bucket(hash, PARTS)
}

/// The number of the seed for a hash, out of `seeds`. Those of one part follow each other.
fn bucket(hash: u64, seeds: usize) -> usize {
    let [a, b, c, d, ..] = hash.to_le_bytes();
    scale(u32::from_le_bytes([a, b, c, d]), seeds)
}

#[cfg(test)]
mod tests {
    use core::hash::{BuildHasherDefault, Hasher};
    use std::hash::DefaultHasher;

    use rand::rngs::StdRng;
    use rand::{RngExt as _, SeedableRng as _};

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

    fn has<S: BuildHasher + Default>(links: &Links<S>, n: usize) -> bool {
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

    /// The same hashes each time.
    type Fixed = BuildHasherDefault<DefaultHasher>;

    #[test]
    fn a_link_is_looked_for_in_one_slot() {
        for count in [1, 2, 10, 100, MANY, 50 * MANY] {
            let links: Links<Fixed> = (0..count).map(link).collect();
            assert_eq!(links.reach, 0, "of {count}");
            let slots: usize = links.parts.iter().map(|part| part.len()).sum();
            assert!(slots <= count + count / 4 + PARTS, "{slots} for {count}");
        }
    }

    #[test]
    fn so_is_a_link_that_came_later() {
        let mut links = Links::<Fixed>::default();
        for n in 0..4 * MANY {
            let is_full = links.len() == MOST * links.seeds.len();
            if is_full {
                let slots: usize = links.parts.iter().map(|part| part.len()).sum();
                assert!(slots <= n + n / 4 + PARTS, "{slots} for {n}");
            }
            let before = links.seeds.len();
            links.insert(link(n).into());
            assert_eq!(links.seeds.len() > before, is_full);
            assert_eq!(links.reach, 0, "of {n}");
        }
        assert_eq!(links.len(), 4 * MANY);
        assert!(links.seeds.len() > PARTS * FEWEST, "it was never full");
    }

    #[test]
    fn a_table_grows() {
        let mut links = Links::<DefaultHashBuilder>::default();
        (0..4 * MANY).for_each(|n| links.insert(link(n).into()));
        assert_eq!(links.len(), 4 * MANY);
        assert!((0..4 * MANY).all(|n| has(&links, n)) && !has(&links, 4 * MANY));
    }

    /// Links come and go in any order, for which `S` has hashes.
    fn come_and_go<S: BuildHasher + Default>(most: usize, changes: usize) {
        let mut rng = StdRng::seed_from_u64(0);
        let (mut links, mut there) = (Links::<S>::default(), vec![false; most]);
        for _ in 0..changes {
            let n = rng.random_range(0..most);
            let is_new = rng.random();
            if is_new {
                links.insert(link(n).into());
            } else {
                assert_eq!(links.remove(&Key::of(&link(n))), there[n]);
            }
            there[n] = is_new;
            assert_eq!(has(&links, n), is_new);
            assert_eq!(links.len(), there.iter().filter(|is| **is).count());
        }
        for (n, is) in there.into_iter().enumerate() {
            assert_eq!(has(&links, n), is);
        }
    }

    #[test]
    fn links_come_and_go() {
        come_and_go::<DefaultHashBuilder>(3 * PARTS, 4_000);
    }

    /// Tells links apart by eight hashes, in four parts.
    #[derive(Clone, Default)]
    struct Few(DefaultHasher);

    impl Hasher for Few {
        fn finish(&self) -> u64 {
            self.0.finish() & 0x8000_0000_c000_0000
        }

        fn write(&mut self, bytes: &[u8]) {
            self.0.write(bytes);
        }
    }

    #[test]
    fn links_of_few_hashes_come_and_go() {
        come_and_go::<BuildHasherDefault<Few>>(60, 4_000);
    }

    /// Nothing tells links apart but what they are.
    #[derive(Clone, Default)]
    struct Same;

    impl Hasher for Same {
        fn finish(&self) -> u64 {
            u64::MAX
        }

        fn write(&mut self, _: &[u8]) {}
    }

    #[test]
    fn links_of_one_hash_are_found_all_the_same() {
        come_and_go::<BuildHasherDefault<Same>>(20, 400);
        let links: Links<BuildHasherDefault<Same>> = (0..30).map(link).collect();
        assert!((0..30).all(|n| has(&links, n)) && !has(&links, 30));
        let twice = (0..30).chain([7]).map(link);
        let error = Links::<BuildHasherDefault<Same>>::unique(twice).unwrap_err();
        assert_eq!(error.link(), &link(7));
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
