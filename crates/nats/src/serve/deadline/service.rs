//! The service that gives calls a deadline.

use core::task::{Context, Poll};
use core::time::Duration;

use tower::Service;
use wrpc_middleware_errors::RpcError;

use super::{ResponseFuture, TimeoutPolicy};
use crate::serve::Request;

/// Gives every call of `S` a deadline.
#[derive(Clone, Debug)]
pub struct Deadline<S, P = Duration> {
    inner: S,
    policy: P,
}

impl<S, P> Deadline<S, P> {
    pub(super) const fn new(inner: S, policy: P) -> Self {
        Self { inner, policy }
    }
}

/// Always ready: how long the inner service may take to become ready depends on the call, so the
/// response future awaits it.
impl<S, P> Service<Request> for Deadline<S, P>
where
    S: Service<Request, Error = RpcError> + Clone,
    P: TimeoutPolicy,
{
    type Response = S::Response;
    type Error = RpcError;
    type Future = ResponseFuture<S>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), RpcError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, mut request: Request) -> Self::Future {
        let timeout = self.policy.timeout(request.instance(), request.func());
        request.context_mut().limit(timeout);
        ResponseFuture::new(self.inner.clone(), request)
    }
}
