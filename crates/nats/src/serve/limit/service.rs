//! The service that limits running calls.

use core::task::{Context, Poll};
use std::sync::Arc;

use tokio::sync::Semaphore;
use tower::Service;
use wrpc_middleware_errors::{RpcError, RpcErrorKind};

use super::ResponseFuture;
use crate::serve::Request;
use crate::serve::request::TOO_MANY;

/// Passes on to `S` as many calls at a time as there are permits, and refuses the others.
#[derive(Clone, Debug)]
pub struct ConcurrencyLimit<S> {
    inner: S,
    permits: Arc<Semaphore>,
}

impl<S> ConcurrencyLimit<S> {
    pub(super) const fn new(inner: S, permits: Arc<Semaphore>) -> Self {
        Self { inner, permits }
    }
}

/// Always ready, since a call that is one too many has to wait for nothing. The readiness of the
/// inner service is awaited by the response future; a call that waits for it counts as running.
impl<S> Service<Request> for ConcurrencyLimit<S>
where
    S: Service<Request, Error = RpcError> + Clone,
{
    type Response = S::Response;
    type Error = RpcError;
    type Future = ResponseFuture<S>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), RpcError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, mut request: Request) -> Self::Future {
        if let Ok(permit) = Arc::clone(&self.permits).try_acquire_owned() {
            request.hold(permit);
            ResponseFuture::permitted(self.inner.clone(), request)
        } else {
            let error = request.error(RpcErrorKind::Overloaded, TOO_MANY);
            ResponseFuture::refused(request, error)
        }
    }
}
