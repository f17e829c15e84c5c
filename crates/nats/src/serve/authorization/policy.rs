//! Who decides.

use core::fmt;

use async_nats::HeaderMap;
use wrpc_middleware_transport::link::LinkRequest;

use crate::serve::Request;

/// What a policy decides upon.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct CallerRequest<'a> {
    /// The component that calls, if its inbox names one. See the [module](super) for how far to
    /// trust it.
    pub caller: Option<&'a str>,
    /// The called interface without its version; empty for the root of a world.
    pub interface: &'a str,
    /// The called instance as it goes over the wire, with its version.
    pub instance: &'a str,
    /// The called function.
    pub func: &'a str,
    /// The headers of the call.
    pub headers: Option<&'a HeaderMap>,
}

impl<'a> CallerRequest<'a> {
    /// A call of `func` of `instance` by the component `caller`, without headers.
    ///
    /// For asking a policy without a call.
    #[must_use]
    pub fn new(caller: Option<&'a str>, instance: &'a str, func: &'a str) -> Self {
        Self {
            caller,
            interface: LinkRequest::new(caller, instance, func).interface,
            instance,
            func,
            headers: None,
        }
    }

    pub(super) fn of(request: &'a Request) -> Self {
        let context = request.context();
        Self {
            headers: context.headers(),
            ..Self::new(context.caller(), request.instance(), request.func())
        }
    }

    /// The same as it is asked of a [`LinkPolicy`](wrpc_middleware_transport::link::LinkPolicy),
    /// by the default link name: the name of the link that the caller uses does not travel.
    #[must_use]
    pub fn link(&self) -> LinkRequest<'a> {
        LinkRequest::new(self.caller, self.instance, self.func)
    }
}

impl fmt::Display for CallerRequest<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.caller {
            Some(caller) => write!(f, "`{}`", caller.escape_debug())?,
            None => f.write_str("a caller without an identity")?,
        }
        match self.instance {
            "" => write!(f, " to {}", self.func),
            instance => write!(f, " to {instance}#{}", self.func),
        }
    }
}

/// Decides which calls may be served.
///
/// It is asked once per call, on the task that serves it, so it must not block. Every
/// `Fn(&CallerRequest<'_>) -> bool` is a policy.
pub trait CallerPolicy: Send + Sync {
    /// Whether the call may be served.
    fn authorize(&self, request: &CallerRequest<'_>) -> bool;
}

impl<F> CallerPolicy for F
where
    F: Fn(&CallerRequest<'_>) -> bool + Send + Sync,
{
    fn authorize(&self, request: &CallerRequest<'_>) -> bool {
        self(request)
    }
}
