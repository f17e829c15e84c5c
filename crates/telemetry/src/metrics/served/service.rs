//! The service that measures served calls.

use core::task::{Context, Poll};

use tower::Service;
use wrpc_middleware_errors::RpcError;
use wrpc_middleware_nats::serve::Request;

use super::{ServerCall, ServerMetrics};
use crate::call::ServedFuture;

/// Passes served calls on to `S` and measures them.
#[derive(Clone, Debug)]
pub struct ServeMetrics<S> {
    inner: S,
    metrics: ServerMetrics,
}

impl<S> ServeMetrics<S> {
    pub(super) const fn new(inner: S, metrics: ServerMetrics) -> Self {
        Self { inner, metrics }
    }
}

impl<S> Service<Request> for ServeMetrics<S>
where
    S: Service<Request, Response = (), Error = RpcError>,
{
    type Response = ();
    type Error = RpcError;
    type Future = ServedFuture<S::Future, ServerCall>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), RpcError>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let function = self.metrics.function(request.instance(), request.func());
        let call = self.metrics.begin(function);
        ServedFuture::new(self.inner.call(request), call)
    }
}
