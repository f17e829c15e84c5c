//! The built-in policy: a table of links.

use core::fmt;
use core::hash::Hash;
use std::collections::BTreeSet;
use std::sync::Arc;

use arc_swap::ArcSwap;
use hashbrown::{Equivalent, HashMap};

use super::{DEFAULT_LINK_NAME, Interface, LinkPolicy, LinkRequest};
use crate::Target;

/// Permits one component to call one interface on one target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    key: Key,
    target: Target,
    functions: Option<BTreeSet<Box<str>>>,
}

impl Link {
    /// Permits the component `source` to call every function of `interface` on `target`, by the
    /// link name [`DEFAULT_LINK_NAME`].
    pub fn new(source: impl Into<Arc<str>>, target: Target, interface: Interface) -> Self {
        Self {
            key: Key {
                source: source.into(),
                name: Arc::from(DEFAULT_LINK_NAME),
                interface,
            },
            target,
            functions: None,
        }
    }

    /// The same link by another name, for a source that has several for one interface.
    #[must_use]
    pub fn with_name(mut self, name: impl Into<Arc<str>>) -> Self {
        self.key.name = name.into();
        self
    }

    /// The same link for these functions only.
    #[must_use]
    pub fn with_functions<F: Into<Box<str>>>(
        mut self,
        functions: impl IntoIterator<Item = F>,
    ) -> Self {
        self.functions = Some(functions.into_iter().map(Into::into).collect());
        self
    }

    /// The component that may call.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.key.source
    }

    /// The name of the link.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.key.name
    }

    /// The interface that may be called.
    #[must_use]
    pub fn interface(&self) -> &Interface {
        &self.key.interface
    }

    /// The component that is called.
    #[must_use]
    pub fn target(&self) -> &Target {
        &self.target
    }

    /// The functions that may be called; `None` for all of the interface.
    #[must_use]
    pub fn functions(&self) -> Option<impl Iterator<Item = &str>> {
        self.functions
            .as_ref()
            .map(|functions| functions.iter().map(AsRef::as_ref))
    }

    fn permits(&self, request: &LinkRequest<'_>) -> bool {
        self.functions
            .as_ref()
            .is_none_or(|functions| functions.contains(request.func))
            && request.target.is_none_or(|target| *target == self.target)
    }
}

/// What makes a link unique.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Key {
    source: Arc<str>,
    name: Arc<str>,
    interface: Interface,
}

/// A [`Key`] that borrows from a request. It hashes as the key does: field by field, as `str`s.
#[derive(Hash)]
struct BorrowedKey<'a> {
    source: &'a str,
    name: &'a str,
    interface: &'a str,
}

impl Equivalent<Key> for BorrowedKey<'_> {
    fn equivalent(&self, key: &Key) -> bool {
        self.source == &*key.source
            && self.name == &*key.name
            && self.interface == key.interface.as_str()
    }
}

/// Two links of one table have the same source, name and interface, so that a call could go
/// either way.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("two links from `{source_id}` to {interface} by the name `{name}`", source_id = .0.source(), interface = .0.interface(), name = .0.name())]
pub struct DuplicateLink(Link);

impl DuplicateLink {
    /// The link that was one too many.
    #[must_use]
    pub fn link(&self) -> &Link {
        &self.0
    }
}

type Links = HashMap<Key, Link>;

/// A table of links, shared by its clones: read without locks, replaced while calls run.
///
/// A call sees the table as it was when the call was authorized.
#[derive(Clone, Default)]
pub struct LinkTable(Arc<ArcSwap<Links>>);

impl LinkTable {
    /// A table of these links; an empty one denies every call.
    ///
    /// # Errors
    ///
    /// Two of them have the same source, name and interface.
    pub fn new(links: impl IntoIterator<Item = Link>) -> Result<Self, DuplicateLink> {
        Ok(Self(Arc::new(ArcSwap::from_pointee(unique(links)?))))
    }

    /// Puts these links in the place of all that the table has, at once.
    ///
    /// # Errors
    ///
    /// Two of them have the same source, name and interface. The table stays as it was.
    pub fn replace(&self, links: impl IntoIterator<Item = Link>) -> Result<(), DuplicateLink> {
        self.0.store(Arc::new(unique(links)?));
        Ok(())
    }

    /// Adds a link, in the place of one with the same source, name and interface.
    ///
    /// Copies the table: to change many links at once, [`replace`](Self::replace) them.
    pub fn insert(&self, link: &Link) {
        self.0.rcu(|links| {
            let mut links = Links::clone(links);
            links.insert(link.key.clone(), link.clone());
            links
        });
    }

    /// Removes the link with this source, name and interface. Says whether there was one.
    ///
    /// Copies the table, as [`insert`](Self::insert) does.
    #[must_use = "says whether there was such a link"]
    pub fn remove(&self, source: &str, name: &str, interface: &Interface) -> bool {
        let key = BorrowedKey {
            source,
            name,
            interface: interface.as_str(),
        };
        let before = self.0.rcu(|links| {
            let mut links = Links::clone(links);
            links.remove(&key);
            links
        });
        before.contains_key(&key)
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
        self.0.load().values().cloned().collect()
    }
}

/// Of links with the same source, name and interface, the last one stays, as with
/// [`insert`](LinkTable::insert). [`LinkTable::new`] refuses them.
impl FromIterator<Link> for LinkTable {
    fn from_iter<I: IntoIterator<Item = Link>>(links: I) -> Self {
        let links: Links = links
            .into_iter()
            .map(|link| (link.key.clone(), link))
            .collect();
        Self(Arc::new(ArcSwap::from_pointee(links)))
    }
}

fn unique(links: impl IntoIterator<Item = Link>) -> Result<Links, DuplicateLink> {
    let mut unique = Links::default();
    for link in links {
        if let Err(taken) = unique.try_insert(link.key.clone(), link) {
            return Err(DuplicateLink(taken.value));
        }
    }
    Ok(unique)
}

impl LinkPolicy for LinkTable {
    fn authorize(&self, request: &LinkRequest<'_>) -> Option<Target> {
        let key = BorrowedKey {
            source: request.source?,
            name: request.link_name,
            interface: request.interface,
        };
        let links = self.0.load();
        let link = links.get(&key)?;
        link.permits(request).then(|| link.target.clone())
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
