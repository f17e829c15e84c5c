//! What a table is made of.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::{DEFAULT_LINK_NAME, Interface};
use crate::Target;

/// The functions that a link is limited to.
pub(super) type Functions = BTreeSet<Box<str>>;

/// Permits one component to call one interface on one target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    pub(super) source: Arc<str>,
    pub(super) name: Arc<str>,
    pub(super) interface: Interface,
    pub(super) target: Target,
    pub(super) functions: Option<Arc<Functions>>,
}

impl Link {
    /// Permits the component `source` to call every function of `interface` on `target`, by the
    /// link name [`DEFAULT_LINK_NAME`].
    pub fn new(source: impl Into<Arc<str>>, target: Target, interface: Interface) -> Self {
        Self {
            source: source.into(),
            name: Arc::from(DEFAULT_LINK_NAME),
            interface,
            target,
            functions: None,
        }
    }

    /// The same link by another name, for a source that has several for one interface.
    #[must_use]
    pub fn with_name(mut self, name: impl Into<Arc<str>>) -> Self {
        self.name = name.into();
        self
    }

    /// The same link for these functions only.
    #[must_use]
    pub fn with_functions<F: Into<Box<str>>>(
        mut self,
        functions: impl IntoIterator<Item = F>,
    ) -> Self {
        self.functions = Some(Arc::new(functions.into_iter().map(Into::into).collect()));
        self
    }

    /// The component that may call.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.source
    }

    /// The name of the link.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The interface that may be called.
    #[must_use]
    pub fn interface(&self) -> &Interface {
        &self.interface
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
}

/// Two links of one table have the same source, name and interface, so that a call could go
/// either way.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("two links from `{source_id}` to {interface} by the name `{name}`", source_id = .0.source(), interface = .0.interface(), name = .0.name())]
pub struct DuplicateLink(pub(super) Link);

impl DuplicateLink {
    /// The link that was one too many.
    #[must_use]
    pub fn link(&self) -> &Link {
        &self.0
    }
}
