//! A call that has arrived.

use core::fmt;
use core::time::Duration;
use std::sync::Arc;

use async_nats::{Message, Subject};
use bytes::Bytes;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;
use tracing::warn;
use wrpc_middleware_errors::{Delivery, RpcError, RpcErrorKind};
use wrpc_middleware_transport::Paths;

use super::fate::Fate;
use super::functions::Served;
use super::{Responder, ServeContext};
use crate::connection::Connection;
use crate::exchange::{Exchange, Side};
use crate::function::Function;
use crate::subject::{RESULTS, below, untoken};
use crate::{Incoming, Outgoing, header};

/// A call that has arrived and was neither taken nor refused.
///
/// Dropped, it is refused as `overloaded`, `not-sent`, unless a [`Responder`] says something else.
pub struct Request {
    context: ServeContext,
    reply: Subject,
    params: Bytes,
    offer: Arc<Offer>,
    permits: Vec<OwnedSemaphorePermit>,
    is_answered: bool,
    /// Knows what becomes of the call, if anybody asked.
    fate: Option<Arc<Fate>>,
}

/// Why a call is refused where the number of running ones is limited.
pub(super) const TOO_MANY: &str = "too many calls are running";

/// Why a call is refused that waited too long where it was served.
const LATE: &str = "the deadline passed before the call was taken";

/// What all calls of a function share.
pub(super) struct Offer {
    pub(super) connection: Arc<Connection>,
    pub(super) served: Arc<Served>,
    pub(super) paths: Paths,
    pub(super) params_timeout: Option<Duration>,
    pub(super) clock_skew: Duration,
    /// What the inbox of a caller starts with that names its component.
    pub(super) inbox_prefix: Box<str>,
    pub(super) running: Option<Arc<Semaphore>>,
}

impl Offer {
    /// The component that an inbox names: `<prefix>.<id>.<connection>.<call>`.
    fn caller(&self, inbox: &str) -> Option<Arc<str>> {
        let rest = inbox.strip_prefix(&*self.inbox_prefix)?.strip_prefix('.')?;
        let mut tokens = rest.split('.');
        let (id, _connection, _call) = (tokens.next()?, tokens.next()?, tokens.next()?);
        tokens.next().is_none().then(|| untoken(id).into())
    }

    /// Tells the caller at `reply` that its call is not taken.
    pub(super) fn refuse(&self, reply: &Subject, error: &RpcError) {
        let headers = header::refusal(error);
        let broker = self.connection.broker();
        broker.publish_unattended(reply.clone(), Some(headers.clone()), None);
        // For those who read the results alone.
        let results = below(reply, RESULTS);
        broker.publish_unattended(results, Some(headers), None);
    }

    /// Why a call is refused that somebody let go of.
    pub(super) fn turned_away(&self) -> RpcError {
        let kind = RpcErrorKind::Overloaded;
        let function = &self.served.function;
        function.error(kind, Delivery::NotSent, "the call was turned away")
    }
}

/// A call that was taken: its context, its results and its parameters.
pub type Accepted = (ServeContext, Outgoing, Incoming);

impl Request {
    /// The call in a message that arrived; none if it was refused, or can't be answered.
    pub(super) fn new(offer: &Arc<Offer>, message: Message) -> Option<Self> {
        let reply = message.reply?;
        if !offer.connection.prefixes().permit(&reply) {
            warn!(
                function = %offer.served.function,
                "a call wants its answer where no inbox is; it is dropped"
            );
            return None;
        }
        let headers = message.headers;
        let remaining = headers
            .as_ref()
            .and_then(|headers| header::read_deadline(headers, offer.clock_skew));
        let mut request = Self {
            context: ServeContext {
                deadline: remaining.and_then(|remaining| Instant::now().checked_add(remaining)),
                caller: offer.caller(&reply),
                headers,
                exchange: None,
            },
            reply,
            params: message.payload,
            offer: Arc::clone(offer),
            permits: Vec::new(),
            is_answered: false,
            fate: None,
        };
        if remaining.is_some_and(|remaining| remaining.is_zero()) {
            request.refuse_as(
                RpcErrorKind::Timeout,
                "the deadline passed before the call arrived",
            );
            return None;
        }
        if let Some(running) = &offer.running {
            let Ok(permit) = Arc::clone(running).try_acquire_owned() else {
                request.refuse_as(RpcErrorKind::Overloaded, TOO_MANY);
                return None;
            };
            request.hold(permit);
        }
        Some(request)
    }

    /// What is known about the call.
    #[must_use]
    pub fn context(&self) -> &ServeContext {
        &self.context
    }

    /// The same, to be changed.
    #[must_use]
    pub fn context_mut(&mut self) -> &mut ServeContext {
        &mut self.context
    }

    /// The instance that exports the function, `namespace:package/interface@version`; empty for a
    /// function at the root of a world.
    #[must_use]
    pub fn instance(&self) -> &str {
        &self.offer.served.function.instance
    }

    /// The function.
    #[must_use]
    pub fn func(&self) -> &str {
        &self.offer.served.function.func
    }

