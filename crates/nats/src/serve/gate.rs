//! The response of a layer that lets calls through or refuses them.

use core::fmt;
use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll};

use pin_project::pin_project;
use tower::util::Oneshot;
use tower::{Service, ServiceExt as _};
use wrpc_middleware_errors::RpcError;

use super::Request;

/// Awaits the readiness of the inner service and what it makes of the call, or is a refusal.
#[pin_project]
pub struct ResponseFuture<S: Service<Request>>(#[pin] State<S>);

#[pin_project(project = StateProjection)]
enum State<S: Service<Request>> {
    Permitted(#[pin] Oneshot<S, Request>),
    Refused(Option<RpcError>),
}

impl<S: Service<Request>> ResponseFuture<S> {
    pub(super) fn permitted(inner: S, request: Request) -> Self {
        Self(State::Permitted(inner.oneshot(request)))
    }

    pub(super) fn refused(request: Request, error: RpcError) -> Self {
        request.give_up(error.clone());
        Self(State::Refused(Some(error)))
    }
}

impl<S> Future for ResponseFuture<S>
where
    S: Service<Request, Error = RpcError>,
{
    type Output = Result<S::Response, RpcError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project().0.project() {
            StateProjection::Permitted(inner) => inner.poll(cx),
            // Polled again after it resolved: waiting is the answer that runs nothing.
            StateProjection::Refused(error) => error
                .take()
                .map_or(Poll::Pending, |error| Poll::Ready(Err(error))),
        }
    }
}

impl<S: Service<Request>> fmt::Debug for ResponseFuture<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
}
