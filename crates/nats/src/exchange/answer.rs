//! What a target tells first: that it has taken the call, or the whole of the results at once.

use async_nats::Subject;
use async_nats::client::PublishError;
use async_nats::message::OutboundMessage;
use bytes::Bytes;
use std::sync::Arc;
use wrpc_middleware_errors::{Delivery, RpcErrorKind};

use super::Exchange;
use super::state::State;
use crate::broker::{Published, Publishing};
use crate::subject::{RESULTS, below, is_unary};

/// What the caller was told of a call that was taken.
#[derive(Debug, Default)]
pub(super) enum Answer {
    /// All there was to tell; the handshake, or what came after it, may have no place in the
    /// client's queue yet.
    Told(Option<Publishing>),
    /// There is nothing to tell, since the call was not taken, or by the other side.
    #[default]
    None,
    /// Nothing yet, and this is the first of the results.
    Held(Option<Bytes>),
}

/// What became of the end of the results.
#[derive(Debug)]
pub(crate) enum Answered {
    /// It was sent, with all of the results and the handshake.
    InOne(Published),
    /// It is to be sent by itself.
    No,
}

impl Answer {
    /// Whether there is something to tell.
    pub(super) fn is_held(&self) -> bool {
        matches!(self, Self::Held(_))
    }
}

impl State {
    /// Whether all that there is to tell may still be told in one message.
    fn may_answer_in_one(&self) -> bool {
        self.answer.is_held()
            && self.failure.is_none()
            && self.peer.as_ref().is_some_and(|peer| is_unary(peer))
    }
}

impl Exchange {
    /// The call is taken. Its caller is told a little later, unless something has to be told
    /// before.
    pub(crate) fn take(self: &Arc<Self>) {
        self.state().answer = Answer::Held(None);
        self.connection.core().owing.handshake(self);
    }

    /// Keeps the first message of the results, to be sent in one with the handshake if the end
    /// follows soon. Returns whether it does.
    pub(crate) fn hold_first(&self, payload: &[u8]) -> bool {
        let mut state = self.state();
        let is_held = state.may_answer_in_one();
        match &mut state.answer {
            Answer::Held(first @ None) if is_held => {
                *first = Some(Bytes::copy_from_slice(payload));
                true
            }
            _ => false,
        }
    }

    /// Whether what was written of the results waits for their end.
    pub(crate) fn holds_results(&self) -> bool {
        self.state().may_answer_in_one()
    }

    /// Ends the results: in one message with all that was to tell, if the caller takes that and was
    /// told nothing yet.
    pub(crate) fn answer(&self) -> Result<Answered, PublishError> {
        let mut state = self.state();
        let is_held = state.may_answer_in_one();
        let peer = state.peer.clone();
        let (Answer::Held(first), Some(peer), true) = (&mut state.answer, peer, is_held) else {
            return Ok(Answered::No);
        };
        let payload = first.take().unwrap_or_default();
        state.answer = Answer::Told(None);
        let reply = self.connection.inbox().unary(&self.id);
        let broker = self.connection.broker();
        let published = broker.publish(|| OutboundMessage {
            subject: peer.clone(),
            payload: payload.clone(),
            reply: Some(reply.clone()),
            headers: None,
        });
        published.map(Answered::InOne)
    }

    /// Tells the caller that its call is taken, and the first of the results if there are some,
    /// unless it knows.
    pub(crate) fn tell(&self) {
        let mut state = self.state();
        let Answer::Held(first) = &mut state.answer else {
            return;
        };
        let first = first.take();
        state.answer = Answer::Told(None);
        let Some(peer) = state.peer.clone().filter(|_| !state.is_over) else {
            return;
        };
        // Under the lock: who knows that it is told may send what comes after it.
        match self.publish_first(&peer, first.as_ref()) {
            Ok(Published::Queued) => {}
            Ok(Published::Waiting(publishing)) => state.answer = Answer::Told(Some(publishing)),
            Err(error) => {
                let reason = "the handshake could not be published";
                let failure = self.error(RpcErrorKind::Transport, Delivery::Accepted, reason);
                self.fail_in(state, failure.with_source(error));
            }
        }
    }

    fn publish_first(
        &self,
        peer: &Subject,
        first: Option<&Bytes>,
    ) -> Result<Published, PublishError> {
        let broker = self.connection.broker();
        let inbox = self.inbox();
        let handshake = broker.publish(|| OutboundMessage {
            subject: peer.clone(),
            payload: Bytes::new(),
            reply: Some(inbox.clone()),
            headers: None,
        })?;
        let Some(payload) = first else {
            return Ok(handshake);
        };
        let subject = below(peer, RESULTS);
        let results = || OutboundMessage {
            subject: subject.clone(),
            payload: payload.clone(),
            reply: None,
            headers: None,
        };
        match handshake {
            Published::Queued => broker.publish(results),
            Published::Waiting(handshake) => {
                let results = broker.publish_after(handshake, results());
                Ok(Published::Waiting(results))
            }
        }
    }

    /// What the next message of the results has to wait for, if something.
    pub(crate) fn before(&self) -> Option<Publishing> {
        if self.is_caller() {
            return None;
        }
        match &mut self.state().answer {
            Answer::Told(publishing) => publishing.take(),
            Answer::None | Answer::Held(_) => None,
        }
    }
}
