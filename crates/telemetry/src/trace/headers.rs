//! Where the headers of a call are.

use async_nats::HeaderMap;
use wrpc_middleware_nats::serve::ServeContext;
use wrpc_middleware_transport::Context;

use super::TraceContext;

/// A context with the headers that travel with its call.
pub trait Headers {
    /// The headers, if there are any.
    fn headers(&self) -> Option<&HeaderMap>;
}

/// The context of a call that is made.
pub trait HeadersMut: Headers {
    /// Where to put the headers.
    fn headers_mut(&mut self) -> &mut Option<HeaderMap>;
}

impl Headers for ServeContext {
    fn headers(&self) -> Option<&HeaderMap> {
        Self::headers(self)
    }
}

impl Headers for Option<HeaderMap> {
    fn headers(&self) -> Option<&HeaderMap> {
        self.as_ref()
    }
}

impl HeadersMut for Option<HeaderMap> {
    fn headers_mut(&mut self) -> &mut Option<HeaderMap> {
        self
    }
}

impl<C: Headers> Headers for Context<C> {
    fn headers(&self) -> Option<&HeaderMap> {
        (**self).headers()
    }
}

impl<C: HeadersMut> HeadersMut for Context<C> {
    fn headers_mut(&mut self) -> &mut Option<HeaderMap> {
        (**self).headers_mut()
    }
}

/// `context` for the calls that serving `call` takes: of its trace.
///
/// With [`ObservedServe`](crate::served::ObservedServe) there is
/// [`ServedCall::nested`](crate::served::ServedCall::nested), whose trace has the span of the served
/// call in between.
///
/// ```
/// use wrpc_middleware_nats::{CallContext, serve::ServeContext};
/// use wrpc_middleware_telemetry::trace::nested;
///
/// fn context_of(call: &ServeContext, mine: CallContext) -> CallContext {
///     nested(call, call.nested(mine))
/// }
/// ```
#[must_use]
pub fn nested<C: HeadersMut>(call: &impl Headers, context: C) -> C {
    match call.headers().and_then(TraceContext::read) {
        Some(trace) => with(context, &trace),
        None => context,
    }
}

/// `context` with headers of `trace`.
pub(crate) fn with<C: HeadersMut>(mut context: C, trace: &TraceContext) -> C {
    trace.write(context.headers_mut().get_or_insert_default());
    context
}
