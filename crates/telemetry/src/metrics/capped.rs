//! A map that only grows, up to a limit.

use core::hash::Hash;
use std::sync::Arc;

use arc_swap::ArcSwap;
use hashbrown::{Equivalent, HashMap};

/// Names that are longer than this are none that anybody gave by hand.
const MAX_NAME: usize = 256;

/// A map that is read without locks and copied for each entry that is new: what is in it stays.
///
/// What finds no room shares one value.
#[derive(Debug)]
pub(super) struct Capped<K, V> {
    entries: ArcSwap<HashMap<K, Arc<V>>>,
    max: usize,
}

impl<K: Clone + Eq + Hash, V> Capped<K, V> {
    pub(super) fn new(max: usize) -> Self {
        Self {
            entries: ArcSwap::default(),
            max,
        }
    }

    /// The value of `key`, if it has one or there is room for the one that `make` makes.
    pub(super) fn get<Q>(&self, key: &Q, make: impl FnOnce() -> (K, V)) -> Option<Arc<V>>
    where
        Q: Hash + Equivalent<K> + ?Sized,
    {
        let entries = self.entries.load();
        if let Some(known) = entries.get(key) {
            return Some(Arc::clone(known));
        }
        if entries.len() >= self.max {
            return None;
        }
        drop(entries);
        let (new, value) = make();
        let value = Arc::new(value);
        self.entries.rcu(|entries| {
            let mut entries = HashMap::clone(entries);
            if entries.len() < self.max {
                entries
                    .entry(new.clone())
                    .or_insert_with(|| Arc::clone(&value));
            }
            entries
        });
        self.entries.load().get(key).cloned()
    }
}

/// Whether `name` is short enough to be a label.
pub(super) const fn is_label(name: &str) -> bool {
    name.len() <= MAX_NAME
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_in_it_stays_and_what_finds_no_room_has_none() {
        let map = Capped::<String, usize>::new(2);
        for round in 0..2 {
            for (number, key) in ["a", "b", "c"].into_iter().enumerate() {
                let found = map.get(key, || (key.to_owned(), number + 10 * round));
                let expected = (number < 2).then_some(number);
                assert_eq!(found.as_deref(), expected.as_ref());
            }
        }
    }
}
