//! What a host says about a call beside its function and parameters.

use core::ops::{Deref, DerefMut};
use std::sync::Arc;

use tokio::time::Instant;

use crate::Target;
use crate::link::LinkNames;

/// What a host says about a call: `wrpc_transport::Invoke::invoke` has no room for it, so it
/// travels in the context.
///
/// The host makes the context, never the guest: a guest can't set its own
/// [`source`](Self::source). A context that knows nothing, [`Context::default`] or a plain header
/// map, is denied by an authorization layer that has no
/// [source of its own](crate::link::LinkAuthorizationLayer::source).
pub trait CallContext: Send + Sync {
    /// The context that the transport below takes.
    type Transport;

    /// The component that calls.
    fn source(&self) -> Option<&Arc<str>> {
        None
    }

    /// The name of the link to use, where a component has several for one interface.
    fn link_name(&self) -> Option<&Arc<str>> {
        None
    }

    /// The name of the link to use for `interface`, which is without its version and empty for the
    /// root of a world: [`link_name`](Self::link_name), unless the context knows better.
    fn link_name_of(&self, interface: &str) -> Option<&Arc<str>> {
        let _ = interface;
        self.link_name()
    }

    /// The target that the host has chosen. An authorization layer still has to permit it.
    fn target(&self) -> Option<&Target> {
        None
    }

    /// When the call has to be over.
    fn deadline(&self) -> Option<Instant> {
        None
    }

    /// The part that the transport sends.
    fn into_transport(self) -> Self::Transport;
}

/// For transports that take no context.
impl CallContext for () {
    type Transport = ();

    fn into_transport(self) {}
}

/// Message headers as `wrpc_transport_nats` takes them. They travel to the target and say nothing
/// about the caller.
#[cfg(feature = "nats")]
impl CallContext for Option<async_nats::HeaderMap> {
    type Transport = Self;

    fn into_transport(self) -> Self {
        self
    }
}

/// A [`CallContext`] around the context `C` of a transport.
///
/// ```
/// use wrpc_middleware_transport::{CallContext, Context, Target};
///
/// let cx = Context::new(())
///     .with_source("client")
///     .with_target(Target::new("greeter")?);
/// assert_eq!(cx.source().map(AsRef::as_ref), Some("client"));
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Context<C> {
    transport: C,
    source: Option<Arc<str>>,
    link_name: Option<Arc<str>>,
    link_names: LinkNames,
    target: Option<Target>,
    deadline: Option<Instant>,
}

impl<C> Context<C> {
    /// A context that says nothing beyond `transport`.
    #[must_use]
    pub const fn new(transport: C) -> Self {
        Self {
            transport,
            source: None,
            link_name: None,
            link_names: LinkNames::new(),
            target: None,
            deadline: None,
        }
    }

    /// The same, called by the component `source`.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Arc<str>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// The same, over the link called `name`.
    #[must_use]
    pub fn with_link_name(mut self, name: impl Into<Arc<str>>) -> Self {
        self.link_name = Some(name.into());
        self
    }

    /// The same, over the links of these names where they name the called interface, and else over
    /// [the one](Self::with_link_name) for all interfaces.
    #[must_use]
    pub fn with_link_names(mut self, names: LinkNames) -> Self {
        self.link_names = names;
        self
    }

    /// The same, to `target`.
    #[must_use]
    pub fn with_target(mut self, target: Target) -> Self {
        self.target = Some(target);
        self
    }

    /// The same, to be over at `deadline`.
    #[must_use]
    pub fn with_deadline(mut self, deadline: Instant) -> Self {
        self.deadline = Some(deadline);
        self
    }
}

impl<C> Deref for Context<C> {
    type Target = C;

    fn deref(&self) -> &C {
        &self.transport
    }
}

impl<C> DerefMut for Context<C> {
    fn deref_mut(&mut self) -> &mut C {
        &mut self.transport
    }
}

impl<C: Send + Sync> CallContext for Context<C> {
    type Transport = C;

    fn source(&self) -> Option<&Arc<str>> {
        self.source.as_ref()
    }

    fn link_name(&self) -> Option<&Arc<str>> {
        self.link_name.as_ref()
    }

    fn link_name_of(&self, interface: &str) -> Option<&Arc<str>> {
        self.link_names.get(interface).or(self.link_name.as_ref())
    }

    fn target(&self) -> Option<&Target> {
        self.target.as_ref()
    }

    fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    fn into_transport(self) -> C {
        self.transport
    }
}
