//! One call, as one of its two sides sees it.

mod answer;
mod ending;
mod failing;
mod handshake;
mod inlet;
mod part;
mod presence;
#[cfg(test)]
mod races;
mod receive;
mod sending;
mod state;
#[cfg(test)]
mod tests;
mod waiting;
mod writers;

use core::fmt;
use std::sync::{Arc, PoisonError};

use async_nats::{Message, Subject};
use tokio::sync::OwnedSemaphorePermit;
use wrpc_middleware_errors::{Delivery, RpcError, RpcErrorKind};
use wrpc_middleware_transport::{Paths, Progress, Stage};

pub(crate) use self::answer::Answered;
use self::inlet::Inlet;
pub(crate) use self::inlet::Next;
pub(crate) use self::part::Part;
use self::state::{Params, STREAM, State};
pub(crate) use self::waiting::ROOT;
use self::writers::Writers;
use crate::connection::Connection;
use crate::function::Function;
use crate::id::Id;
use crate::sync::{Mutex, MutexGuard};
use crate::violations::Counted;

/// A call while either of its streams is held. The registry knows it only as long as that.
pub(crate) struct Exchange {
    id: Id,
    side: Side,
    connection: Arc<Connection>,
    /// The incoming streams beside the root.
    patterns: Paths,
    writers: Writers,
    state: Mutex<State>,
}

pub(crate) enum Side {
    Caller {
        progress: Progress,
        /// Where the call was published.
        subject: Subject,
        counted: Counted,
    },
    Target {
        function: Arc<Function>,
        /// Count the call as running.
        _permits: Vec<OwnedSemaphorePermit>,
    },
}

impl Exchange {
    /// A call that is about to be published to `subject`.
    pub(crate) fn of_caller(
        connection: Arc<Connection>,
        progress: Progress,
        subject: Subject,
        patterns: Paths,
    ) -> Arc<Self> {
        // Before it is among the calls that a refusal may be for.
        let counted = connection.core().violations.publish(&subject);
        let side = Side::Caller {
            progress,
            subject,
            counted,
        };
        Self::new(connection, side, None, patterns)
    }

    pub(crate) fn new(
        connection: Arc<Connection>,
        side: Side,
        peer: Option<Subject>,
        patterns: Paths,
    ) -> Arc<Self> {
        let exchange = Arc::new(Self {
            id: Id::random(),
            side,
            patterns,
            writers: Writers::default(),
            state: Mutex::new(State {
                peer,
                heard: connection.tick(),
                root: Inlet::of_reader(),
                ..State::default()
            }),
            connection,
        });
        exchange
            .connection
            .registry()
            .insert(exchange.id, &exchange);
        exchange
    }

    pub(crate) fn connection(&self) -> &Arc<Connection> {
        &self.connection
    }

    /// Where messages for the call arrive.
    pub(crate) fn inbox(&self) -> Subject {
        let inbox = self.connection.inbox();
        match self.side {
            Side::Caller { .. } => inbox.unary(&self.id),
            Side::Target { .. } => inbox.of(&self.id),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An error of this call.
    pub(crate) fn error(
        &self,
        kind: RpcErrorKind,
        delivery: Delivery,
        reason: impl fmt::Display + Send + Sync + 'static,
    ) -> RpcError {
        match &self.side {
            Side::Caller { progress, .. } => progress.error(kind, delivery, reason),
            Side::Target { function, .. } => function.error(kind, delivery, reason),
        }
    }

    /// What a peer said, with the function in front.
    fn named(&self, error: RpcError) -> RpcError {
        let function = match &self.side {
            Side::Caller { progress, .. } => progress.function().to_string(),
            Side::Target { function, .. } => function.to_string(),
        };
        if error.message().starts_with(&function) {
            return error;
        }
        let message = format!("{function}: {}", error.message());
        error.with_message(message)
    }

    /// Takes a message that arrived for the call.
    pub(crate) fn deliver(&self, part: Part, message: Message) {
        match (&self.side, part) {
            (Side::Caller { progress, .. }, Part::Root) => self.handshake(progress, message),
            (Side::Caller { progress, .. }, Part::Results(path)) => {
                self.receive(Some(progress), &path, message);
            }
            (_, Part::Alive) => self.presence(&message),
            (Side::Target { .. }, Part::Params(path)) => self.receive(None, &path, message),
            (Side::Target { .. }, Part::Cancel) => self.given_up("the caller has given up"),
            _ => {}
        }
    }

    /// The NATS client has the call.
    pub(crate) fn sent(&self) {
        if let Side::Caller { counted, .. } = &self.side {
            counted.sent();
        }
    }

    /// The call was answered, in whatever way.
    fn was_answered(&self) {
        if let Side::Caller { counted, .. } = &self.side {
            self.connection.core().violations.answered(counted);
        }
    }

    pub(crate) fn is_caller(&self) -> bool {
        matches!(self.side, Side::Caller { .. })
    }

    /// A key for one more who waits.
    pub(crate) fn key(&self) -> u32 {
        self.state().waiting.key()
    }

    pub(crate) fn forget(&self, key: u32) {
        self.state().waiting.forget(key);
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        self.connection.registry().remove(&self.id);
        let is_caller = self.is_caller();
        let budget = self.connection.budget();
        let state = self.state.get_mut().unwrap_or_else(PoisonError::into_inner);
        if let Side::Caller {
            counted, progress, ..
        } = &self.side
        {
            let core = self.connection.core();
            core.violations.forget(counted);
            if let Params::Unended(slot) = state.params {
                core.slow.learn(slot, progress.stage() < Stage::FirstByte);
            }
        }
        state.clear(budget);
        budget.give_back(STREAM * state.nested.len());
        if is_caller
            && !state.is_over
            && !state.is_complete(&self.patterns)
            && let Some(peer) = &state.peer
        {
            if matches!(state.params, Params::Unended(_)) {
                // One that knows of no cancellation would wait for it.
                self.connection.core().end_params(peer);
            }
            self.connection.cancel(peer);
        }
    }
}

impl fmt::Debug for Exchange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("Exchange");
        match &self.side {
            Side::Caller { progress, .. } => debug.field("progress", progress),
            Side::Target { function, .. } => debug.field("function", &format_args!("{function}")),
        };
        debug.finish_non_exhaustive()
    }
}
