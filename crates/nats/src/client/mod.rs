//! The client: calls functions of others and serves its own.

mod call;
mod future;

use core::time::Duration;
use std::sync::Arc;

use async_nats::HeaderMap;
use async_nats::message::OutboundMessage;
use bytes::Bytes;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::timeout;
use wrpc_middleware_transport::{Context, Target};

pub use self::future::ResponseFuture;
use crate::broker::{Broker, Published, send_waiting};
use crate::budget::Budget;
use crate::connect::{ConnectError, EventSink, Violation};
use crate::connection::{Connection, ConnectionState, Core};
use crate::id::Id;
use crate::options::Options;
use crate::registry::Registry;
use crate::serve::ServedFunctions;
use crate::slow::SlowFunctions;
use crate::subject::{Inbox, below};
use crate::tasks;
use crate::violations::Violations;

/// The context of a call: the headers that travel with it, and what the host says about it.
pub type CallContext = Context<Option<HeaderMap>>;

/// A client of wRPC over NATS. Cheap to clone: all clones share one connection and one inbox.
///
/// It is a transport, [`wrpc_transport::Invoke`] and [`wrpc_transport::Serve`], and a
/// [`tower::Service`], the leaf of a [`Stack`](wrpc_middleware_transport::Stack).
///
/// A call to the target `greeter` is published under the subject prefix `greeter`, or
/// `default.greeter` where the [prefix](Options::prefix) is `default`. A call without a target goes
/// to the [default target](Options::default_target), or fails.
///
/// Nothing here bounds the time of a call, that is what a
/// [`Timeout`](wrpc_middleware_transport::timeout) is for; but the deadline of a call travels to its
/// target, which gives it up then.
///
/// # What a call costs
///
/// No subscription and no task. While its streams are held, some 600 bytes and what has arrived and
/// was not read.
#[derive(Clone, Debug)]
pub struct Client(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    connection: Arc<Connection>,
    options: Options,
    running: Option<Arc<Semaphore>>,
}

impl Client {
    /// A client over a connection of the host's.
    ///
    /// Without an [`EventSink`](Options::events) the broker's refusals are not noticed, and losses
    /// of the connection some ten milliseconds later; [`connect`](crate::connect()) has all of it.
    /// With one, a call that the broker does not permit is `unknown` and never `not-sent`: what it
    /// refused may have been a message of the host's own.
    /// Leave the `ping_interval` of NATS at its default, and a server that is frozen goes unnoticed
    /// for minutes.
    ///
    /// Costs one subscription and some tasks, five at most, for as long as there is a clone of the
    /// client or a call of it, and until the last messages have left, within two seconds.
    ///
    /// # Errors
    ///
    /// An option can't be part of a subject, or what is sent to the inbox does not arrive within
    /// [`Options::connect_timeout`].
    ///
    /// # Cancellation
    ///
    /// Dropping the future leaves nothing behind.
    pub async fn new(nats: async_nats::Client, options: Options) -> Result<Self, ConnectError> {
        Self::over(nats, options, Violations::of_shared_connection()).await
    }

    pub(crate) async fn over(
        nats: async_nats::Client,
        options: Options,
        violations: Violations,
    ) -> Result<Self, ConnectError> {
        options.check()?;
        let inbox = Inbox::new(&options.inbox());
        let wildcard = inbox.wildcard();
        let subscribed = nats.subscribe(wildcard.clone()).await;
        let messages = subscribed.map_err(|_| ConnectError::Closed)?;
        let (broker, waiting) = Broker::new(nats);
        let (owing, settling) = tasks::settling();
        let core = Arc::new(Core {
            broker: Arc::new(broker),
            registry: Registry::default(),
            violations,
            inbox,
            prefixes: options.inbox_prefixes(),
            budget: Budget::new(options.max_buffered, options.max_buffered_per_stream),
            tick: 0.into(),
            state: watch::Sender::new(ConnectionState::Connected),
            served: ServedFunctions::default(),
            owing,
            slow: SlowFunctions::default(),
        });
        let mut running = JoinSet::new();
        running.spawn(tasks::dispatch(Arc::clone(&core), messages, settling));
        running.spawn(send_waiting(waiting));
        if let Some(interval) = options.keepalive {
            // Below what the client may publish to, if permissions bind its inbox to its id.
            let nowhere = below(&options.inbox(), Id::random().as_str());
            running.spawn(tasks::keep_alive(Arc::clone(&core), nowhere, interval));
        }
        if let Some(events) = &options.events {
            events.attach(&core);
            running.spawn(tasks::judge_refusals(Arc::clone(&core)));
        }
        running.spawn(tasks::watch(Arc::clone(&core), options.events.is_some()));
        let refused = |source| ConnectError::Inbox {
            inbox: wildcard.as_str().into(),
            source,
        };
        let proof = prove(&core, options.events.as_ref(), &wildcard);
        match timeout(options.connect_timeout, proof).await {
            Ok(Ok(())) => {}
            Ok(Err(Some(violation))) => return Err(refused(Some(violation))),
            Ok(Err(None)) => return Err(ConnectError::Closed),
            Err(_) if !core.broker.is_connected() => return Err(ConnectError::NotConnected),
            Err(_) => return Err(refused(None)),
        }
        Ok(Self(Arc::new(Shared {
            connection: Arc::new(Connection::new(core, running)),
            running: options
                .max_running
                .map(|calls| Arc::new(Semaphore::new(calls.get()))),
            options,
        })))
    }

