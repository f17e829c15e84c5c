//! The service that measures calls.

use core::task::{Context, Poll};

use tower::Service;
use wrpc_middleware_errors::RpcError;
use wrpc_middleware_transport::{Channels, Invocation};

use super::{ClientCall, ClientMetrics};
use crate::call::{Observed, ResponseFuture};

/// Passes calls on to `S` and measures them.
#[derive(Clone, Debug)]
pub struct Metrics<S> {
    inner: S,
    metrics: ClientMetrics,
}

impl<S> Metrics<S> {
    pub(super) const fn new(inner: S, metrics: ClientMetrics) -> Self {
        Self { inner, metrics }
    }
}

impl<S, C, O, I> Service<Invocation<C>> for Metrics<S>
where
    S: Service<Invocation<C>, Response = Channels<O, I>, Error = RpcError>,
{
    type Response = Channels<Observed<O, ClientCall>, Observed<I, ClientCall>>;
    type Error = RpcError;
    type Future = ResponseFuture<S::Future, ClientCall>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), RpcError>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, invocation: Invocation<C>) -> Self::Future {
        let progress = invocation.progress().clone();
        let call = self.metrics.begin(
            invocation.instance(),
            invocation.func(),
            invocation.target.as_ref(),
            &progress,
        );
        ResponseFuture::new(self.inner.call(invocation), call, progress)
    }
}
