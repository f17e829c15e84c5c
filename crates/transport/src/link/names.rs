//! Which link a component's calls go by, interface by interface.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Interface;

/// The names of the links that calls of single interfaces go by, for a component that has several
/// targets of one interface. What is not named goes by the link of the
/// [context](crate::CallContext::link_name).
///
/// Cheap to clone: a clone shares the names until one of them is changed.
///
/// ```
/// use wrpc_middleware_transport::{CallContext as _, Context};
/// use wrpc_middleware_transport::link::LinkNames;
///
/// let mut names = LinkNames::new();
/// names.set("wasi:keyvalue/store".parse()?, "cache");
/// let cx = Context::new(()).with_link_names(names);
/// assert_eq!(cx.link_name_of("wasi:keyvalue/store").map(AsRef::as_ref), Some("cache"));
/// assert_eq!(cx.link_name_of("test:app/greeter"), None);
/// # Ok::<_, wrpc_middleware_transport::link::InvalidInterface>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LinkNames(Option<Arc<Names>>);

type Names = BTreeMap<Arc<str>, Arc<str>>;

impl LinkNames {
    /// No names.
    #[must_use]
    pub const fn new() -> Self {
        Self(None)
    }

    /// Makes calls of `interface` go by the link `name` from now on.
    pub fn set(&mut self, interface: Interface, name: impl Into<Arc<str>>) {
        let names = self.0.get_or_insert_default();
        Arc::make_mut(names).insert(interface.0, name.into());
    }

    /// The name for an interface without its version; empty for the root of a world.
    #[inline]
    #[must_use]
    pub fn get(&self, interface: &str) -> Option<&Arc<str>> {
        self.0.as_ref()?.get(interface)
    }

    /// How many interfaces have a name.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.as_ref().map_or(0, |names| names.len())
    }

    /// Whether no interface has one.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clone_keeps_its_names() {
        let mut names = LinkNames::new();
        names.set("a:b/c@1.0.0".parse().unwrap(), "cache");
        let before = names.clone();
        names.set("a:b/c".parse().unwrap(), "default");
        names.set("$root".parse().unwrap(), "other");
        assert_eq!(before.get("a:b/c").map(AsRef::as_ref), Some("cache"));
        assert_eq!(names.get("a:b/c").map(AsRef::as_ref), Some("default"));
        assert_eq!(names.get("").map(AsRef::as_ref), Some("other"));
        assert_eq!((before.len(), names.len()), (1, 2));
        assert_eq!(names.get("a:b/d"), None);
    }
}
