//! The service that gives calls a deadline.

use core::task::{Context, Poll};
use core::time::Duration;

use tokio::time::Instant;
use tower::Service;
use wrpc_middleware_errors::RpcError;

use super::{Deadline, ResponseFuture, TimeoutPolicy};
use crate::call::Call;
use crate::clock::after;
use crate::{Channels, Invocation};

/// Gives every call of `S` a deadline.
#[derive(Clone, Debug)]
pub struct Timeout<S, P = Duration> {
    inner: S,
    policy: P,
    stream_idle: Option<Duration>,
}

impl<S, P> Timeout<S, P> {
    pub(super) const fn new(inner: S, policy: P, stream_idle: Option<Duration>) -> Self {
        Self {
            inner,
            policy,
            stream_idle,
        }
    }
}

/// Always ready: how long the inner service may take to become ready depends on the call, so the
/// response future awaits it.
impl<S, P, C, O, I> Service<Invocation<C>> for Timeout<S, P>
where
    S: Service<Invocation<C>, Response = Channels<O, I>, Error = RpcError> + Clone,
    P: TimeoutPolicy,
{
    type Response = Channels<Deadline<O>, Deadline<I>>;
    type Error = RpcError;
    type Future = ResponseFuture<S, C>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), RpcError>> {
        Poll::Ready(Ok(()))
    }

    #[inline]
    fn call(&mut self, mut invocation: Invocation<C>) -> Self::Future {
        let timeout = self
            .policy
            .timeout(invocation.instance(), invocation.func());
        let now = Instant::now();
        let mut deadline = after(now, timeout);
        if let Some(callers) = invocation.deadline {
            deadline = deadline.min(callers);
        }
        invocation.deadline = Some(deadline);
        let progress = invocation.progress().clone();
        let call = if now < deadline {
            Call::new(&self.inner, invocation)
        } else {
            Call::never()
        };
        ResponseFuture::new(call, progress, deadline, self.stream_idle)
    }
}
