//! Whether the server that took a call is still there.

use async_nats::Subject;
use wrpc_middleware_errors::{Delivery, RpcErrorKind};

use super::Exchange;
use crate::subject::{self, ALIVE, below};

impl Exchange {
    /// The server that took the call, if nothing was heard of it since `tick`.
    pub(crate) fn silent_peer(&self, tick: u32) -> Option<Subject> {
        let state = self.state();
        let is_silent = self.is_caller()
            && state.failure.is_none()
            && !state.is_complete(&self.patterns)
            && tick.wrapping_sub(state.heard) < u32::MAX / 2;
        state.peer.clone().filter(|_| is_silent)
    }

    /// Asks the broker whether the server that took the call is there.
    pub(crate) fn probe(&self, peer: &Subject) {
        self.connection.broker().publish_unattended(
            below(peer, ALIVE),
            None,
            Some(below(&self.inbox(), ALIVE)),
        );
    }

    /// The server that took the call is no longer there. Those that it took other calls of have to
    /// ask too.
    pub(super) fn peer_is_gone(&self) {
        let state = self.state();
        // One that was asked for because another's is gone has none to ask for.
        let peer = state.peer.clone().filter(|_| !state.is_suspect);
        drop(state);
        self.refused(self.error(
            RpcErrorKind::TargetFailed,
            Delivery::Accepted,
            "the target went away before it had answered",
        ));
        if let Some(peer) = peer {
            self.connection.core().suspect(&peer);
        }
    }

    /// Asks for the server that took the call, if it is this one and was not asked for yet.
    pub(crate) fn suspect(&self, server: &str) {
        let mut state = self.state();
        let is_its = |peer: &&Subject| subject::server(peer) == server;
        let peer = state.peer.as_ref().filter(is_its).cloned();
        let Some(peer) = peer.filter(|_| self.is_caller() && !state.is_suspect) else {
            return;
        };
        state.is_suspect = true;
        drop(state);
        self.probe(&peer);
    }
}
