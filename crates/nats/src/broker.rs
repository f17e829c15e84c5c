//! Publishing, without waiting where nothing has to be waited for.

use core::fmt;
use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll};
use std::sync::Arc;

use async_nats::client::traits::Publisher as _;
use async_nats::client::{PublishError, PublishErrorKind};
use async_nats::connection::State;
use async_nats::message::OutboundMessage;
use async_nats::{HeaderMap, Subject};
use bytes::Bytes;
use futures::FutureExt as _;
use futures::future::BoxFuture;
use tokio::sync::{mpsc, oneshot};
use tokio::task::coop::unconstrained;
use tracing::{debug, warn};

use crate::sync::atomic::{AtomicUsize, Ordering};

/// As many messages as may wait for room in the client's queue without anybody waiting for them,
/// and as many whose senders wait, or may.
const MAX_WAITING: usize = 4096;

/// The connection as far as publishing is concerned.
pub(crate) struct Broker {
    nats: async_nats::Client,
    unattended: mpsc::Sender<Publishing>,
    begun: mpsc::Sender<Publishing>,
    /// How many of `begun` have no place in the client's queue yet.
    waiting: Arc<AtomicUsize>,
}

/// What is to be sent as soon as there is room, by [`send_waiting`].
pub(crate) struct Waiting {
    unattended: mpsc::Receiver<Publishing>,
    begun: mpsc::Receiver<Publishing>,
}

/// A message that has no place in the client's queue yet, which is not sent if this is dropped; or
/// what else has to be waited for before the next one.
pub(crate) struct Publishing(BoxFuture<'static, Result<(), PublishError>>);

impl Future for Publishing {
    type Output = Result<(), PublishError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.0.poll_unpin(cx)
    }
}

impl fmt::Debug for Publishing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Publishing")
    }
}

/// What became of a message.
#[derive(Debug)]
pub(crate) enum Published {
    /// It is in the client's queue.
    Queued,
    /// The queue is full.
    Waiting(Publishing),
}

impl Broker {
    /// A task has to run [`send_waiting`].
    pub(crate) fn new(nats: async_nats::Client) -> (Self, Waiting) {
        let (unattended, unattended_receiver) = mpsc::channel(MAX_WAITING);
        let (begun, begun_receiver) = mpsc::channel(MAX_WAITING);
        let broker = Self {
            nats,
            unattended,
            begun,
            waiting: Arc::default(),
        };
        let waiting = Waiting {
            unattended: unattended_receiver,
            begun: begun_receiver,
        };
        (broker, waiting)
    }

    pub(crate) fn nats(&self) -> &async_nats::Client {
        &self.nats
    }

    pub(crate) fn is_connected(&self) -> bool {
        self.nats.connection_state() == State::Connected
    }

    /// The bytes of a message, headers included.
    pub(crate) fn max_payload(&self) -> usize {
        self.nats.max_payload()
    }

    /// Hands a message to the client now, or as soon as there is room, whether that is awaited or
    /// not.
    ///
    /// Who writes to a stream may go on to wait for something else. The room that was given to its
    /// message would be taken from all others meanwhile, and a target that waits for parameters
    /// would wait for ever if its handshake did.
    pub(crate) fn publish(
        self: &Arc<Self>,
        message: impl Fn() -> OutboundMessage,
    ) -> Result<Published, PublishError> {
        // Nothing overtakes what waits.
        if self.waiting.load(Ordering::Acquire) == 0 {
            let attempt = self.nats.publish_message(message());
            if let Some(published) = unconstrained(attempt).now_or_never() {
                return published.map(|()| Published::Queued);
            }
        }
        // The attempt is gone, and its claim to the next room with it: who has one and waits for
        // its turn behind others keeps them from theirs.
        let sending = self.sending(message());
        Ok(Published::Waiting(self.begin(sending)))
    }

    /// The same, but after `before`.
    pub(crate) fn publish_after(
        self: &Arc<Self>,
        before: Publishing,
        message: OutboundMessage,
    ) -> Publishing {
        let sending = self.sending(message);
        self.begin(Publishing(Box::pin(async move {
            before.await?;
            sending.await
        })))
    }

    /// What waits for room once it is polled.
    fn sending(self: &Arc<Self>, message: OutboundMessage) -> Publishing {
        let broker = Arc::clone(self);
        Publishing(Box::pin(async move {
            broker.nats.publish_message(message).await
        }))
    }

