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
use crate::{Channels, Invocation, Progress};

/// Awaits the readiness of the inner service and resolves when its call does, or with a timeout at
/// the deadline. Dropping it gives the call up.
#[pin_project]
pub struct ResponseFuture<S: Service<Invocation<C>>, C> {
    #[pin]
    state: State<S, S::Future, C>,
    /// Missing until the inner service is first found pending. Boxed: it is larger than all else in
    /// here, and every layer above moves it.
    sleep: Option<Pin<Box<Sleep>>>,
    progress: Progress,
    deadline: Instant,
    stream_idle: Option<Duration>,
}

#[pin_project(project = StateProjection)]
enum State<S, F, C> {
    /// The invocation is taken once the service is ready for it.
    Waiting(S, Option<Invocation<C>>),
    Calling(#[pin] F),
}

impl<S: Service<Invocation<C>>, C> ResponseFuture<S, C> {
    pub(super) fn new(
        inner: S,
        invocation: Invocation<C>,
        deadline: Instant,
        stream_idle: Option<Duration>,
    ) -> Self {
        Self {
            progress: invocation.progress().clone(),
            state: State::Waiting(inner, Some(invocation)),
            sleep: None,
            deadline,
            stream_idle,
        }
    }
}

impl<S, C, O, I> ResponseFuture<S, C>
where
    S: Service<Invocation<C>, Response = Channels<O, I>, Error = RpcError>,
{
    /// The outcome of the inner call, and what is known to have become of it so far.
    fn poll_inner(
        mut state: Pin<&mut State<S, S::Future, C>>,
        progress: &Progress,
        cx: &mut Context<'_>,
    ) -> (Poll<Result<S::Response, RpcError>>, Delivery) {
        loop {
            match state.as_mut().project() {
                StateProjection::Calling(call) => {
                    return (call.poll(cx), progress.delivery());
                }
                StateProjection::Waiting(inner, invocation) => match inner.poll_ready(cx) {
                    Poll::Ready(Ok(())) => {
                        let Some(invocation) = invocation.take() else {
                            return (Poll::Pending, Delivery::Unknown);
                        };
                        let call = inner.call(invocation);
                        state.set(State::Calling(call));
                    }
                    Poll::Ready(Err(error)) => {
                        return (Poll::Ready(Err(error)), Delivery::NotSent);
                    }
                    Poll::Pending => return (Poll::Pending, Delivery::NotSent),
                },
            }
        }
    }
}

impl<S, C, O, I> Future for ResponseFuture<S, C>
where
    S: Service<Invocation<C>, Response = Channels<O, I>, Error = RpcError>,
{
    type Output = Result<Channels<Deadline<O>, Deadline<I>>, RpcError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        if matches!(*this.state, State::Waiting(..)) && Instant::now() >= *this.deadline {
            return Poll::Ready(Err(timed_out(this.progress, Delivery::NotSent)));
        }
        let (outcome, delivery) = Self::poll_inner(this.state, this.progress, cx);
        if let Poll::Ready(result) = outcome {
            let (deadline, idle) = (*this.deadline, *this.stream_idle);
            // The results are what a call mostly waits for: they go on with the timer that runs.
            let timer = this.sleep.take();
            return Poll::Ready(result.map(|channels| {
                let progress = channels.progress.clone();
                channels.map(
                    |outgoing| Deadline::new(outgoing, progress.clone(), deadline, idle),
                    |incoming| {
                        Deadline::new(incoming, progress.clone(), deadline, idle).with_timer(timer)
                    },
                )
            }));
        }
        let deadline = *this.deadline;
        let sleep = this
            .sleep
            .get_or_insert_with(|| Box::pin(sleep_until(deadline)));
        ready!(sleep.as_mut().poll(cx));
        Poll::Ready(Err(timed_out(this.progress, delivery)))
    }
}

impl<S: Service<Invocation<C>>, C> fmt::Debug for ResponseFuture<S, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture")
            .field("progress", &self.progress)
            .field("deadline", &self.deadline)
            .finish_non_exhaustive()
    }
}
