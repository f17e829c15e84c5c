//! A call that has arrived.

use core::fmt;
use core::time::Duration;
use std::sync::Arc;

use async_nats::message::OutboundMessage;
use async_nats::{Message, Subject};
use bytes::Bytes;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;
use tracing::warn;
use wrpc_middleware_errors::{Delivery, RpcError, RpcErrorKind};
use wrpc_middleware_transport::Paths;

use super::ServeContext;
use super::functions::Served;
use crate::broker::Published;
use crate::connection::Connection;
use crate::exchange::{Exchange, Side};
use crate::subject::{RESULTS, below, untoken};
use crate::{Incoming, Outgoing, header};

/// A call that has arrived and was neither taken nor refused.
///
/// Dropped, it is refused as `overloaded`, `not-sent`.
pub struct Request {
    context: ServeContext,
    reply: Subject,
    params: Bytes,
    offer: Arc<Offer>,
    permit: Option<OwnedSemaphorePermit>,
    is_answered: bool,
}

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
            permit: None,
            is_answered: false,
        };
        if remaining.is_some_and(|remaining| remaining.is_zero()) {
            let reason = "the deadline passed before the call arrived";
            request.refuse_as(RpcErrorKind::Timeout, reason);
            return None;
        }
        if let Some(running) = &offer.running {
            request.permit = Arc::clone(running).try_acquire_owned().ok();
            if request.permit.is_none() {
                request.refuse_as(RpcErrorKind::Overloaded, "too many calls are running");
                return None;
            }
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

    /// The name of the function, `namespace:package/interface#function`, for messages.
    #[must_use]
    pub fn function(&self) -> impl fmt::Display + '_ {
        &*self.offer.served.function
    }

    /// Takes the call. Its caller knows from now on that it may have been run.
    ///
    /// Waits for nothing.
    #[must_use = "dropped, the call ends as `target-failed`"]
    pub fn accept(mut self) -> Accepted {
        self.is_answered = true;
        let offer = Arc::clone(&self.offer);
        let side = Side::Target {
            function: Arc::clone(&offer.served.function),
            _permit: self.permit.take(),
        };
        let exchange = Exchange::new(
            Arc::clone(&offer.connection),
            side,
            Some(self.reply.clone()),
            Arc::clone(&offer.paths),
        );
        let handshake = OutboundMessage {
            subject: self.reply.clone(),
            payload: Bytes::new(),
            reply: Some(exchange.inbox()),
            headers: None,
        };
        let before = match offer.connection.broker().publish(handshake) {
            Ok(Published::Queued) => None,
            Ok(Published::Waiting(publishing)) => Some(publishing),
            Err(error) => {
                let reason = "the handshake could not be published";
                let failure = exchange.error(RpcErrorKind::Transport, Delivery::Accepted, reason);
                exchange.fail(failure.with_source(error));
                None
            }
        };
        let context = ServeContext {
            exchange: Some(Arc::clone(&exchange)),
            ..core::mem::take(&mut self.context)
        };
        let params = Incoming::new(Arc::clone(&exchange));
        let params = params.after(core::mem::take(&mut self.params), offer.params_timeout);
        (
            context,
            Outgoing::new(exchange, Bytes::new(), before),
            params,
        )
    }

    /// Refuses the call with `error`, which its caller gets as it is.
    ///
    /// A caller of another implementation sees the end of the results, or fails to send its
    /// parameters.
    pub fn refuse(mut self, error: &RpcError) {
        self.answer(error);
    }

    fn refuse_as(&mut self, kind: RpcErrorKind, reason: &'static str) {
        let function = &self.offer.served.function;
        let error = function.error(kind, Delivery::NotSent, reason);
        self.answer(&error);
    }

    fn answer(&mut self, error: &RpcError) {
        self.is_answered = true;
        let headers = header::refusal(error);
        let broker = self.offer.connection.broker();
        broker.publish_unattended(self.reply.clone(), Some(headers.clone()), None);
        // For those who read the results alone.
        let results = below(&self.reply, RESULTS);
        broker.publish_unattended(results, Some(headers), None);
    }
}

impl Drop for Request {
    fn drop(&mut self) {
        if !self.is_answered {
            self.refuse_as(RpcErrorKind::Overloaded, "the call was turned away");
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
