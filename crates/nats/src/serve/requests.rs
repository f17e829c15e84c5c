//! The calls of a function, as they arrive.

use core::fmt;
use core::pin::{Pin, pin};
use core::task::{Context, Poll};
use std::sync::Arc;

use async_nats::{Message, Subscriber};
use futures::future::BoxFuture;
use futures::{FutureExt as _, Stream, StreamExt as _};
use tokio::task::coop::unconstrained;
use wrpc_middleware_errors::{Delivery, RpcError, RpcErrorKind};
use wrpc_middleware_transport::{Paths, Target};
use wrpc_transport::Serve;

use super::functions::Served;
use super::request::Offer;
use super::{Request, ServeContext};
use crate::connection::{Connection, ConnectionState};
use crate::function::Function;
use crate::{Client, Incoming, Outgoing, client, subject};

/// The calls of a function, as they arrive.
///
/// Ends after [`Client::drain`], once everything that had arrived was handed out, and when the
/// connection is closed. It fails, and ends, if the broker does not permit the function to be
/// served.
///
/// # Cancellation
///
/// Dropping it stops taking calls: what had arrived and was not handed out is refused as
/// `overloaded`, `not-sent`.
#[must_use = "streams do nothing unless polled"]
pub struct Requests {
    subscription: Subscriber,
    offer: Arc<Offer>,
    state: State,
}

enum State {
    Serving,
    /// The broker was told to send no more; resolves once all that it had sent has arrived.
    Draining(BoxFuture<'static, ()>),
    /// Nothing new comes, but what had arrived.
    Drained,
    Ended,
}

impl Client {
    /// The calls of the function `func` of `instance`, to be taken or refused one by one.
    ///
    /// `paths` are the asynchronous parameters to come, as
    /// [`Serve::serve`](wrpc_transport::Serve::serve) takes them.
    ///
    /// # Errors
    ///
    /// The names can't be part of a subject, the connection is closed, or the broker does not
    /// permit the function to be served.
    ///
    /// # Cancellation
    ///
    /// Dropping the future leaves no subscription behind.
    pub async fn requests(
        &self,
        instance: &str,
        func: &str,
        paths: impl Into<Paths> + Send,
    ) -> Result<Requests, RpcError> {
        let options = self.options();
        let function = Function {
            instance: instance.into(),
            func: func.into(),
        };
        if !Target::is_valid(func) || !(instance.is_empty() || Target::is_valid(instance)) {
            return Err(RpcError::new(
                RpcErrorKind::Other,
                Delivery::NotSent,
                format!(
                    "{}: its name can't be part of a subject",
                    function.to_string().escape_debug()
                ),
            ));
        }
        let subject = subject::invocation(&options.prefix, &options.id, instance, func);
        let served = Arc::new(Served::new(subject.clone(), function));
        let closed = || {
            let reason = "the connection is closed";
            let function = &served.function;
            function.error(RpcErrorKind::Transport, Delivery::NotSent, reason)
        };
        let connection = Arc::clone(self.connection());
        connection.core().served.insert(&served);
        let subscription = self
            .nats()
            .queue_subscribe(subject, options.group().to_owned())
            .await
            .map_err(|error| closed().with_source(error))?;
        // The second echo comes after the broker's word about the subscription was heard.
        for _ in 0..2 {
            client::echo(connection.core())
                .await
                .map_err(|error| closed().with_source(error))?;
        }
        if let Some(refusal) = served.refusal() {
            return Err(refusal.clone());
        }
        Ok(Requests {
            subscription,
            state: State::Serving,
            offer: Arc::new(Offer {
                connection,
                served,
                paths: paths.into(),
                params_timeout: options.params_timeout,
                clock_skew: options.clock_skew,
                inbox_prefix: options.inbox_prefix.clone(),
                running: self.running().cloned(),
            }),
        })
    }

    /// Stops taking calls, and loses none: every stream of calls of this client, and of its clones,
    /// hands out what has arrived and then ends. Calls that run go on.
    ///
    /// A stream that is not polled does not end.
    pub fn drain(&self) {
        self.connection().core().served.drain();
    }
}

impl Requests {
    /// The next message that has arrived. Unlike the subscription, which is also pending when it is
    /// another task's turn, this is so only if there is none.
    fn poll_arrived(&mut self, cx: &mut Context<'_>) -> Poll<Option<Message>> {
        pin!(unconstrained(self.subscription.next())).poll(cx)
    }

