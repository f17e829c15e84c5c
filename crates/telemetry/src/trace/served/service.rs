//! The service that traces served calls.

use core::task::{Context, Poll};

use tower::Service;
use wrpc_middleware_errors::RpcError;
use wrpc_middleware_nats::serve::Request;

use super::CallSpan;
use crate::call::{Observer as _, ServedFuture};
use crate::trace::{Side, TraceContext};

/// Passes served calls on to `S` within spans.
#[derive(Clone, Debug)]
pub struct ServeTrace<S> {
    inner: S,
}

impl<S> ServeTrace<S> {
    pub(super) const fn new(inner: S) -> Self {
        Self { inner }
    }
}

impl<S> Service<Request> for ServeTrace<S>
where
    S: Service<Request, Response = (), Error = RpcError>,
{
    type Response = ();
    type Error = RpcError;
    type Future = ServedFuture<S::Future, CallSpan>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), RpcError>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let parent = request.context().headers().and_then(TraceContext::read);
        let span = CallSpan::begin(Side::Server, request.instance(), request.func(), parent);
        let inner = &mut self.inner;
        let call = span.within(|| inner.call(request));
        ServedFuture::new(call, span)
    }
}
