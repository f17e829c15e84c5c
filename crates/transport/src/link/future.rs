//! The response of an authorized call.

use core::fmt;
use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll};

use pin_project::pin_project;
use wrpc_middleware_errors::RpcError;

/// The inner call, or its denial.
#[pin_project]
pub struct ResponseFuture<F>(#[pin] State<F>);

#[pin_project(project = StateProjection)]
enum State<F> {
    Permitted(#[pin] F),
    Denied(Option<RpcError>),
}

impl<F> ResponseFuture<F> {
    pub(super) const fn permitted(inner: F) -> Self {
        Self(State::Permitted(inner))
    }

    pub(super) const fn denied(error: RpcError) -> Self {
        Self(State::Denied(Some(error)))
    }
}

impl<F, T> Future for ResponseFuture<F>
where
    F: Future<Output = Result<T, RpcError>>,
{
    type Output = Result<T, RpcError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project().0.project() {
            StateProjection::Permitted(inner) => inner.poll(cx),
            // Polled again after it resolved: that is the caller's mistake, and waiting is the
            // answer that sends nothing.
            StateProjection::Denied(error) => error
                .take()
                .map_or(Poll::Pending, |error| Poll::Ready(Err(error))),
        }
    }
}

impl<F> fmt::Debug for ResponseFuture<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ResponseFuture")
    }
}
