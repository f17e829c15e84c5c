//! The response of a call whose error is mapped.

use core::fmt;
use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll};

use pin_project::pin_project;
use tower::BoxError;
use wrpc_middleware_errors::RpcError;
use wrpc_middleware_transport::foreign::rpc_error;

use crate::serve::Responder;

/// Resolves when the inner service does. Dropping it drops the inner call.
#[pin_project]
pub struct ResponseFuture<F> {
    #[pin]
    inner: F,
    responder: Responder,
}

impl<F> ResponseFuture<F> {
    pub(super) const fn new(inner: F, responder: Responder) -> Self {
        Self { inner, responder }
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
            // A middleware that fails a call may have left it in a queue.
            this.responder.revoke(|delivery| {
                let make = |kind, delivery, reason| this.responder.error(kind, delivery, reason);
                rpc_error(error.into(), delivery, make)
            })
        })
    }
}

impl<F> fmt::Debug for ResponseFuture<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture")
            .field("responder", &self.responder)
            .finish_non_exhaustive()
    }
}
