//! The response of a call with a deadline.

use core::fmt;
use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll, ready};

use pin_project::pin_project;
use tokio::time::{Instant, Sleep, sleep_until};
use tower::util::Oneshot;
use tower::{Service, ServiceExt as _};
use wrpc_middleware_errors::{Delivery, RpcError, RpcErrorKind};

use crate::serve::responder::GivenUp;
use crate::serve::{Request, Responder};

/// Awaits the readiness of the inner service and what it makes of the call, until the deadline, or
/// until nobody waits for the call any more. Dropping it drops the inner call.
#[pin_project]
pub struct ResponseFuture<S: Service<Request>> {
    /// None once it has ended.
    #[pin]
    inner: Option<Oneshot<S, Request>>,
    responder: Responder,
    given_up: GivenUp,
    deadline: Option<Instant>,
    /// Missing until the inner service is first found pending.
    sleep: Option<Pin<Box<Sleep>>>,
}

impl<S: Service<Request>> ResponseFuture<S> {
    pub(super) fn new(inner: S, mut request: Request) -> Self {
        let responder = request.responder();
        Self {
            given_up: responder.given_up(),
            responder,
            deadline: request.context().deadline(),
            inner: Some(inner.oneshot(request)),
            sleep: None,
        }
    }
}

impl<S> Future for ResponseFuture<S>
where
    S: Service<Request, Error = RpcError>,
{
    type Output = Result<S::Response, RpcError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        let Some(inner) = this.inner.as_mut().as_pin_mut() else {
            return Poll::Pending;
        };
        let is_late = this.deadline.is_some_and(|at| Instant::now() >= at);
        // What was not taken in time is not even asked.
        let outcome = if is_late && !this.responder.is_accepted() {
            Err(expire(this.responder))
        } else if let Poll::Ready(outcome) = inner.poll(cx) {
            outcome
        } else if let Poll::Ready(error) = Pin::new(this.given_up).poll(cx) {
            Err(error)
        } else {
            let Some(deadline) = *this.deadline else {
                return Poll::Pending;
            };
            let sleep = this
                .sleep
                .get_or_insert_with(|| Box::pin(sleep_until(deadline)));
            ready!(sleep.as_mut().poll(cx));
            Err(expire(this.responder))
        };
        this.inner.set(None);
        Poll::Ready(outcome)
    }
}

/// Sees to it that the call goes no further, since its deadline has passed.
fn expire(responder: &Responder) -> RpcError {
    responder.revoke(|delivery| {
        let reason = match delivery {
            Delivery::Accepted => "the deadline passed before the call was over",
            _ => "the deadline passed before the call was taken",
        };
        responder.error(RpcErrorKind::Timeout, delivery, reason)
    })
}

impl<S: Service<Request>> fmt::Debug for ResponseFuture<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture")
            .field("responder", &self.responder)
            .field("deadline", &self.deadline)
            .finish_non_exhaustive()
    }
}
