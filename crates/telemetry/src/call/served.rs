//! The response of a service that serves calls, watched.

use core::fmt;
use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll, ready};

use pin_project::{pin_project, pinned_drop};
use wrpc_middleware_errors::{Delivery, RpcError};

use super::Observer;
use crate::Outcome;

/// Resolves when the inner service does. Dropped before, the call was cancelled.
#[pin_project(PinnedDrop)]
pub struct ServedFuture<F, E: Observer> {
    #[pin]
    inner: F,
    /// None once the call has ended.
    observer: Option<E>,
}

impl<F, E: Observer> ServedFuture<F, E> {
    pub(crate) const fn new(inner: F, observer: E) -> Self {
        Self {
            inner,
            observer: Some(observer),
        }
    }
}

impl<F, E> Future for ServedFuture<F, E>
where
    F: Future<Output = Result<(), RpcError>>,
    E: Observer,
{
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let inner = this.inner;
        let Some(observer) = this.observer.as_ref() else {
            return Poll::Pending;
        };
        let result = ready!(observer.within(|| inner.poll(cx)));
        if let Some(mut observer) = this.observer.take() {
            observer.ended(match &result {
                Ok(()) => Outcome::Ok,
                Err(error) => crate::served::outcome(error),
            });
        }
        Poll::Ready(result)
    }
}

#[pinned_drop]
impl<F, E: Observer> PinnedDrop for ServedFuture<F, E> {
    fn drop(self: Pin<&mut Self>) {
        if let Some(observer) = self.project().observer {
            observer.ended(Outcome::Cancelled(Delivery::Unknown));
        }
    }
}

impl<F, E: Observer> fmt::Debug for ServedFuture<F, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ServedFuture")
    }
}
