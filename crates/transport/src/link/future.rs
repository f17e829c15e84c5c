//! The response of an authorized call.

use core::fmt;
use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll};

use pin_project::pin_project;
use tower::Service;

use crate::Invocation;
use crate::call::Call;

/// The inner call, or its denial.
#[pin_project]
pub struct ResponseFuture<S: Service<Invocation<C>>, C>(#[pin] Call<S, Invocation<C>>);

impl<S: Service<Invocation<C>>, C> ResponseFuture<S, C> {
    pub(super) const fn permitted(call: Call<S, Invocation<C>>) -> Self {
        Self(call)
    }

    pub(super) const fn denied(error: S::Error) -> Self {
        Self(Call::failed(error))
    }
}

impl<S: Service<Invocation<C>>, C> Future for ResponseFuture<S, C> {
    type Output = Result<S::Response, S::Error>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.project().0.poll(cx)
    }
}

impl<S: Service<Invocation<C>>, C> fmt::Debug for ResponseFuture<S, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ResponseFuture")
    }
}
