//! The built-in policy: a table of links.

use core::fmt;
use std::sync::Arc;

use arc_swap::ArcSwap;

use super::entry::Key;
use super::links::Links;
use super::{DuplicateLink, Interface, Link, LinkPolicy, LinkRequest};
use crate::Target;

/// A table of links, shared by its clones: read without locks, replaced while calls run.
///
/// A call sees the table as it was when the call was authorized. How long it takes to find a link
/// does not depend on how many there are, but for the time that memory takes.
#[derive(Clone, Default)]
pub struct LinkTable(Arc<ArcSwap<Links>>);

impl LinkTable {
    /// A table of these links; an empty one denies every call.
    ///
    /// # Errors
    ///
    /// Two of them have the same source, name and interface.
    pub fn new(links: impl IntoIterator<Item = Link>) -> Result<Self, DuplicateLink> {
        Ok(Self::of(Links::unique(links)?))
    }

    fn of(links: Links) -> Self {
        Self(Arc::new(ArcSwap::from_pointee(links)))
    }

    /// Puts these links in the place of all that the table has, at once.
    ///
    /// # Errors
    ///
    /// Two of them have the same source, name and interface. The table stays as it was.
    pub fn replace(&self, links: impl IntoIterator<Item = Link>) -> Result<(), DuplicateLink> {
        self.0.store(Arc::new(Links::unique(links)?));
        Ok(())
    }

    /// Adds a link, in the place of one with the same source, name and interface.
    ///
    /// Copies a small part of the table, and makes it anew whenever it has grown by a third: to change
    /// many links at once, [`replace`](Self::replace) them.
    pub fn insert(&self, link: &Link) {
        self.0.rcu(|links| {
            let mut links = Links::clone(links);
            links.insert(link.clone().into());
            links
        });
    }

    /// Removes the link with this source, name and interface. Says whether there was one.
    ///
    /// Copies a small part of the table.
    #[must_use = "says whether there was such a link"]
    pub fn remove(&self, source: &str, name: &str, interface: &Interface) -> bool {
        let key = Key {
            source,
            name,
            interface: interface.as_str(),
        };
        let mut removed = false;
        self.0.rcu(|links| {
            let mut links = Links::clone(links);
            removed = links.remove(&key);
            links
        });
        removed
    }

    /// How many links the table has.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.load().len()
    }

    /// Whether the table denies every call.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The links, in no particular order.
    #[must_use]
    pub fn links(&self) -> Vec<Link> {
        self.0.load().to_vec()
    }
}

/// Of links with the same source, name and interface, the last one stays, as with
/// [`insert`](LinkTable::insert). [`LinkTable::new`] refuses them.
impl FromIterator<Link> for LinkTable {
    fn from_iter<I: IntoIterator<Item = Link>>(iter: I) -> Self {
        Self::of(iter.into_iter().collect())
    }
}

impl LinkPolicy for LinkTable {
    fn authorize(&self, request: &LinkRequest<'_>) -> Option<Target> {
        let key = Key {
            source: request.source?,
            name: request.link_name,
            interface: request.interface,
        };
        self.0.load().get(&key)?.authorize(request)
    }
}

impl fmt::Debug for LinkTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LinkTable")
            .field("len", &self.len())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::super::DEFAULT_LINK_NAME;
    use super::*;

    fn request<'a>(source: Option<&'a str>, interface: &'a str, func: &'a str) -> LinkRequest<'a> {
        LinkRequest {
            source,
            link_name: DEFAULT_LINK_NAME,
            interface,
            instance: interface,
            func,
            target: None,
        }
    }

    fn link(source: &str, target: &str, interface: &str) -> Link {
        Link::new(
            source,
            Target::new(target).unwrap(),
            interface.parse().unwrap(),
        )
    }

    #[test]
    fn what_no_link_permits_is_denied() {
        let table = LinkTable::new([
            link("client", "greeter", "a:b/c"),
            link("client", "store", "a:b/d").with_functions(["get"]),
            link("client", "other", "a:b/c").with_name("backup"),
            link("client", "root", "$root"),
        ])
        .unwrap();
        let target = |request| table.authorize(&request).map(|target| target.to_string());
        assert_eq!(
            target(request(Some("client"), "a:b/c", "f")).unwrap(),
            "greeter"
        );
        assert_eq!(target(request(Some("client"), "", "f")).unwrap(), "root");
        assert_eq!(
            target(request(Some("client"), "a:b/d", "get")).unwrap(),
            "store"
        );
        assert_eq!(target(request(Some("client"), "a:b/d", "set")), None);
        assert_eq!(target(request(Some("clien"), "a:b/c", "f")), None);
        assert_eq!(target(request(Some("client"), "a:b/e", "f")), None);
        assert_eq!(target(request(None, "a:b/c", "f")), None);
        let backup = LinkRequest {
            link_name: "backup",
            ..request(Some("client"), "a:b/c", "f")
        };
        assert_eq!(target(backup).unwrap(), "other");
        let greeter = Target::new("greeter").unwrap();
        let chosen = |target| LinkRequest {
            target: Some(target),
            ..request(Some("client"), "a:b/c", "f")
        };
        assert_eq!(target(chosen(&greeter)).unwrap(), "greeter");
        assert_eq!(target(chosen(&Target::new("store").unwrap())), None);
    }

    #[test]
    fn duplicates_are_refused_and_change_nothing() {
        let table = LinkTable::new([link("a", "x", "a:b/c")]).unwrap();
        let error = table
            .replace([link("b", "x", "a:b/c"), link("b", "y", "a:b/c@1.0.0")])
            .unwrap_err();
        assert_eq!(
            error.to_string(),
            "two links from `b` to a:b/c by the name `default`"
        );
        assert_eq!(table.links(), [link("a", "x", "a:b/c")]);
    }

    #[test]
    fn of_collected_duplicates_the_last_one_stays() {
        let links = [link("a", "x", "a:b/c"), link("a", "y", "a:b/c")];
        let table: LinkTable = links.into_iter().collect();
        assert_eq!(table.links(), [link("a", "y", "a:b/c")]);
    }

    #[test]
    fn clones_see_changes() {
        let table = LinkTable::default();
        let clone = table.clone();
        table.insert(&link("a", "x", "a:b/c"));
        table.insert(&link("a", "y", "a:b/c"));
        assert_eq!(clone.links(), [link("a", "y", "a:b/c")]);
        assert!(table.remove("a", "default", &"a:b/c".parse().unwrap()));
        assert!(!table.remove("a", "default", &"a:b/c".parse().unwrap()));
        assert!(clone.is_empty());
    }
}
