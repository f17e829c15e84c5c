//! The response of a call with a deadline.

use core::fmt;
use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll, ready};
use core::time::Duration;

use pin_project::pin_project;
use tokio::time::{Instant, Sleep, sleep_until};
use tower::Service;
use wrpc_middleware_errors::{Delivery, RpcError};

use super::{Deadline, timed_out};
use crate::call::Call;
use crate::{Channels, Invocation, Progress};

/// Awaits the readiness of the inner service and resolves when its call does, or with a timeout at
/// the deadline. Dropping it gives the call up.
#[pin_project]
pub struct ResponseFuture<S: Service<Invocation<C>>, C> {
    #[pin]
    call: Call<S, Invocation<C>>,
    /// Missing until the inner service is first found pending. Boxed, as a stream goes on with it,
    /// which can be moved.
    sleep: Option<Pin<Box<Sleep>>>,
    /// Taken once the call is resolved.
    progress: Option<Progress>,
    deadline: Instant,
    stream_idle: Option<Duration>,
    /// Whether the inner service has been called, and the call polled: before, most services send
    /// nothing, and it is not too late to let them.
    is_started: bool,
}

impl<S: Service<Invocation<C>>, C> ResponseFuture<S, C> {
    pub(super) const fn new(
        call: Call<S, Invocation<C>>,
        progress: Progress,
        deadline: Instant,
        stream_idle: Option<Duration>,
    ) -> Self {
        Self {
            call,
            sleep: None,
            progress: Some(progress),
            deadline,
            stream_idle,
            is_started: false,
        }
    }
}

impl<S, C, O, I> Future for ResponseFuture<S, C>
where
    S: Service<Invocation<C>, Response = Channels<O, I>, Error = RpcError>,
{
    type Output = Result<Channels<Deadline<O>, Deadline<I>>, RpcError>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        let deadline = *this.deadline;
        if !*this.is_started && Instant::now() >= deadline {
            return resolve_late(&this.call, this.progress);
        }
        let called = this.call.as_mut().poll(cx);
        *this.is_started = this.call.is_calling();
        if let Poll::Ready(called) = called {
            let idle = *this.stream_idle;
            // The results are what a call mostly waits for: they go on with the timer that runs.
            let timer = this.sleep.take();
            let Some(progress) = this.progress.take() else {
                return Poll::Pending;
            };
            return Poll::Ready(called.map(|channels| {
                let for_outgoing = progress.clone();
                channels.map(
                    |outgoing| Deadline::new(outgoing, for_outgoing, deadline, idle, None),
                    |incoming| Deadline::new(incoming, progress, deadline, idle, timer),
                )
            }));
        }
        let sleep = this
            .sleep
            .get_or_insert_with(|| Box::pin(sleep_until(deadline)));
        ready!(sleep.as_mut().poll(cx));
        resolve_late(&this.call, this.progress)
    }
}

/// Resolves a call that is late.
fn resolve_late<S: Service<R>, R, T>(
    call: &Call<S, R>,
    progress: &mut Option<Progress>,
) -> Poll<Result<T, RpcError>> {
    let Some(progress) = progress.take() else {
        return Poll::Pending;
    };
    // One that is made may have been sent at once.
    let delivery = if call.is_calling() {
        progress.delivery()
    } else {
        Delivery::NotSent
    };
    Poll::Ready(Err(timed_out(&progress, delivery)))
}

impl<S: Service<Invocation<C>>, C> fmt::Debug for ResponseFuture<S, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture")
            .field("progress", &self.progress)
            .field("deadline", &self.deadline)
            .finish_non_exhaustive()
    }
}
