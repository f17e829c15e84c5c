//! The answer to a call.

use core::task::Waker;

use async_nats::{Message, StatusCode};
use bytes::Bytes;
use wrpc_middleware_errors::{Delivery, RpcErrorKind};
use wrpc_middleware_transport::Progress;

use super::Exchange;
use super::inlet::Refusal;
use super::state::{Params, State};
use crate::header;
use crate::subject::is_unary;

impl Exchange {
    pub(super) fn handshake(&self, progress: &Progress, message: Message) {
        use RpcErrorKind::{Protocol, TargetUnavailable};
        self.was_answered();
        let refuse = |kind, delivery, reason: &'static str| {
            self.refused(self.error(kind, delivery, reason));
        };
        match message.status {
            None | Some(StatusCode::OK) => {}
            Some(StatusCode::NO_RESPONDERS) => {
                return refuse(
                    TargetUnavailable,
                    Delivery::NotSent,
                    "nobody serves the function",
                );
            }
            Some(StatusCode::TIMEOUT) => {
                return refuse(
                    TargetUnavailable,
                    Delivery::Unknown,
                    "the broker gave up waiting for the target",
                );
            }
            Some(_) => {
                return refuse(
                    TargetUnavailable,
                    Delivery::Unknown,
                    "the call was turned away",
                );
            }
        }
        if let Some(error) = header::read_error(message.headers.as_ref()) {
            return self.refused(self.named(error));
        }
        let Some(peer) = message.reply else {
            return refuse(
                Protocol,
                Delivery::Unknown,
                "the answer to the handshake is not one of this protocol",
            );
        };
        if !self.connection.prefixes().permit(&peer) {
            return refuse(
                Protocol,
                Delivery::Accepted,
                "the target wants its parameters where no inbox is",
            );
        }
        let mut state = self.state();
        state.heard(self.connection.tick());
        match &state.peer {
            Some(known) if *known == peer => {}
            Some(_) => {
                drop(state);
                self.connection.turn_away(&peer);
                self.give_up(self.error(
                    Protocol,
                    Delivery::Accepted,
                    "more than one target took the call",
                ));
            }
            None if state.failure.is_some() => {
                drop(state);
                self.connection.turn_away(&peer);
            }
            None => {
                let whole = is_unary(&peer).then_some(message.payload);
                state.peer = Some(peer);
                progress.accepted();
                let abandoned = state.params == Params::Abandoned;
                let waiting = state.waiting.take();
                let taken = whole.map(|results| self.answered(&mut state, progress, results));
                drop(state);
                let reader = match taken {
                    Some(Err(refusal)) => {
                        self.give_up(self.refusal(refusal));
                        None
                    }
                    Some(Ok(reader)) => reader,
                    None => None,
                };
                if abandoned {
                    self.end_outgoing(&[], 0, None, &self.params_abandoned());
                }
                waiting.chain(reader).for_each(Waker::wake);
            }
        }
    }

    /// Takes the whole of the results. Returns who waits for them.
    fn answered(
        &self,
        state: &mut State,
        progress: &Progress,
        results: Bytes,
    ) -> Result<Option<Waker>, Refusal> {
        let root = &mut state.root;
        let mut reader = None;
        if !results.is_empty() {
            progress.first_byte();
            reader = root.push(results, None, self.connection.budget())?;
        }
        progress.closed();
        Ok(root.close(None, None)?.or(reader))
    }
}
