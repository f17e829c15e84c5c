//! Who decides.

use core::fmt;

use super::{DEFAULT_LINK_NAME, Interface};
use crate::Target;
use crate::function::Function;

/// What a policy decides upon.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct LinkRequest<'a> {
    /// The component that calls, as the host states it.
    pub source: Option<&'a str>,
    /// The name of the link to use.
    pub link_name: &'a str,
    /// The called interface without its version; empty for the root of a world.
    pub interface: &'a str,
    /// The called instance as it goes over the wire, with its version.
    pub instance: &'a str,
    /// The called function.
    pub func: &'a str,
    /// The target that the host has chosen for this call, if it has.
    pub target: Option<&'a Target>,
}

impl<'a> LinkRequest<'a> {
    /// A call of `func` of `instance` by the component `source`, by the link name
    /// [`DEFAULT_LINK_NAME`] and to whatever target a link has for it.
    ///
    /// For asking a policy without making a call.
    #[must_use]
    pub fn new(source: Option<&'a str>, instance: &'a str, func: &'a str) -> Self {
        Self {
            source,
            link_name: DEFAULT_LINK_NAME,
            interface: Interface::of_instance(instance),
            instance,
            func,
            target: None,
        }
    }
}

impl fmt::Display for LinkRequest<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let function = Function::new(self.instance, self.func);
        match self.source {
            Some(source) => write!(f, "`{source}`")?,
            None => f.write_str("a caller without an identity")?,
        }
        write!(f, " to {function} by the link name `{}`", self.link_name)
    }
}

/// Decides which calls may leave, and where they go.
///
/// It is asked once per call, on the task of the caller, so it must not block. Every
/// `Fn(&LinkRequest<'_>) -> Option<Target>` is a policy.
pub trait LinkPolicy: Send + Sync {
    /// The target of the link that permits the call, or `None` to deny it.
    fn authorize(&self, request: &LinkRequest<'_>) -> Option<Target>;
}

impl<F> LinkPolicy for F
where
    F: Fn(&LinkRequest<'_>) -> Option<Target> + Send + Sync,
{
    fn authorize(&self, request: &LinkRequest<'_>) -> Option<Target> {
        self(request)
    }
}
