//! What arrives on the incoming streams, and reading it.

use core::task::Context;

use async_nats::Message;
use wrpc_middleware_errors::{Delivery, RpcError, RpcErrorKind};
use wrpc_middleware_transport::Progress;

use super::inlet::Refusal;
use super::{Exchange, Next};
use crate::header;

impl Exchange {
    /// Takes a message of an incoming stream.
    pub(super) fn receive(&self, progress: Option<&Progress>, path: &[usize], message: Message) {
        let headers = message.headers.as_ref();
        let Ok(sequence) = header::read_sequence(headers) else {
            return self.give_up(self.error(
                RpcErrorKind::Protocol,
                Delivery::Accepted,
                "the number of a message is none",
            ));
        };
        let budget = self.connection.budget();
        let mut state = self.state();
        state.heard(self.connection.tick());
        if state.failure.is_some() {
            // What comes after it is not what comes next.
            return;
        }
        let Some(inlet) = state.inlet(path, &self.patterns, budget) else {
            return;
        };
        let (taken, ended) = match inlet {
            Err(refusal) => (Err(refusal), None),
            Ok(inlet) if message.payload.is_empty() => {
                let error = header::read_error(headers).map(|error| {
                    // It speaks of a call that was taken.
                    self.named(error.with_delivery(Delivery::Accepted))
                });
                (inlet.close(error.clone(), sequence), Some(error))
            }
            Ok(inlet) => (inlet.push(message.payload, sequence, budget), None),
        };
        drop(state);
        let waker = match taken {
            Ok(waker) => waker,
            Err(refusal) => {
                self.give_up(self.refusal(refusal));
                if refusal == Refusal::Overrun {
                    self.state().let_go(budget);
                }
                return;
            }
        };
        match (progress, ended) {
            (Some(progress), None) => progress.first_byte(),
            (Some(progress), Some(None)) if path.is_empty() => {
                progress.accepted();
                progress.closed();
            }
            (Some(_), Some(Some(error))) if path.is_empty() => self.refused(error),
            _ => {}
        }
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    pub(super) fn refusal(&self, refusal: Refusal) -> RpcError {
        let (kind, reason) = match refusal {
            Refusal::Gap => (
                RpcErrorKind::Transport,
                "a message of the stream went missing",
            ),
            Refusal::Overrun => (
                RpcErrorKind::Overloaded,
                "more arrived than was read and than may be held",
            ),
        };
        self.error(kind, Delivery::Accepted, reason)
    }

    /// What there is to read at `path`.
    pub(crate) fn next(&self, path: &[usize], cx: &mut Context<'_>) -> Next {
        let budget = self.connection.budget();
        let mut state = self.state();
        let next = match state.known(path) {
            Some(inlet) => inlet.next(cx.waker(), budget),
            None => return Next::Pending,
        };
        match (&state.failure, next) {
            (Some(failure), Next::Pending) => Next::Failed(failure.clone()),
            (_, Next::Pending) => {
                drop(state);
                // The caller may wait for that with the rest of its parameters.
                self.tell();
                Next::Pending
            }
            (_, next) => next,
        }
    }

    /// Whether a reader may have the stream at `path`: it is among those that were asked for, and
    /// nobody has it.
    pub(crate) fn take_stream(&self, path: &[usize]) -> bool {
        let mut state = self.state();
        let inlet = state.inlet(path, &self.patterns, self.connection.budget());
        match inlet {
            Some(Ok(inlet)) if !inlet.taken => {
                inlet.taken = true;
                true
            }
            _ => false,
        }
    }

    /// The reader of the stream at `path` is gone.
    pub(crate) fn abandon_stream(&self, path: &[usize]) {
        let budget = self.connection.budget();
        if let Some(inlet) = self.state().known(path) {
            inlet.abandon(budget);
        }
    }
}
