//! Telling the attempts at a call apart: the service between what repeats calls and what makes
//! them.

use core::task::{Context, Poll};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use futures::future::BoxFuture;
use tower::Service;
use wrpc_middleware_errors::RpcError;
use wrpc_middleware_transport::Invocation;

use super::history::Failure;
use super::id::{AttemptId, CallId};

/// What became of the attempts at one call, in order.
#[derive(Clone, Debug)]
pub struct Attempts {
    call: CallId,
    ended: Arc<Mutex<Vec<Option<Failure>>>>,
}

impl Attempts {
    /// None so far.
    #[must_use]
    pub fn new(call: CallId) -> Self {
        Self {
            call,
            ended: Arc::default(),
        }
    }

    /// Passes attempts on to `inner`, each with an id of its own at the beginning of the
    /// parameters.
    pub const fn over<S>(self, inner: S) -> Numbered<S> {
        Numbered {
            inner,
            attempts: self,
        }
    }

    /// What became of those so far.
    #[must_use]
    pub fn so_far(&self) -> Vec<Option<Failure>> {
        self.ended().clone()
    }

    fn begin(&self) -> (usize, AttemptId) {
        let mut ended = self.ended();
        let number = ended.len();
        ended.push(None);
        (number, self.call.attempt(number))
    }

    fn failed(&self, number: usize, error: &RpcError) {
        if let Some(ended) = self.ended().get_mut(number) {
            *ended = Some(error.into());
        }
    }

    fn ended(&self) -> MutexGuard<'_, Vec<Option<Failure>>> {
        self.ended.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// See [`Attempts::over`].
#[derive(Clone, Debug)]
pub struct Numbered<S> {
    inner: S,
    attempts: Attempts,
}

impl<S, C> Service<Invocation<C>> for Numbered<S>
where
    S: Service<Invocation<C>, Error = RpcError>,
    S::Future: Send + 'static,
{
    type Response = S::Response;
    type Error = RpcError;
    type Future = BoxFuture<'static, Result<S::Response, RpcError>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), RpcError>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut invocation: Invocation<C>) -> Self::Future {
        let (number, attempt) = self.attempts.begin();
        let rest = invocation
            .params
            .slice(AttemptId::LEN.min(invocation.params.len())..);
        invocation.params = Bytes::from([&attempt.to_bytes()[..], &rest].concat());
        let attempts = self.attempts.clone();
        let attempt = self.inner.call(invocation);
        Box::pin(async move {
            let ended = attempt.await;
            if let Err(error) = &ended {
                attempts.failed(number, error);
            }
            ended
        })
    }
}

#[cfg(test)]
mod tests {
    use tower::{ServiceExt as _, service_fn};
    use wrpc_middleware_errors::{Delivery, RpcErrorKind};

    use super::*;

    #[tokio::test]
    async fn each_attempt_has_a_number_and_an_end() {
        let call = CallId::new(1, 2, 3);
        let attempts = Attempts::new(call);
        let failing = service_fn(async |invocation: Invocation<()>| {
            let attempt = AttemptId::of_params(&invocation.params).unwrap();
            assert_eq!(invocation.params[AttemptId::LEN..], *b"rest");
            match attempt.number() {
                1 => Ok(()),
                _ => Err(RpcError::new(
                    RpcErrorKind::Transport,
                    Delivery::NotSent,
                    "no",
                )),
            }
        });
        let params = [&call.attempt(0).to_bytes()[..], b"rest"].concat();
        let invocation = Invocation::new((), "", "f", params.into());
        for fails in [true, false, true] {
            let service = attempts.clone().over(failing);
            let ended = service.oneshot(invocation.clone()).await;
            assert_eq!(ended.is_err(), fails);
        }
        let failure = Failure {
            kind: RpcErrorKind::Transport,
            delivery: Delivery::NotSent,
        };
        assert_eq!(attempts.so_far(), [Some(failure), None, Some(failure)]);
    }
}
