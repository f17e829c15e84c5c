//! The subscription to the calls of a function, up to the last that arrives.

use core::pin::{Pin, pin};
use core::task::{Context, Poll, Waker};
use std::sync::Arc;

use async_nats::{Message, Subscriber};
use futures::future::BoxFuture;
use futures::{FutureExt as _, Stream, StreamExt as _};
use tokio::task::coop::unconstrained;
use wrpc_middleware_errors::RpcError;

use super::Request;
use super::request::Offer;
use crate::client;
use crate::connection::{Connection, ConnectionState};

/// What arrives for a function until it is drained.
pub(super) struct Arrivals {
    offer: Arc<Offer>,
    state: State,
}

enum State {
    Serving(Subscriber),
    /// Waits for room to tell the broker to send no more.
    Leaving(BoxFuture<'static, Subscriber>),
    /// The broker was told; resolves once all that it had sent has arrived.
    Draining(Subscriber, BoxFuture<'static, ()>),
    /// Nothing new comes, but what had arrived.
    Drained(Subscriber),
    Ended,
}

/// After how many messages a subscription ends, so that it ends at once for the broker, and never
/// for the NATS client, which goes on passing on what was under way.
///
/// Its own `drain` forgets a subscription as soon as the broker was told to send no more, and with
/// it what comes before the broker has read that. A number of more than nine digits is none to the
/// broker, which then does what it does without one. One that took it for a number would be told
/// again when the stream ends.
const AT_ONCE: u64 = u64::MAX;

impl Arrivals {
    pub(super) fn new(offer: Arc<Offer>, subscription: Subscriber) -> Self {
        Self {
            offer,
            state: State::Serving(subscription),
        }
    }

    pub(super) fn has_ended(&self) -> bool {
        matches!(self.state, State::Ended)
    }

    /// The calls that have arrived already.
    pub(super) fn take_arrived(&mut self) -> impl Iterator<Item = Request> {
        core::iter::from_fn(|| {
            let cx = &mut Context::from_waker(Waker::noop());
            loop {
                let (State::Serving(messages)
                | State::Draining(messages, _)
                | State::Drained(messages)) = &mut self.state
                else {
                    return None;
                };
                let Poll::Ready(Some(message)) = poll_arrived(messages, cx) else {
                    return None;
                };
                if let Some(request) = Request::new(&self.offer, message) {
                    return Some(request);
                }
            }
        })
    }

    /// Whether it has to drain, and knows nothing of it yet.
    fn has_to_drain(&self) -> bool {
        matches!(self.state, State::Serving(_)) && self.offer.served.is_draining()
    }

    /// Moves a drain on.
    fn drain(&mut self, cx: &mut Context<'_>) {
        let is_draining = self.has_to_drain();
        if !is_draining && matches!(self.state, State::Serving(_)) {
            return;
        }
        let mut state = core::mem::replace(&mut self.state, State::Ended);
        self.state = loop {
            state = match state {
                State::Serving(messages) if is_draining => State::Leaving(leave(messages).boxed()),
                State::Leaving(mut leaving) => match leaving.poll_unpin(cx) {
                    Poll::Ready(messages) => {
                        State::Draining(messages, all_arrived(&self.offer.connection).boxed())
                    }
                    Poll::Pending => break State::Leaving(leaving),
                },
                State::Draining(messages, mut all) => match all.poll_unpin(cx) {
                    Poll::Ready(()) => State::Drained(messages),
                    Poll::Pending => break State::Draining(messages, all),
                },
                state => break state,
            };
        };
    }

    /// The next message; none if there will be none.
    fn poll_message(&mut self, cx: &mut Context<'_>) -> Poll<Option<Message>> {
        match &mut self.state {
            State::Serving(messages) | State::Draining(messages, _) => messages.poll_next_unpin(cx),
            State::Leaving(_) => Poll::Pending,
            State::Drained(messages) => match poll_arrived(messages, cx) {
                Poll::Pending => Poll::Ready(None),
                message @ Poll::Ready(_) => message,
            },
            State::Ended => Poll::Ready(None),
        }
    }
}

impl Stream for Arrivals {
    type Item = Result<Request, RpcError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        this.drain(cx);
        loop {
            let Poll::Ready(message) = this.poll_message(cx) else {
                break;
            };
            let Some(message) = message else {
                this.state = State::Ended;
                return Poll::Ready(None);
            };
            if let Some(request) = Request::new(&this.offer, message) {
                return Poll::Ready(Some(Ok(request)));
            }
        }
        let served = &this.offer.served;
        served.waker.register(cx.waker());
        if let Some(refusal) = served.refusal() {
            let refusal = refusal.clone();
            this.state = State::Ended;
            return Poll::Ready(Some(Err(refusal)));
        }
        if this.has_to_drain() {
            // Since it was looked at.
            cx.waker().wake_by_ref();
        }
        Poll::Pending
    }
}

/// The next message that has arrived. Unlike the subscription, which is also pending when it is
/// another task's turn, this is so only if there is none.
fn poll_arrived(messages: &mut Subscriber, cx: &mut Context<'_>) -> Poll<Option<Message>> {
    pin!(unconstrained(messages.next())).poll(cx)
}

/// Tells the broker to send no more.
async fn leave(mut messages: Subscriber) -> Subscriber {
    // Closed is as good.
    let _ = messages.unsubscribe_after(AT_ONCE).await;
    messages
}

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
