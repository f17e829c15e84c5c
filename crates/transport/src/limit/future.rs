//! The response of a call that has a permit.

use core::fmt;
use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll, ready};
use std::sync::Arc;

use pin_project::pin_project;
use tokio::sync::OwnedSemaphorePermit;
use wrpc_middleware_errors::RpcError;

use super::Permitted;
use crate::Channels;

/// Resolves when the inner service does. Dropping it gives the permit back.
#[pin_project]
pub struct ResponseFuture<F> {
    #[pin]
    inner: Option<F>,
    permit: Option<OwnedSemaphorePermit>,
    refusal: Option<RpcError>,
}

impl<F> ResponseFuture<F> {
    pub(super) const fn permitted(inner: F, permit: OwnedSemaphorePermit) -> Self {
        Self {
            inner: Some(inner),
            permit: Some(permit),
            refusal: None,
        }
    }

    pub(super) const fn refused(refusal: RpcError) -> Self {
        Self {
            inner: None,
            permit: None,
            refusal: Some(refusal),
        }
    }
}

impl<F, O, I> Future for ResponseFuture<F>
where
    F: Future<Output = Result<Channels<O, I>, RpcError>>,
{
    type Output = Result<Channels<Permitted<O>, Permitted<I>>, RpcError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        if let Some(refusal) = this.refusal.take() {
            return Poll::Ready(Err(refusal));
        }
        let Some(inner) = this.inner.as_pin_mut() else {
            return Poll::Pending;
        };
        let channels = ready!(inner.poll(cx));
        let permit = Arc::new(this.permit.take());
        Poll::Ready(channels.map(|channels| {
            channels.map(
                |outgoing| Permitted::new(outgoing, Arc::clone(&permit)),
                |incoming| Permitted::new(incoming, Arc::clone(&permit)),
            )
        }))
    }
}

impl<F> fmt::Debug for ResponseFuture<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ResponseFuture")
    }
}