    /// Sees to it that `publishing` goes on, whether what this returns is awaited or not.
    fn begin(&self, publishing: Publishing) -> Publishing {
        let Ok(place) = self.begun.try_reserve() else {
            return publishing;
        };
        let (sender, receiver) = oneshot::channel();
        let waiting = Arc::clone(&self.waiting);
        waiting.fetch_add(1, Ordering::AcqRel);
        place.send(Publishing(Box::pin(async move {
            let published = publishing.await;
            waiting.fetch_sub(1, Ordering::AcqRel);
            // Nobody may wait for it.
            let _ = sender.send(published);
            Ok(())
        })));
        Publishing(Box::pin(async move {
            let closed = || PublishError::new(PublishErrorKind::Send);
            receiver.await.unwrap_or_else(|_| Err(closed()))
        }))
    }

    /// Hands a message to the client, or gives back what does.
    pub(crate) fn offer(
        self: &Arc<Self>,
        message: OutboundMessage,
    ) -> Result<Published, PublishError> {
        let published = if message.headers.is_none() {
            // Cloning what has no headers counts references; boxing would allocate.
            let attempt = self.nats.publish_message(message.clone());
            unconstrained(attempt).now_or_never().ok_or(message)
        } else {
            Err(message)
        };
        match published {
            Ok(published) => published.map(|()| Published::Queued),
            Err(message) => {
                let mut publishing = self.sending(message);
                match unconstrained(&mut publishing).now_or_never() {
                    Some(published) => published.map(|()| Published::Queued),
                    None => Ok(Published::Waiting(publishing)),
                }
            }
        }
    }

    /// Hands a message to the client, however long that takes, but not more than a number of them.
    pub(crate) fn publish_unattended(
        self: &Arc<Self>,
        subject: Subject,
        headers: Option<HeaderMap>,
        reply: Option<Subject>,
    ) {
        let message = OutboundMessage {
            subject,
            payload: Bytes::new(),
            reply,
            headers,
        };
        match self.offer(message.clone()) {
            Ok(Published::Queued) => {}
            Ok(Published::Waiting(begun)) => {
                // Its claim to the next room goes with it, as in `publish`.
                drop(begun);
                self.leave(self.sending(message));
            }
            Err(error) => debug!(?error, "a message was not published"),
        }
    }

    /// The same, but after `before`.
    pub(crate) fn leave_with(
        self: &Arc<Self>,
        before: Publishing,
        subject: Subject,
        headers: Option<HeaderMap>,
    ) {
        let sending = self.sending(OutboundMessage {
            subject,
            payload: Bytes::new(),
            reply: None,
            headers,
        });
        self.leave(Publishing(Box::pin(async move {
            before.await?;
            sending.await
        })));
    }

    /// Waits until what was published so far has left.
    pub(crate) fn flush(self: &Arc<Self>) -> Publishing {
        let broker = Arc::clone(self);
        Publishing(Box::pin(async move {
            // A connection that is closed fails the next message.
            let _ = broker.nats.flush().await;
            Ok(())
        }))
    }

    /// Waits until what was published so far has left, and what waits for room.
    pub(crate) async fn settle(&self) {
        for waiting in [&self.begun, &self.unattended] {
            let (sender, sent) = oneshot::channel();
            let last = Publishing(Box::pin(async move {
                // Whoever waits for it may have given up.
                let _ = sender.send(());
                Ok(())
            }));
            if waiting.send(last).await.is_ok() {
                let _ = sent.await;
            }
        }
        let _ = self.nats.flush().await;
    }

    /// Sees to it that a message is sent, after those that were left before.
    pub(crate) fn leave(&self, publishing: Publishing) {
        if self.unattended.try_send(publishing).is_err() {
            warn!("too many messages wait for the connection; one is dropped");
        }
    }
}

impl fmt::Debug for Broker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Broker").finish_non_exhaustive()
    }
}

/// Sends what has to wait for room.
pub(crate) async fn send_waiting(waiting: Waiting) {
    tokio::join!(send(waiting.unattended), send(waiting.begun));
}

async fn send(mut messages: mpsc::Receiver<Publishing>) {
    while let Some(publishing) = messages.recv().await {
        if let Err(error) = publishing.await {
            debug!(?error, "a message was not published");
        }
    }
}
