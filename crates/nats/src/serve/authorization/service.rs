//! The service that authorizes callers.

use core::task::{Context, Poll};

use tower::Service;
use wrpc_middleware_errors::{Delivery, RpcError, RpcErrorKind};

use super::{CallerPolicy, CallerRequest, Denied, ResponseFuture};
use crate::serve::Request;

/// Passes on to `S` what the policy `P` permits.
#[derive(Clone, Debug)]
pub struct Authorization<S, P> {
    inner: S,
    policy: P,
}

impl<S, P> Authorization<S, P> {
    pub(super) const fn new(inner: S, policy: P) -> Self {
        Self { inner, policy }
    }
}

/// Always ready: a call that is denied has to wait for nothing, and must not take the place of one
/// that is permitted. The readiness of the inner service is awaited by the response future.
impl<S, P> Service<Request> for Authorization<S, P>
where
    S: Service<Request, Error = RpcError> + Clone,
    P: CallerPolicy,
{
    type Response = S::Response;
    type Error = RpcError;
    type Future = ResponseFuture<S>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), RpcError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request) -> Self::Future {
        if self.policy.authorize(&CallerRequest::of(&request)) {
            return ResponseFuture::permitted(self.inner.clone(), request);
        }
        let (caller, function) = request.who_calls_what();
        let denied = Denied { caller, function };
        let kind = RpcErrorKind::LinkDenied;
        let error = RpcError::from_detail(kind, Delivery::NotSent, denied);
        ResponseFuture::refused(request, error)
    }
}
