//! What becomes of a call.

use core::task::{Context, Poll, Waker};
use std::sync::{Arc, PoisonError};

use async_nats::Subject;
use wrpc_middleware_errors::{Delivery, RpcError, RpcErrorKind};

use super::request::{Accepted, Offer};
use crate::exchange::Exchange;
use crate::sync::{Mutex, MutexGuard};

/// What becomes of a call, known to its [`Request`](super::Request) and to those who answer for it.
///
/// The last of them ends the call if nobody else did.
pub(super) struct Fate {
    offer: Arc<Offer>,
    reply: Subject,
    state: Mutex<State>,
}

enum State {
    /// Neither taken nor refused. These want to know.
    Open(Vec<Waker>),
    /// It must not be taken any more, and its caller does not know yet.
    Revoked(RpcError),
    /// Its caller knows.
    Refused(RpcError),
    Accepted(Arc<Exchange>),
}

impl Fate {
    pub(super) fn new(offer: &Arc<Offer>, reply: &Subject) -> Arc<Self> {
        Arc::new(Self {
            offer: Arc::clone(offer),
            reply: reply.clone(),
            state: Mutex::new(State::Open(Vec::new())),
        })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The call is taken by `take`, unless it is refused already.
    pub(super) fn accept(
        &self,
        take: impl FnOnce() -> (Accepted, Arc<Exchange>),
    ) -> Result<Accepted, RpcError> {
        let mut state = self.state();
        let wakers = match &mut *state {
            State::Revoked(refusal) | State::Refused(refusal) => return Err(refusal.clone()),
            State::Open(wakers) => core::mem::take(wakers),
            // There is one request, and it is used up.
            State::Accepted(_) => Vec::new(),
        };
        let (accepted, exchange) = take();
        exchange.hold_results();
        *state = State::Accepted(exchange);
        drop(state);
        wakers.into_iter().for_each(Waker::wake);
        Ok(accepted)
    }

    /// What is proven of the call.
    pub(super) fn delivery(&self) -> Delivery {
        match &*self.state() {
            State::Accepted(_) => Delivery::Accepted,
            _ => Delivery::NotSent,
        }
    }

    /// Ends the call in `error`, now.
    pub(super) fn fail(&self, error: &RpcError) {
        let mut state = self.state();
        match &*state {
            State::Open(_) | State::Revoked(_) => {
                *state = State::Refused(error.clone());
                drop(state);
                self.offer.refuse(&self.reply, error);
            }
            State::Refused(_) => {}
            State::Accepted(exchange) => {
                let exchange = Arc::clone(exchange);
                drop(state);
                exchange.end_results(Some(error));
            }
        }
    }

    /// Sees to it that the call goes no further, and ends in the error that `error` makes, or in
    /// what somebody says who answers for it. Returns what it ends in otherwise.
    pub(super) fn revoke(&self, error: impl FnOnce(Delivery) -> RpcError) -> RpcError {
        let mut state = self.state();
        match &*state {
            State::Open(_) => {
                let error = error(Delivery::NotSent);
                *state = State::Revoked(error.clone());
                error
            }
            State::Revoked(refusal) | State::Refused(refusal) => refusal.clone(),
            State::Accepted(exchange) => {
                let exchange = Arc::clone(exchange);
                drop(state);
                let error = error(Delivery::Accepted);
                exchange.fail(error.clone());
                error
            }
        }
    }

    /// An error of this call.
    pub(super) fn error(
        &self,
        kind: RpcErrorKind,
        delivery: Delivery,
        reason: &'static str,
    ) -> RpcError {
        self.offer.served.function.error(kind, delivery, reason)
    }

    /// Resolves once nobody waits for the call any more. `key` is the one that its waiting is
    /// known by, from when it was taken.
    pub(super) fn poll_given_up(
        &self,
        key: &mut Option<u32>,
        cx: &mut Context<'_>,
    ) -> Poll<RpcError> {
        let mut state = self.state();
        match &mut *state {
            State::Open(wakers) => {
                if !wakers.iter().any(|waker| waker.will_wake(cx.waker())) {
                    wakers.push(cx.waker().clone());
                }
                Poll::Pending
            }
            State::Revoked(_) | State::Refused(_) => Poll::Pending,
            State::Accepted(exchange) => {
                let exchange = Arc::clone(exchange);
                drop(state);
                let key = *key.get_or_insert_with(|| exchange.key());
                exchange.poll_failed(key, cx)
            }
        }
    }

    /// Nobody waits under `key` any more.
    pub(super) fn forget(&self, key: u32) {
        if let State::Accepted(exchange) = &*self.state() {
            exchange.forget(key);
        }
    }
}

impl Drop for Fate {
    fn drop(&mut self) {
        let state = self.state.get_mut();
        match state.unwrap_or_else(PoisonError::into_inner) {
            State::Open(_) => self.offer.refuse(&self.reply, &self.offer.turned_away()),
            State::Revoked(error) => self.offer.refuse(&self.reply, error),
            State::Refused(_) => {}
            State::Accepted(exchange) => exchange.end_results(None),
        }
    }
}
