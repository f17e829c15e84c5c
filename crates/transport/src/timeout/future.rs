//! The response of a call with a deadline.

use core::fmt;
use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll};
use core::time::Duration;

use pin_project::pin_project;
use tokio::time::{Instant, Sleep, sleep_until};
use wrpc_middleware_errors::{Delivery, RpcError};

use super::{Deadline, timed_out};
use crate::{Channels, Progress};

/// Resolves when the inner service does, or with a timeout at the deadline. Dropping it drops the
/// inner call.
#[pin_project]
pub struct ResponseFuture<F> {
    /// Missing where the deadline had passed before the call.
    #[pin]
    inner: Option<F>,
    /// Missing until the inner service is first found pending.
    #[pin]
    sleep: Option<Sleep>,
    progress: Progress,
    deadline: Instant,
    stream_idle: Option<Duration>,
}

impl<F> ResponseFuture<F> {
    pub(super) const fn new(
        inner: F,
        progress: Progress,
        deadline: Instant,
        stream_idle: Option<Duration>,
    ) -> Self {
        Self {
            inner: Some(inner),
            sleep: None,
            progress,
            deadline,
            stream_idle,
        }
    }

    pub(super) const fn expired(
        progress: Progress,
        deadline: Instant,
        stream_idle: Option<Duration>,
    ) -> Self {
        Self {
            inner: None,
            sleep: None,
            progress,
            deadline,
            stream_idle,
        }
    }
}

impl<F, O, I> Future for ResponseFuture<F>
where
    F: Future<Output = Result<Channels<O, I>, RpcError>>,
{
    type Output = Result<Channels<Deadline<O>, Deadline<I>>, RpcError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        let Some(inner) = this.inner.as_pin_mut() else {
            return Poll::Ready(Err(timed_out(this.progress.function(), Delivery::NotSent)));
        };
        if let Poll::Ready(result) = inner.poll(cx) {
            let (deadline, idle) = (*this.deadline, *this.stream_idle);
            return Poll::Ready(result.map(|channels| {
                let progress = channels.progress.clone();
                channels.map(
                    |outgoing| Deadline::new(outgoing, progress.clone(), deadline, idle),
                    |incoming| Deadline::new(incoming, progress.clone(), deadline, idle),
                )
            }));
        }
        if this.sleep.is_none() {
            this.sleep.set(Some(sleep_until(*this.deadline)));
        }
        let elapsed = this
            .sleep
            .as_pin_mut()
            .is_none_or(|sleep| sleep.poll(cx).is_ready());
        if elapsed {
            let delivery = this.progress.delivery();
            Poll::Ready(Err(timed_out(this.progress.function(), delivery)))
        } else {
            Poll::Pending
        }
    }
}

impl<F> fmt::Debug for ResponseFuture<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture")
            .field("progress", &self.progress)
            .field("deadline", &self.deadline)
            .finish_non_exhaustive()
    }
}
