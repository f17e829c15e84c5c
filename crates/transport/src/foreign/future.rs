//! The response of a call whose error is mapped.

use core::fmt;
use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll};

use pin_project::pin_project;
use tower::BoxError;
use wrpc_middleware_errors::RpcError;

use super::map::rpc_error;
use crate::Progress;

/// Resolves when the inner service does. Dropping it drops the inner call.
#[pin_project]
pub struct ResponseFuture<F> {
    #[pin]
    inner: F,
    progress: Progress,
}

impl<F> ResponseFuture<F> {
    pub(super) const fn new(inner: F, progress: Progress) -> Self {
        Self { inner, progress }
    }
}

impl<F, T, E> Future for ResponseFuture<F>
where
    F: Future<Output = Result<T, E>>,
    E: Into<BoxError>,
{
    type Output = Result<T, RpcError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        this.inner.poll(cx).map_err(|error| {
            let make = |kind, delivery, reason| this.progress.error(kind, delivery, reason);
            let error = rpc_error(error.into(), this.progress.delivery(), make);
            this.progress.for_all_attempts(error)
        })
    }
}

impl<F> fmt::Debug for ResponseFuture<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture")
            .field("progress", &self.progress)
            .finish_non_exhaustive()
    }
}
