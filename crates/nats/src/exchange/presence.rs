//! Whether the other side of a call is still there.

use async_nats::{Message, StatusCode, Subject};
use wrpc_middleware_errors::{Delivery, RpcErrorKind};

use super::{Exchange, Side};
use crate::header;
use crate::serve::CallerGone;
use crate::subject::{self, ALIVE, below, is_unary};

impl Exchange {
    /// The other side, if something is awaited of it, or of us, and nothing was heard of it since
    /// `tick`.
    pub(crate) fn silent_peer(&self, tick: u32) -> Option<Subject> {
        let state = self.state();
        let is_waiting = match self.side {
            Side::Caller { .. } => !state.is_complete(&self.patterns),
            // Callers of others may have subscribed to less than all below their inbox.
            Side::Target { .. } => {
                !self.writers.are_done() && state.peer.as_ref().is_some_and(|peer| is_unary(peer))
            }
        };
        let is_silent =
            is_waiting && state.failure.is_none() && tick.wrapping_sub(state.heard) < u32::MAX / 2;
        state.peer.clone().filter(|_| is_silent)
    }

    /// Asks the broker whether the other side is there.
    pub(crate) fn probe(&self, peer: &Subject) {
        self.connection.broker().publish_unattended(
            below(peer, ALIVE),
            None,
            Some(below(&self.inbox(), ALIVE)),
        );
    }

    /// Takes the answer to a probe: the broker's if nobody is there, or the other side's if the
    /// call is over for it. A probe of the other side's is none: it knows that we are here by not
    /// being told otherwise.
    pub(super) fn presence(&self, message: &Message) {
        if message.status == Some(StatusCode::NO_RESPONDERS) {
            return self.peer_is_gone();
        }
        let Some(error) = header::read_error(message.headers.as_ref()) else {
            return;
        };
        match self.side {
            Side::Caller { .. } => {
                self.refused(self.named(error.with_delivery(Delivery::Accepted)));
            }
            Side::Target { .. } => self.given_up("the caller has given up"),
        }
    }

    /// Nobody waits for the results any more. One that has answered has nothing to stop.
    pub(super) fn given_up(&self, reason: &'static str) {
        if !self.writers.are_done() {
            let error = self.error(RpcErrorKind::Other, Delivery::Accepted, reason);
            self.refused(error.with_source(CallerGone));
        }
    }

    /// The other side is no longer there. Other calls that it has a part in have to ask too.
    fn peer_is_gone(&self) {
        let state = self.state();
        // One that was asked for because another's is gone has none to ask for.
        let peer = state.peer.clone().filter(|_| !state.is_suspect);
        drop(state);
        match self.side {
            Side::Caller { .. } => self.refused(self.error(
                RpcErrorKind::TargetFailed,
                Delivery::Accepted,
                "the target went away before it had answered",
            )),
            Side::Target { .. } => self.given_up("the caller went away"),
        }
        if let Some(peer) = peer {
            self.connection.core().suspect(&peer);
        }
    }

    /// Asks for the other side, if it is this peer and was not asked for yet.
    pub(crate) fn suspect(&self, gone: &str) {
        let mut state = self.state();
        let is_its = |peer: &&Subject| subject::server(peer) == gone;
        let peer = state.peer.as_ref().filter(is_its).cloned();
        let Some(peer) = peer.filter(|_| !state.is_suspect) else {
            return;
        };
        state.is_suspect = true;
        drop(state);
        self.probe(&peer);
    }
}
