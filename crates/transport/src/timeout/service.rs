//! The service that gives calls a deadline.

use core::fmt;
use core::future::Future as _;
use core::pin::Pin;
use core::task::{Context, Poll};
use core::time::Duration;

use tokio::time::{Instant, Sleep, sleep_until};
use tower::Service;
use wrpc_middleware_errors::{Delivery, RpcError, RpcErrorKind};

use super::{Deadline, ResponseFuture, TimeoutPolicy};
use crate::clock::after;
use crate::{Channels, Invocation};

/// Gives every call of `S` a deadline.
pub struct Timeout<S, P = Duration> {
    inner: S,
    policy: P,
    stream_idle: Option<Duration>,
    /// Since when the inner service has not been ready, and when that has been too long.
    waiting: Option<(Instant, Pin<Box<Sleep>>)>,
}

impl<S, P> Timeout<S, P> {
    pub(super) const fn new(inner: S, policy: P, stream_idle: Option<Duration>) -> Self {
        Self {
            inner,
            policy,
            stream_idle,
            waiting: None,
        }
    }
}

/// The clone waits for readiness anew.
impl<S: Clone, P: Clone> Clone for Timeout<S, P> {
    fn clone(&self) -> Self {
        Self::new(self.inner.clone(), self.policy.clone(), self.stream_idle)
    }
}

impl<S: fmt::Debug, P: fmt::Debug> fmt::Debug for Timeout<S, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Timeout")
            .field("inner", &self.inner)
            .field("policy", &self.policy)
            .field("stream_idle", &self.stream_idle)
            .finish_non_exhaustive()
    }
}

impl<S, P, C, O, I> Service<Invocation<C>> for Timeout<S, P>
where
    S: Service<Invocation<C>, Response = Channels<O, I>, Error = RpcError>,
    P: TimeoutPolicy,
{
    type Response = Channels<Deadline<O>, Deadline<I>>;
    type Error = RpcError;
    type Future = ResponseFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), RpcError>> {
        if let Poll::Ready(result) = self.inner.poll_ready(cx) {
            if result.is_err() {
                self.waiting = None;
            }
            return Poll::Ready(result);
        }
        let (_, sleep) = self.waiting.get_or_insert_with(|| {
            let now = Instant::now();
            (
                now,
                Box::pin(sleep_until(after(now, self.policy.longest()))),
            )
        });
        if sleep.as_mut().poll(cx).is_pending() {
            return Poll::Pending;
        }
        self.waiting = None;
        Poll::Ready(Err(RpcError::new(
            RpcErrorKind::Timeout,
            Delivery::NotSent,
            "the deadline passed before the call could be sent",
        )))
    }

    fn call(&mut self, mut invocation: Invocation<C>) -> Self::Future {
        let now = Instant::now();
        let started = self.waiting.take().map_or(now, |(since, _)| since);
        let timeout = self
            .policy
            .timeout(&invocation.instance, &invocation.func)
            .min(self.policy.longest());
        let mut deadline = after(started, timeout);
        if let Some(callers) = invocation.deadline {
            deadline = deadline.min(callers);
        }
        let progress = invocation.progress().clone();
        if deadline <= now {
            return ResponseFuture::expired(progress, deadline, self.stream_idle);
        }
        invocation.deadline = Some(deadline);
        ResponseFuture::new(
            self.inner.call(invocation),
            progress,
            deadline,
            self.stream_idle,
        )
    }
}