    /// The name of the function, `namespace:package/interface#function`, for messages.
    #[must_use]
    pub fn function(&self) -> impl fmt::Display + '_ {
        &*self.offer.served.function
    }

    /// Lets somebody say how the call ends who does not have it: see [`Responder`].
    ///
    /// All responders of a call are equal; the first that says something is heard.
    #[must_use = "dropped, it says nothing"]
    pub fn responder(&mut self) -> Responder {
        let fate = self
            .fate
            .get_or_insert_with(|| Fate::new(&self.offer, &self.reply));
        Responder::new(Arc::clone(fate))
    }

    /// Counts the call as running until its streams are dropped, or it is refused.
    pub(super) fn hold(&mut self, permit: OwnedSemaphorePermit) {
        self.permits.push(permit);
    }

    /// Who calls which function.
    pub(super) fn who_calls_what(&self) -> (Option<Arc<str>>, Arc<Function>) {
        let function = Arc::clone(&self.offer.served.function);
        (self.context.caller.clone(), function)
    }

    /// An error of this call, which was not taken.
    pub(super) fn error(&self, kind: RpcErrorKind, reason: &'static str) -> RpcError {
        let function = &self.offer.served.function;
        function.error(kind, Delivery::NotSent, reason)
    }

    /// Takes the call. Its caller learns within 2 ms that it may have been run: with the results,
    /// if they are there by then.
    ///
    /// Waits for nothing. Of a call that was refused meanwhile, by a [`Responder`] or since its
    /// deadline passed in a queue, both streams have failed already and no parameters are there;
    /// [`try_accept`](Self::try_accept) says so.
    #[must_use = "dropped, the call ends as `target-failed`"]
    pub fn accept(mut self) -> Accepted {
        match self.answer() {
            Ok(accepted) => accepted,
            Err(refusal) => {
                self.params = Bytes::new();
                let exchange = self.exchange();
                exchange.refused(refusal);
                self.streams(exchange)
            }
        }
    }

    /// Takes the call, unless it was refused meanwhile.
    ///
    /// # Errors
    ///
    /// Why it was refused: by a [`Responder`], or since its deadline passed in a queue. It must not
    /// run then.
    pub fn try_accept(mut self) -> Result<Accepted, RpcError> {
        self.answer()
    }

    fn answer(&mut self) -> Result<Accepted, RpcError> {
        self.is_answered = true;
        let deadline = self.context.deadline;
        if deadline.is_some_and(|deadline| deadline <= Instant::now()) {
            let error = self.error(RpcErrorKind::Timeout, LATE);
            let Some(fate) = &self.fate else {
                self.offer.refuse(&self.reply, &error);
                return Err(error);
            };
            return Err(fate.revoke(|_| error));
        }
        let Some(fate) = self.fate.clone() else {
            let exchange = self.exchange();
            return Ok(self.take(exchange));
        };
        fate.accept(|| {
            let exchange = self.exchange();
            (self.take(Arc::clone(&exchange)), exchange)
        })
    }

    fn exchange(&mut self) -> Arc<Exchange> {
        let side = Side::Target {
            function: Arc::clone(&self.offer.served.function),
            _permits: core::mem::take(&mut self.permits),
        };
        Exchange::new(
            Arc::clone(&self.offer.connection),
            side,
            Some(self.reply.clone()),
            Arc::clone(&self.offer.paths),
        )
    }

    fn take(&mut self, exchange: Arc<Exchange>) -> Accepted {
        exchange.take();
        self.streams(exchange)
    }

    fn streams(&mut self, exchange: Arc<Exchange>) -> Accepted {
        let context = ServeContext {
            exchange: Some(Arc::clone(&exchange)),
            ..core::mem::take(&mut self.context)
        };
        let params = Incoming::new(Arc::clone(&exchange));
        let params = params.after(core::mem::take(&mut self.params), self.offer.params_timeout);
        (context, Outgoing::new(exchange, Bytes::new()), params)
    }

    /// Refuses the call with `error`, which its caller gets as it is.
    ///
    /// A caller of another implementation sees the end of the results, or fails to send its
    /// parameters.
    pub fn refuse(mut self, error: &RpcError) {
        self.is_answered = true;
        match &self.fate {
            Some(fate) => fate.fail(error),
            None => self.offer.refuse(&self.reply, error),
        }
    }

    /// Lets go of the call, which is refused with `error` unless a [`Responder`] says something
    /// else.
    pub(super) fn give_up(mut self, error: RpcError) {
        match &self.fate {
            Some(fate) => {
                fate.revoke(|_| error);
            }
            None => self.offer.refuse(&self.reply, &error),
        }
        self.is_answered = true;
    }

    fn refuse_as(mut self, kind: RpcErrorKind, reason: &'static str) {
        let error = self.error(kind, reason);
        self.offer.refuse(&self.reply, &error);
        self.is_answered = true;
    }
}

impl Drop for Request {
    fn drop(&mut self) {
        if !self.is_answered && self.fate.is_none() {
            self.offer.refuse(&self.reply, &self.offer.turned_away());
        }
    }
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("function", &format_args!("{}", self.function()))
            .field("context", &self.context)
            .finish_non_exhaustive()
    }
}
