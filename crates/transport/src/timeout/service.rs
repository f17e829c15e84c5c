//! The service that gives calls a deadline.

use core::task::{Context, Poll};
use core::time::Duration;

use tokio::time::Instant;
use tower::Service;
use wrpc_middleware_errors::RpcError;

use super::future::{State, Waiting};
use super::{Deadline, ResponseFuture, TimeoutPolicy};
use crate::clock::after;
use crate::{Channels, Invocation};

/// Gives every call of `S` a deadline.
#[derive(Debug)]
pub struct Timeout<S, P = Duration> {
    inner: S,
    /// Whether `inner` has been found ready for the next call.
    is_ready: bool,
    policy: P,
    stream_idle: Option<Duration>,
}

impl<S, P> Timeout<S, P> {
    pub(super) const fn new(inner: S, policy: P, stream_idle: Option<Duration>) -> Self {
        Self {
            inner,
            is_ready: false,
            policy,
            stream_idle,
        }
    }
}

/// Readiness is not cloned.
impl<S: Clone, P: Clone> Clone for Timeout<S, P> {
    fn clone(&self) -> Self {
        Self::new(self.inner.clone(), self.policy.clone(), self.stream_idle)
    }
}

/// Always ready: how long the inner service may take to become ready depends on the call, so the
/// response future awaits it, unless the inner service is ready at once.
impl<S, P, C, O, I> Service<Invocation<C>> for Timeout<S, P>
where
    S: Service<Invocation<C>, Response = Channels<O, I>, Error = RpcError> + Clone,
    P: TimeoutPolicy,
{
    type Response = Channels<Deadline<O>, Deadline<I>>;
    type Error = RpcError;
    type Future = ResponseFuture<S, C>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), RpcError>> {
        self.is_ready = self.inner.poll_ready(cx)?.is_ready();
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, mut invocation: Invocation<C>) -> Self::Future {
        let timeout = self.policy.timeout(&invocation.instance, &invocation.func);
        let now = Instant::now();
        let mut deadline = after(now, timeout);
        if let Some(callers) = invocation.deadline {
            deadline = deadline.min(callers);
        }
        invocation.deadline = Some(deadline);
        let progress = invocation.progress().clone();
        let is_ready = core::mem::take(&mut self.is_ready);
        let state = if now >= deadline {
            State::Expired
        } else if is_ready {
            State::Calling(self.inner.call(invocation))
        } else {
            // The one that was asked may have a place in a queue already.
            let clone = self.inner.clone();
            State::Waiting(Box::new(Waiting {
                inner: core::mem::replace(&mut self.inner, clone),
                invocation: Some(invocation),
            }))
        };
        ResponseFuture::new(state, progress, deadline, self.stream_idle)
    }
}
