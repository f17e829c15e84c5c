//! The outgoing streams: where they go, and how they end that their writer left open.

use core::task::{Context, Poll, ready};
use std::sync::Arc;

use async_nats::Subject;
use wrpc_middleware_errors::{Delivery, RpcError, RpcErrorKind};

use super::ending::Ending;
use super::state::Params;
use super::{Exchange, ROOT, Side};
use crate::broker::Publishing;
use crate::header;
use crate::slow::SlowFunctions;
use crate::subject::{PARAMS, RESULTS, stream};

impl Exchange {
    pub(crate) fn writer_began(&self) {
        self.writers.begin();
    }

    /// A writer has closed its stream, the root or not, or is gone.
    pub(crate) fn writer_ended(&self, closed_root: bool) {
        self.writers.end(closed_root);
    }

    /// The name of the outgoing stream.
    pub(crate) fn outgoing(&self) -> &'static str {
        match self.side {
            Side::Caller { .. } => PARAMS,
            Side::Target { .. } => RESULTS,
        }
    }

    /// Where the other side is, once that is known.
    pub(crate) fn poll_peer(
        &self,
        key: u32,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Subject, RpcError>> {
        let mut state = self.state();
        if let Some(failure) = &state.failure {
            return Poll::Ready(Err(failure.clone()));
        }
        if let Some(peer) = &state.peer {
            return Poll::Ready(Ok(peer.clone()));
        }
        state.waiting.register(key, cx.waker());
        Poll::Pending
    }

    /// Polls what sends the call, unless the call has failed: one that was said not to be sent is
    /// not sent after that.
    pub(crate) fn poll_send<T>(
        &self,
        cx: &mut Context<'_>,
        mut send: impl FnMut(&mut Context<'_>) -> Poll<T>,
    ) -> Poll<Result<T, RpcError>> {
        let mut state = self.state();
        if let Some(failure) = &state.failure {
            return Poll::Ready(Err(failure.clone()));
        }
        let result = send(cx);
        if result.is_pending() {
            state.waiting.register(ROOT, cx.waker());
        }
        result.map(Ok)
    }

    /// Has the target told that there are no more parameters as soon as it took the call.
    pub(crate) fn set_urgent(&self) {
        self.state().params = Params::Urgent;
    }

    /// Ends the parameters, which all went with the call, once it is known that the target took
    /// it.
    ///
    /// The target is told so later, if it has not answered by then; at once if its function is slow
    /// to, or the call is [urgent](Self::set_urgent).
    pub(crate) fn poll_end_params(
        self: &Arc<Self>,
        key: u32,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), RpcError>> {
        ready!(self.poll_peer(key, cx))?;
        let mut state = self.state();
        if state.is_complete(&self.patterns) {
            return Poll::Ready(Ok(()));
        }
        let core = self.connection.core();
        if state.params != Params::Urgent
            && let Side::Caller { subject, .. } = &self.side
            && let slot = SlowFunctions::slot(subject)
            && !core.slow.take_call(slot)
        {
            state.params = Params::Unended(slot);
            drop(state);
            core.owing.end_of_params(self);
        } else {
            drop(state);
            self.end_params();
        }
        Poll::Ready(Ok(()))
    }

    /// Whether there is something to [`settle`](Self::settle).
    pub(crate) fn is_owing(&self) -> bool {
        let state = self.state();
        match self.side {
            Side::Caller { .. } => {
                matches!(state.params, Params::Unended(_))
                    && state.failure.is_none()
                    && !state.is_complete(&self.patterns)
            }
            Side::Target { .. } => state.answer.is_held(),
        }
    }

    /// Sends what is owed to the other side, as the call is not over yet.
    pub(crate) fn settle(&self) {
        match self.side {
            Side::Caller { .. } => self.end_params(),
            Side::Target { .. } => self.tell(),
        }
    }

    /// Tells the target that there are no more parameters, unless that is of no use any more.
    fn end_params(&self) {
        let mut state = self.state();
        if state.failure.is_some() || state.is_complete(&self.patterns) {
            return;
        }
        let Some(peer) = state.peer.clone() else {
            return;
        };
        let params = core::mem::replace(&mut state.params, Params::Written);
        drop(state);
        let core = self.connection.core();
        if let Params::Unended(slot) = params {
            core.slow.learn(slot, true);
        }
        core.end_params(&peer);
    }

    /// A writer is gone before its stream was closed; `sent` messages are on it, after `before`.
    pub(crate) fn abandon_outgoing(
        &self,
        path: &[usize],
        sent: u64,
        mut before: Option<Publishing>,
    ) {
        if path.is_empty() && self.state().ending.leave(sent, &mut before) {
            return;
        }
        let is_done = !std::thread::panicking() && self.failure().is_none();
        if !path.is_empty() && sent == 0 && is_done {
            // A `future` without a value has nothing to write, and upstream's encoder leaves its
            // writer so. Where something was to come, it is missed by who decodes it.
            return self.end_empty(path);
        }
        self.end_outgoing(path, sent, before, &self.abandoned());
    }

    fn end_empty(&self, path: &[usize]) {
        self.tell();
        let Some(peer) = self.state().peer.clone() else {
            return;
        };
        let subject = stream(&peer, self.outgoing(), path);
        self.connection
            .broker()
            .publish_unattended(subject, None, None);
    }

    /// What a stream ends in that its writer left open.
    pub(super) fn abandoned(&self) -> RpcError {
        match &self.side {
            Side::Caller { .. } => self.params_abandoned(),
            Side::Target { function, .. } => self.failure().unwrap_or_else(|| {
                function.error(
                    RpcErrorKind::TargetFailed,
                    Delivery::Accepted,
                    "the function ended without a result",
                )
            }),
        }
    }

    pub(super) fn params_abandoned(&self) -> RpcError {
        self.error(
            RpcErrorKind::Other,
            Delivery::Accepted,
            "the caller gave up before the parameters were complete",
        )
    }

    /// Ends an outgoing stream in `error`, unless nobody is there to read it.
    pub(crate) fn end_outgoing(
        &self,
        path: &[usize],
        sent: u64,
        before: Option<Publishing>,
        error: &RpcError,
    ) {
        self.tell();
        let before = before.or_else(|| self.before());
        let mut state = self.state();
        if state.is_over {
            return;
        }
        let Some(peer) = state.peer.clone() else {
            if path.is_empty() {
                state.params = Params::Abandoned;
            }
            return;
        };
        drop(state);
        let broker = self.connection.broker();
        let subject = stream(&peer, self.outgoing(), path);
        let headers = Some(header::trailer(error, sent));
        match before {
            None => broker.publish_unattended(subject, headers, None),
            // It must not overtake what waits for room.
            Some(before) => broker.leave_with(before, subject, headers),
        }
    }

    /// Leaves the end of the results to who calls [`end_results`](Self::end_results), unless their
    /// writer closes them.
    pub(crate) fn hold_results(&self) {
        self.state().ending = Ending::Held;
    }

    /// The call is over, in `error` if it failed: so end its results that are open.
    pub(crate) fn end_results(&self, error: Option<&RpcError>) {
        let ending = core::mem::take(&mut self.state().ending);
        if let Some(error) = error {
            self.fail(error.clone());
        }
        if let Ending::Left { sent, before } = ending {
            let error = error.cloned().unwrap_or_else(|| self.abandoned());
            self.end_outgoing(&[], sent, before, &error);
        }
    }
}