    /// The connection. Make no calls over it but by this client: a refusal by the broker would be
    /// taken for that of a call of its own, which would be `not-sent` though it may have arrived.
    #[must_use]
    pub fn nats(&self) -> &async_nats::Client {
        self.0.connection.broker().nats()
    }

    /// Whether there is a connection. The receiver sees it change.
    #[must_use]
    pub fn connection_state(&self) -> watch::Receiver<ConnectionState> {
        self.0.connection.state()
    }

    /// How many calls there are whose streams are held by somebody, made and served ones.
    #[must_use]
    pub fn calls(&self) -> usize {
        self.0.connection.registry().len()
    }

    /// How many bytes are held that have arrived and were not read yet.
    #[must_use]
    pub fn buffered(&self) -> usize {
        self.0.connection.budget().held()
    }

    /// Waits until the broker has handled everything that was published so far.
    ///
    /// # Errors
    ///
    /// The connection is closed. While it is down, this waits on.
    pub async fn round_trip(&self) -> Result<(), ConnectError> {
        echo(self.0.connection.core()).await
    }

    pub(crate) fn connection(&self) -> &Arc<Connection> {
        &self.0.connection
    }

    pub(crate) fn options(&self) -> &Options {
        &self.0.options
    }

    pub(crate) fn running(&self) -> Option<&Arc<Semaphore>> {
        self.0.running.as_ref()
    }

    fn reconnect_wait(&self) -> Duration {
        self.0.options.reconnect_wait
    }

    fn default_target(&self) -> Option<&Target> {
        self.0.options.default_target.as_ref()
    }
}

/// Waits until a message of our own arrives; if the broker refuses that, this is the violation.
async fn prove(
    core: &Arc<Core>,
    events: Option<&EventSink>,
    inbox: &str,
) -> Result<(), Option<Violation>> {
    let refused = async {
        match events {
            Some(events) => events.inbox_refused(inbox).await,
            None => core::future::pending().await,
        }
    };
    tokio::select! {
        echo = echo(core) => echo.map_err(|_| None),
        violation = refused => Err(Some(violation)),
    }
}

/// Waits until a message to ourselves has been at the broker and back.
pub(crate) async fn echo(core: &Arc<Core>) -> Result<(), ConnectError> {
    let id = Id::random();
    let mut arrival = core.registry.expect_echo(id);
    let mut state = core.state.subscribe();
    loop {
        let message = OutboundMessage {
            subject: core.inbox.of(&id),
            payload: Bytes::new(),
            reply: None,
            headers: None,
        };
        match core.broker.offer(message) {
            Ok(Published::Queued) => {}
            Ok(Published::Waiting(publishing)) => {
                publishing.await.map_err(|_| ConnectError::Closed)?;
            }
            Err(_) => return Err(ConnectError::Closed),
        }
        tokio::select! {
            biased;
            arrived = &mut arrival => return arrived.map_err(|_| ConnectError::Closed),
            // It may have been lost with the connection before.
            connected = reconnected(&mut state) => connected?,
        }
    }
}

/// Waits until there is another connection than at the last look.
async fn reconnected(state: &mut watch::Receiver<ConnectionState>) -> Result<(), ConnectError> {
    loop {
        // Nothing arrives any more, though the queue may have taken the message.
        if *state.borrow() == ConnectionState::Closed {
            return Err(ConnectError::Closed);
        }
        state.changed().await.map_err(|_| ConnectError::Closed)?;
        if *state.borrow_and_update() == ConnectionState::Connected {
            return Ok(());
        }
    }
}
