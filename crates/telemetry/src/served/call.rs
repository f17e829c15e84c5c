//! A served call that runs.

use core::fmt;
use core::ops::Deref;
use std::sync::Arc;

use tracing::{Instrument as _, Span};
use wrpc_middleware_errors::RpcError;
use wrpc_middleware_nats::CallContext;
use wrpc_middleware_nats::serve::ServeContext;

use super::ServedObserver;
use crate::call::Flow;
use crate::trace::{HeadersMut, TraceContext, with};

/// What is known about a call that is served: the context `C` of its transport, and its trace.
///
/// The call counts as running as long as this or a stream of it is held.
pub struct ServedCall<C = ServeContext> {
    context: C,
    flow: Arc<Flow<ServedObserver>>,
}

impl<C> ServedCall<C> {
    pub(super) const fn new(context: C, flow: Arc<Flow<ServedObserver>>) -> Self {
        Self { context, flow }
    }

    /// The span of the call, disabled if nobody is interested in it.
    #[must_use]
    pub fn span(&self) -> &Span {
        self.flow.observer().1.span()
    }

    /// What calls are of that serving this one takes.
    #[must_use]
    pub fn trace(&self) -> Option<&TraceContext> {
        self.flow.observer().1.trace()
    }

    /// `context` of the trace of this call.
    #[must_use]
    pub fn traced<D: HeadersMut>(&self, context: D) -> D {
        match self.trace() {
            Some(trace) => with(context, trace),
            None => context,
        }
    }
}

impl ServedCall {
    /// `context` with the deadline and the trace of this call, for the calls that serving it takes.
    #[must_use]
    pub fn nested(&self, context: CallContext) -> CallContext {
        self.traced(self.context.nested(context))
    }

    /// Runs `work` within the span, as long as the call is wanted: see [`ServeContext::run`].
    ///
    /// # Errors
    ///
    /// Why it is no longer wanted. `work` is dropped then.
    pub async fn run<F: Future>(&self, work: F) -> Result<F::Output, RpcError> {
        let run = self.context.run(work.instrument(self.span().clone()));
        let ran = run.await;
        if let Err(error) = &ran {
            self.flow.given_up(error);
        }
        ran
    }
}

impl<C> Deref for ServedCall<C> {
    type Target = C;

    fn deref(&self) -> &C {
        &self.context
    }
}

impl<C: fmt::Debug> fmt::Debug for ServedCall<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServedCall")
            .field("context", &self.context)
            .field("trace", &self.trace())
            .finish_non_exhaustive()
    }
}
