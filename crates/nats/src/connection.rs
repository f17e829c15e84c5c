//! A connection to NATS, and all calls over it.

use core::fmt;
use core::time::Duration;
use std::sync::Arc;

use async_nats::connection::State;
use async_nats::{Message, Subject};
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tracing::{debug, trace};
use wrpc_middleware_errors::{Delivery, RpcError, RpcErrorKind};

use crate::broker::Broker;
use crate::budget::Budget;
use crate::exchange::Part;
use crate::header;
use crate::registry::Registry;
use crate::serve::ServedFunctions;
use crate::slow::SlowFunctions;
use crate::subject::{CANCEL, Inbox, InboxPrefixes, PARAMS, below, server};
use crate::sync::atomic::{AtomicU32, Ordering};
use crate::tasks::Owing;
use crate::violations::Violations;

/// Whether there is a connection to NATS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConnectionState {
    /// There is one.
    Connected,
    /// There was one, and it is being made again.
    Disconnected,
    /// There will be none any more.
    Closed,
}

/// What calls and tasks share.
pub(crate) struct Core {
    pub(crate) broker: Arc<Broker>,
    pub(crate) registry: Registry,
    pub(crate) violations: Violations,
    pub(crate) inbox: Inbox,
    pub(crate) prefixes: InboxPrefixes,
    pub(crate) budget: Budget,
    pub(crate) tick: AtomicU32,
    pub(crate) state: watch::Sender<ConnectionState>,
    pub(crate) served: ServedFunctions,
    pub(crate) owing: Owing,
    pub(crate) slow: SlowFunctions,
}

/// Keeps the tasks of a connection alive: every client and every call has it.
pub(crate) struct Connection {
    core: Arc<Core>,
    tasks: JoinSet<()>,
}

/// How long the last messages may take to leave once nobody has the connection any more.
const LEAVE: Duration = Duration::from_secs(2);

impl Connection {
    pub(crate) fn new(core: Arc<Core>, tasks: JoinSet<()>) -> Self {
        Self { core, tasks }
    }

    pub(crate) fn core(&self) -> &Arc<Core> {
        &self.core
    }

    pub(crate) fn broker(&self) -> &Arc<Broker> {
        &self.core.broker
    }

    pub(crate) fn registry(&self) -> &Registry {
        &self.core.registry
    }

    pub(crate) fn inbox(&self) -> &Inbox {
        &self.core.inbox
    }

    pub(crate) fn prefixes(&self) -> &InboxPrefixes {
        &self.core.prefixes
    }

    pub(crate) fn budget(&self) -> &Budget {
        &self.core.budget
    }

    pub(crate) fn tick(&self) -> u32 {
        self.core.tick.load(Ordering::Relaxed)
    }

    pub(crate) fn state(&self) -> watch::Receiver<ConnectionState> {
        self.core.state.subscribe()
    }

    pub(crate) fn cancel(&self, peer: &Subject) {
        self.core.cancel(peer);
    }

    pub(crate) fn turn_away(&self, peer: &Subject) {
        self.core.turn_away(peer);
    }
}

impl Drop for Connection {
    /// The NATS client forgets what it has not sent when the last of it is dropped: the last
    /// results, or that the last call is given up.
    fn drop(&mut self) {
        let tasks = core::mem::take(&mut self.tasks);
        let broker = Arc::clone(self.broker());
        if let Ok(runtime) = Handle::try_current()
            && broker.is_connected()
        {
            runtime.spawn(async move {
                // Whether it was in time or not.
                let _ = timeout(LEAVE, broker.settle()).await;
                drop(tasks);
            });
        }
    }
}

impl Core {
    /// Passes a message on to the call that it is for.
    pub(crate) fn deliver(&self, message: Message) {
        let Some((id, rest)) = self.inbox.split(&message.subject) else {
            return;
        };
        let part = Part::parse(rest);
        if let Some(exchange) = self.registry.get(&id) {
            exchange.deliver(part, message);
            return;
        }
        if self.registry.echo(&id) {
            return;
        }
        match message.reply {
            // A caller that still waits has not got the answer.
            Some(caller) if part == Part::Alive && self.prefixes.permit_alive(&caller) => {
                self.broker
                    .publish_unattended(caller, Some(header::trailer(&lost(), 0)), None);
            }
            // A handshake for a caller who has given up.
            Some(peer) if part == Part::Root && self.prefixes.permit(&peer) => {
                debug!("a target took a call that was given up");
                self.turn_away(&peer);
            }
            _ => trace!("a message for a call that is over"),
        }
    }

    /// Tells the server at `peer`, that waits for parameters, that its caller has given up. One that
    /// does not know of cancellation would wait for ever.
    fn turn_away(&self, peer: &Subject) {
        const REASON: &str = "the caller has given up";
        self.cancel(peer);
        let error = RpcError::new(RpcErrorKind::Other, Delivery::Accepted, REASON);
        let headers = header::trailer(&error, 0);
        self.broker
            .publish_unattended(below(peer, PARAMS), Some(headers), None);
    }

    /// Tells the server at `peer` that there are no more parameters.
    pub(crate) fn end_params(&self, peer: &Subject) {
        self.broker
            .publish_unattended(below(peer, PARAMS), None, None);
    }

    /// Tells the server at `peer` that its caller has given up.
    fn cancel(&self, peer: &Subject) {
        self.broker
            .publish_unattended(below(peer, CANCEL), None, None);
    }

    /// The server that took a call at `peer` is gone: its other calls have to be asked for.
    pub(crate) fn suspect(&self, peer: &Subject) {
        let server = server(peer);
        for exchange in self.registry.all() {
            exchange.suspect(server);
        }
    }

    /// The connection was lost: what was under way may be lost too.
    pub(crate) fn lost(&self, state: ConnectionState) {
        let reason = match state {
            ConnectionState::Connected => return,
            ConnectionState::Disconnected => "the connection was lost",
            ConnectionState::Closed => {
                // Before anybody knows it.
                self.registry.close();
                "the connection is closed"
            }
        };
        if self.becomes(state) {
            for exchange in self.registry.all() {
                exchange.lost(reason);
            }
        }
    }

    /// There is a connection again.
    pub(crate) fn connected(&self) {
        self.becomes(ConnectionState::Connected);
    }

    /// Returns whether it was another. What is closed stays so.
    fn becomes(&self, state: ConnectionState) -> bool {
        self.state.send_if_modified(|now| {
            let is_new = *now != state && *now != ConnectionState::Closed;
            if is_new {
                *now = state;
            }
            is_new
        })
    }
}

/// Why a call failed that is over for its target.
fn lost() -> RpcError {
    const REASON: &str = "the target has answered, and the answer was lost";
    RpcError::new(RpcErrorKind::Transport, Delivery::Accepted, REASON)
}

impl From<State> for ConnectionState {
    fn from(state: State) -> Self {
        match state {
            State::Connected => Self::Connected,
            State::Pending | State::Disconnected => Self::Disconnected,
        }
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection")
            .field("state", &*self.core.state.borrow())
            .field("calls", &self.core.registry.len())
            .finish_non_exhaustive()
    }
}
