//! How a call fails.

use core::task::{Context, Poll, Waker};

use async_nats::Subject;
use wrpc_middleware_errors::{Delivery, RpcError, RpcErrorKind};

use super::state::State;
use super::{Exchange, Side};
use crate::connect::Violation;
use crate::subject::ALIVE;
use crate::sync::MutexGuard;

impl Exchange {
    /// Fails the call, unless its results are complete. The first failure stays.
    pub(crate) fn fail(&self, error: RpcError) {
        self.fail_in(self.state(), error);
    }

    pub(super) fn fail_in(&self, mut state: MutexGuard<'_, State>, error: RpcError) {
        if state.failure.is_some() {
            return;
        }
        if self.is_caller() && state.root.has_clean_end() && state.is_complete(&self.patterns) {
            state.late_failure.get_or_insert(error);
            return;
        }
        let error = self.with_what_was_seen(error);
        state.failure = Some(error.clone());
        let wakers: Vec<_> = state.wakers().collect();
        if let Side::Caller { progress, .. } = &self.side {
            // Before anybody can see it, or a call that was not sent would still count as sent.
            progress.fail(error);
        }
        drop(state);
        wakers.into_iter().for_each(Waker::wake);
    }

    /// A call that was taken is not safe to repeat, whatever somebody says of it afterwards: another
    /// target that turns it away, for example.
    fn with_what_was_seen(&self, error: RpcError) -> RpcError {
        match &self.side {
            Side::Caller { progress, .. } if progress.delivery() == Delivery::Accepted => {
                error.with_delivery(Delivery::Accepted)
            }
            _ => error,
        }
    }

    /// Fails the call by what the other side knows of.
    pub(crate) fn refused(&self, error: RpcError) {
        self.state().is_over = true;
        self.fail(error);
    }

    /// Fails the call by what the other side does not know of. A target would go on sending.
    pub(super) fn give_up(&self, error: RpcError) {
        self.fail(error);
        let mut state = self.state();
        if !self.is_caller() || state.failure.is_none() || state.is_over {
            return;
        }
        if let Some(peer) = state.peer.clone() {
            state.is_over = true;
            drop(state);
            self.connection.turn_away(&peer);
        }
    }

    /// Fails a call whose messages can't be answered any more, as its connection is lost.
    pub(crate) fn lost(&self, reason: &'static str) {
        match &self.side {
            Side::Caller { progress, .. } => {
                // What it says of the delivery holds until it is said.
                let state = self.state();
                let delivery = progress.delivery();
                self.fail_in(
                    state,
                    progress.error(RpcErrorKind::Transport, delivery, reason),
                );
            }
            // Results may still be sent, once the connection is back.
            Side::Target { function, .. } => {
                let error = || function.error(RpcErrorKind::Transport, Delivery::Accepted, reason);
                let mut state = self.state();
                if state.failure.is_some() {
                    return;
                }
                let wakers: Vec<_> = state
                    .inlets()
                    .filter(|inlet| !inlet.has_ended())
                    .filter_map(|inlet| inlet.break_off(error()))
                    .collect();
                drop(state);
                wakers.into_iter().for_each(Waker::wake);
            }
        }
    }

    /// Where the call was published, if nobody has answered it yet.
    pub(crate) fn awaited_at(&self) -> Option<&Subject> {
        match &self.side {
            Side::Caller { subject, .. } => self.state().peer.is_none().then_some(subject),
            Side::Target { .. } => None,
        }
    }

    /// Fails the call if the broker refused to take what was published to `subject` for it, as far
    /// as that is certain. Returns whether it is not.
    pub(crate) fn denied(&self, subject: &str, violation: &Violation) -> bool {
        if self.awaited_at().is_some_and(|to| to.as_str() == subject) {
            return !self.is_refused(violation);
        }
        let state = self.state();
        let is_below = |base: &Subject| {
            let rest = subject.strip_prefix(base.as_str());
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        };
        // Who may not ask whether the peer is there may answer it all the same.
        let is_probe = subject.rsplit('.').next() == Some(ALIVE);
        let to_peer = state.peer.as_ref().is_some_and(is_below) && !is_probe;
        drop(state);
        if to_peer {
            let reason = "the broker does not permit to answer the peer";
            let error = self.error(RpcErrorKind::Transport, Delivery::Accepted, reason);
            self.fail(error.with_source(violation.clone()));
        }
        false
    }

    /// Fails the call if it is certain that the broker has refused it. Returns whether it is.
    fn is_refused(&self, violation: &Violation) -> bool {
        let Side::Caller { counted, .. } = &self.side else {
            return false;
        };
        let is_certain = self.connection.core().violations.has_refused(counted);
        if is_certain {
            self.refused(self.not_permitted(Delivery::NotSent, violation));
        }
        is_certain
    }

    /// Fails a call that nobody has answered: the broker has refused it, or others to the same
    /// function, and has no more to say.
    pub(crate) fn denied_at_last(&self, violation: &Violation) {
        let Side::Caller { progress, .. } = &self.side else {
            return;
        };
        if self.is_refused(violation) {
            return;
        }
        // What is said of the delivery holds until it is said. A target that has the call may still
        // answer, and is told then that it was given up.
        let state = self.state();
        if state.peer.is_none() {
            let delivery = progress.delivery();
            self.fail_in(state, self.not_permitted(delivery, violation));
        }
    }

    fn not_permitted(&self, delivery: Delivery, violation: &Violation) -> RpcError {
        let reason = "the broker does not permit the call";
        let error = self.error(RpcErrorKind::Transport, delivery, reason);
        error.with_source(violation.clone())
    }

    /// Why the call failed, if it did.
    pub(crate) fn failure(&self) -> Option<RpcError> {
        self.state().failure.clone()
    }

    /// Resolves once the call has failed.
    pub(crate) fn poll_failed(&self, key: u32, cx: &mut Context<'_>) -> Poll<RpcError> {
        let mut state = self.state();
        if let Some(failure) = &state.failure {
            return Poll::Ready(failure.clone());
        }
        state.waiting.register(key, cx.waker());
        Poll::Pending
    }
}
