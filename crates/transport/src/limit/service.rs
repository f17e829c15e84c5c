//! The service that limits running calls.

use core::fmt;
use core::task::{Context, Poll, ready};
use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::PollSemaphore;
use tower::Service;
use wrpc_middleware_errors::{Delivery, RpcError, RpcErrorKind};

use super::{Permitted, ResponseFuture};
use crate::{Channels, Invocation};

/// Passes on to `S` as many calls at a time as there are permits.
pub struct ConcurrencyLimit<S> {
    inner: S,
    permits: PollSemaphore,
    permit: Option<OwnedSemaphorePermit>,
}

impl<S> ConcurrencyLimit<S> {
    pub(super) fn new(inner: S, permits: Arc<Semaphore>) -> Self {
        Self {
            inner,
            permits: PollSemaphore::new(permits),
            permit: None,
        }
    }
}

/// The clone has to wait for a permit of its own.
impl<S: Clone> Clone for ConcurrencyLimit<S> {
    fn clone(&self) -> Self {
        Self {
            inner: self.inner.clone(),
            permits: self.permits.clone(),
            permit: None,
        }
    }
}

impl<S: fmt::Debug> fmt::Debug for ConcurrencyLimit<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConcurrencyLimit")
            .field("inner", &self.inner)
            .field("available", &self.permits.available_permits())
            .finish_non_exhaustive()
    }
}

impl<S, C, O, I> Service<Invocation<C>> for ConcurrencyLimit<S>
where
    S: Service<Invocation<C>, Response = Channels<O, I>, Error = RpcError>,
{
    type Response = Channels<Permitted<O>, Permitted<I>>;
    type Error = RpcError;
    type Future = ResponseFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), RpcError>> {
        if self.permit.is_none() {
            self.permit = ready!(self.permits.poll_acquire(cx));
            if self.permit.is_none() {
                return Poll::Ready(Err(unready("the limit of running calls is closed")));
            }
        }
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, invocation: Invocation<C>) -> Self::Future {
        match self.permit.take() {
            Some(permit) => ResponseFuture::permitted(self.inner.call(invocation), permit),
            None => ResponseFuture::refused(unready(
                "the call was made before the service was ready for it",
            )),
        }
    }
}

fn unready(message: &'static str) -> RpcError {
    RpcError::new(RpcErrorKind::Overloaded, Delivery::NotSent, message)
}
