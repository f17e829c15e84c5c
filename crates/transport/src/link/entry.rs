//! A link as the table keeps it.

use core::hash::Hash;
use std::sync::Arc;

use hashbrown::HashSet;
use smol_str::SmolStr;

use super::definition::Functions;
use super::{Interface, Link, LinkRequest};
use crate::Target;

/// What makes a link unique.
#[derive(Clone, Copy, Hash, PartialEq, Eq)]
pub(super) struct Key<'a> {
    pub(super) source: &'a str,
    pub(super) name: &'a str,
    pub(super) interface: &'a str,
}

#[cfg(test)]
impl<'a> Key<'a> {
    pub(super) fn of(link: &'a Link) -> Self {
        Self {
            source: link.source(),
            name: link.name(),
            interface: link.interface().as_str(),
        }
    }
}

/// A link as it lies in the table. Of a large table that is in no cache, and waiting for memory is
/// what a look-up costs then: so all that differs from link to link is here, once and small, if the
/// name of its source has no more than 23 bytes. With room for longer ones fewer entries would be in a
/// cache.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    source: SmolStr,
    grant: Arc<Grant>,
}

/// All of a link but who may use it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Grant {
    name: Arc<str>,
    interface: Interface,
    target: Target,
    functions: Option<Arc<Functions>>,
}

impl Entry {
    pub(super) fn key(&self) -> Key<'_> {
        Key {
            source: &self.source,
            name: &self.grant.name,
            interface: self.grant.interface.as_str(),
        }
    }

    /// The target of the link, if it permits the call.
    pub(super) fn authorize(&self, request: &LinkRequest<'_>) -> Option<Target> {
        let Grant {
            functions, target, ..
        } = &*self.grant;
        let permits = functions
            .as_ref()
            .is_none_or(|functions| functions.contains(request.func))
            && request.target.is_none_or(|chosen| chosen == target);
        permits.then(|| target.clone())
    }
}

impl From<Link> for Entry {
    fn from(link: Link) -> Self {
        Self {
            source: link.source.into(),
            grant: Arc::new(Grant {
                name: link.name,
                interface: link.interface,
                target: link.target,
                functions: link.functions,
            }),
        }
    }
}

impl From<&Entry> for Link {
    fn from(entry: &Entry) -> Self {
        let grant = Grant::clone(&entry.grant);
        Self {
            source: entry.source.clone().into(),
            name: grant.name,
            interface: grant.interface,
            target: grant.target,
            functions: grant.functions,
        }
    }
}

/// Makes the entries of one table share what is the same in many links: their interfaces, targets
/// and names are few, and each is in the operator's file as often as there are links.
#[derive(Default)]
pub(super) struct Sharing {
    texts: HashSet<Arc<str>>,
    grants: HashSet<Arc<Grant>>,
}

impl Sharing {
    pub(super) fn entry(&mut self, link: Link) -> Entry {
        let mut text = |text| Arc::clone(self.texts.get_or_insert(text));
        let mut source = SmolStr::from(Arc::clone(&link.source));
        if source.is_heap_allocated() {
            source = text(link.source).into();
        }
        let grant = Grant {
            name: text(link.name),
            interface: Interface(text(link.interface.0)),
            target: Target(text(link.target.0)),
            functions: link.functions,
        };
        let grant = Arc::clone(self.grants.get_or_insert(Arc::new(grant)));
        Entry { source, grant }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_is_its_link_however_long_the_name_of_the_source() {
        let source = |bytes: usize| "ä".repeat(bytes / 2) + "b".repeat(bytes % 2).as_str();
        let mut sharing = Sharing::default();
        for bytes in [0, 1, 22, 23, 24, 25, 300] {
            let target = Target::new("target").unwrap();
            let link = Link::new(source(bytes), target, "a:b/c".parse().unwrap());
            assert_eq!(link.source().len(), bytes);
            let is_elsewhere = sharing.entry(link.clone()).source.is_heap_allocated();
            assert_eq!(is_elsewhere, bytes > 23);
            for entry in [Entry::from(link.clone()), sharing.entry(link.clone())] {
                assert!(entry.key() == Key::of(&link), "{bytes}");
                assert_eq!(Link::from(&entry), link);
            }
        }
    }

    #[cfg(target_pointer_width = "64")]
    #[test]
    fn two_entries_fit_in_a_cache_line() {
        assert_eq!(size_of::<Option<Entry>>(), 32);
    }
}