    /// Tells the broker to send no more. Returns whether it is told.
    fn unsubscribe(&mut self, cx: &mut Context<'_>) -> bool {
        match pin!(self.subscription.unsubscribe_after(AT_ONCE)).poll(cx) {
            // Closed is as good.
            Poll::Ready(_) => true,
            Poll::Pending => {
                // The queue is full, and waiting for it ends with this poll.
                cx.waker().wake_by_ref();
                false
            }
        }
    }

    /// Moves a drain on. Returns whether nothing new comes any more.
    fn poll_drained(&mut self, cx: &mut Context<'_>) -> bool {
        let served = &self.offer.served;
        if matches!(self.state, State::Serving) && served.is_draining() && self.unsubscribe(cx) {
            self.state = State::Draining(all_arrived(&self.offer.connection).boxed());
        }
        if let State::Draining(all_arrived) = &mut self.state
            && all_arrived.poll_unpin(cx).is_ready()
        {
            self.state = State::Drained;
        }
        matches!(self.state, State::Drained)
    }
}

/// After how many messages a subscription ends, so that it ends at once for the broker, and never
/// for the NATS client, which goes on passing on what was under way.
///
/// Its own `drain` forgets a subscription as soon as the broker was told to send no more, and with
/// it what comes before the broker has read that. A number of more than nine digits is none to the
/// broker, which then does what it does without one. One that took it for a number would be told
/// again when the stream ends.
const AT_ONCE: u64 = u64::MAX;

/// Resolves once everything that the broker has sent before was passed on. Without a connection
/// nothing more can come.
fn all_arrived(connection: &Arc<Connection>) -> impl Future<Output = ()> + Send + 'static {
    let core = Arc::clone(connection.core());
    let mut state = connection.state();
    async move {
        tokio::select! {
            _ = client::echo(&core) => {}
            _ = state.wait_for(|state| *state != ConnectionState::Connected) => {}
        }
    }
}

impl Stream for Requests {
    type Item = Result<Request, RpcError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        if matches!(this.state, State::Ended) {
            return Poll::Ready(None);
        }
        let is_drained = this.poll_drained(cx);
        loop {
            let message = if is_drained {
                this.poll_arrived(cx)
            } else {
                this.subscription.poll_next_unpin(cx)
            };
            match message {
                Poll::Ready(Some(message)) => {
                    if let Some(request) = Request::new(&this.offer, message) {
                        return Poll::Ready(Some(Ok(request)));
                    }
                }
                Poll::Ready(None) => {
                    this.state = State::Ended;
                    return Poll::Ready(None);
                }
                Poll::Pending if is_drained => {
                    this.state = State::Ended;
                    return Poll::Ready(None);
                }
                Poll::Pending => break,
            }
        }
        let served = &this.offer.served;
        served.waker.register(cx.waker());
        if let Some(refusal) = served.refusal() {
            let refusal = refusal.clone();
            this.state = State::Ended;
            return Poll::Ready(Some(Err(refusal)));
        }
        if matches!(this.state, State::Serving) && served.is_draining() {
            // Since it was looked at.
            cx.waker().wake_by_ref();
        }
        Poll::Pending
    }
}

impl Drop for Requests {
    fn drop(&mut self) {
        let cx = &mut Context::from_waker(core::task::Waker::noop());
        while let Poll::Ready(Some(message)) = self.poll_arrived(cx) {
            // Dropped, it is refused.
            drop(Request::new(&self.offer, message));
        }
    }
}

impl fmt::Debug for Requests {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Requests")
            .field("function", &format_args!("{}", self.offer.served.function))
            .finish_non_exhaustive()
    }
}

impl Serve for Client {
    type Context = ServeContext;
    type Outgoing = Outgoing;
    type Incoming = Incoming;

    /// Takes every call as it comes. See [`Client::requests`] for errors and cancellation.
    async fn serve(
        &self,
        instance: &str,
        func: &str,
        paths: impl Into<Paths> + Send,
    ) -> anyhow::Result<
        impl Stream<Item = anyhow::Result<(ServeContext, Outgoing, Incoming)>> + Send + 'static,
    > {
        let requests = self.requests(instance, func, paths).await?;
        Ok(requests.map(|request| Ok(request?.accept())))
    }
}
