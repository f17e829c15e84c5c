//! The service that traces calls.

use core::task::{Context, Poll};

use tower::Service;
use wrpc_middleware_errors::RpcError;
use wrpc_middleware_transport::{Channels, Invocation};

use super::CallSpan;
use crate::call::{Observed, Observer as _, ResponseFuture};
use crate::trace::{HeadersMut, Side, TraceContext};

/// Passes calls on to `S` within spans.
#[derive(Clone, Debug)]
pub struct Trace<S> {
    inner: S,
}

impl<S> Trace<S> {
    pub(super) const fn new(inner: S) -> Self {
        Self { inner }
    }
}

impl<S, C, O, I> Service<Invocation<C>> for Trace<S>
where
    S: Service<Invocation<C>, Response = Channels<O, I>, Error = RpcError>,
    C: HeadersMut,
{
    type Response = Channels<Observed<O, CallSpan>, Observed<I, CallSpan>>;
    type Error = RpcError;
    type Future = ResponseFuture<S::Future, CallSpan>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), RpcError>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut invocation: Invocation<C>) -> Self::Future {
        let progress = invocation.progress().clone();
        let parent = invocation.context.headers().and_then(TraceContext::read);
        let span = CallSpan::begin(
            Side::Client,
            invocation.instance(),
            invocation.func(),
            parent,
        );
        if let Some(trace) = span.trace() {
            trace.write(invocation.context.headers_mut().get_or_insert_default());
        }
        let inner = &mut self.inner;
        let call = span.within(|| inner.call(invocation));
        ResponseFuture::new(call, span, progress)
    }
}
