//! The outgoing stream of a call, and its children.

use core::fmt;
use core::future::Future as _;
use core::pin::Pin;
use core::task::{Context, Poll, ready};
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use async_nats::Subject;
use async_nats::client::PublishError;
use async_nats::message::OutboundMessage;
use bytes::Bytes;
use tokio::io::AsyncWrite;
use wrpc_middleware_errors::{Delivery, RpcError, RpcErrorKind};
use wrpc_transport::Index;

use crate::broker::{Published, Publishing};
use crate::exchange::{Answered, Exchange, ROOT};
use crate::header;
use crate::subject::{has_form_of_ours, stream};

/// As much as one stream has in the queue of the client, which counts messages and not bytes: they
/// have to leave before there is more.
const MAX_QUEUED: usize = 8 << 20;

/// As large as a message gets that is held for the end of the results, or that goes to a peer of
/// another implementation, even where the broker takes larger ones. Upstream's peers have room for
/// a number of messages, however small, and hold up all of their calls where they are not read.
const MAX_CHUNK: usize = 256 << 10;

/// As large as a message to a peer of ours gets. The broker and the NATS client read 64 KiB at a
/// time, and put together in a buffer of its own what is not in one read as a whole: most of these
/// are. And a peer reads one while the next is on its way.
const MAX_CHUNK_TO_OURS: usize = 24 << 10;

/// Room in a message for the number of a chunk.
const SEQUENCE_ROOM: usize = 64;

/// The parameters of a call that was made, or the results of one that is served.
///
/// A caller's completes nothing before the handshake, so a completed
/// [flush](tokio::io::AsyncWriteExt::flush) shows that the target took the call. It does not show
/// that anything arrived: what is written is in the queue of the client.
///
/// Of results that were written within a millisecond or two of taking the call, the first message
/// is kept that long, since their end most often follows: the answer then is a single message. A
/// flush does not wait for it.
///
/// Every error is an [`RpcError`], the payload of the [`io::Error`]; the same one again on each
/// further use. Only what is written after the stream was shut down fails without one, as
/// [`BrokenPipe`](io::ErrorKind::BrokenPipe).
///
/// # Cancellation
///
/// All operations are cancel safe. Dropped before it was
/// [shut down](tokio::io::AsyncWriteExt::shutdown), it ends the stream in an error that the peer
/// reads: a function that ends without a result is `target-failed` to its caller.
pub struct Outgoing {
    exchange: Arc<Exchange>,
    path: Box<[usize]>,
    /// Known once the peer is.
    subject: Option<Subject>,
    /// As large as a message gets, as far as the peer is known.
    max_chunk: usize,
    /// What goes in front of everything that is written.
    rest: Bytes,
    /// How many messages are on the subject.
    sent: u64,
    /// How many bytes were queued since it was known that they had left.
    queued: usize,
    /// A message that has no place in the client's queue yet. A lock, never contended, since
    /// streams have to be `Sync`.
    publishing: Mutex<Option<Publishing>>,
    closed: bool,
    key: u32,
    /// Whether the caller knows that its call was taken; true of a caller's own.
    told: bool,
    /// Whether a waker may be left with the exchange.
    is_waiting: bool,
}

impl Outgoing {
    pub(crate) fn new(exchange: Arc<Exchange>, rest: Bytes) -> Self {
        exchange.writer_began();
        Self {
            told: exchange.is_caller(),
            exchange,
            path: Box::default(),
            subject: None,
            max_chunk: MAX_CHUNK,
            rest,
            sent: 0,
            queued: 0,
            publishing: Mutex::default(),
            closed: false,
            key: ROOT,
            is_waiting: false,
        }
    }

    /// Ends the stream in `error`, which the peer reads in place of an end.
    ///
    /// Peers of another implementation see the end of the stream.
    ///
    /// ```
    /// # use wrpc_middleware_errors::{Delivery, RpcError, RpcErrorKind};
    /// # fn answer(results: wrpc_middleware_nats::Outgoing) {
    /// let error = RpcError::new(RpcErrorKind::Overloaded, Delivery::NotSent, "greet: try later");
    /// results.fail(&error);
    /// # }
    /// ```
    pub fn fail(mut self, error: &RpcError) {
        if self.closed {
            return;
        }
        let before = self.publishing().take();
        self.exchange
            .end_outgoing(&self.path, self.sent, before, error);
        self.close();
    }

    /// Nothing more is written.
    fn close(&mut self) {
        self.closed = true;
        self.exchange.writer_ended(self.path.is_empty());
    }

    fn publishing(&mut self) -> &mut Option<Publishing> {
        self.publishing
            .get_mut()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn not_published(&self, error: PublishError) -> io::Error {
        let error = self
            .exchange
            .error(
                RpcErrorKind::Transport,
                Delivery::Accepted,
                "a message could not be published",
            )
            .with_source(error);
        self.exchange.fail(error.clone());
        error.into()
    }

    /// Waits until the peer is known and the messages before have their place.
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Subject>> {
        if !self.told {
            self.exchange.tell();
            self.told = true;
        }
        let subject = if let Some(subject) = &self.subject {
            if let Some(failure) = self.exchange.failure() {
                return Poll::Ready(Err(failure.into()));
            }
            subject.clone()
        } else {
            self.is_waiting = true;
            let peer = ready!(self.exchange.poll_peer(self.key, cx))?;
            if has_form_of_ours(&peer) {
                self.max_chunk = MAX_CHUNK_TO_OURS;
            }
            let subject = stream(&peer, self.exchange.outgoing(), &self.path);
            self.subject.insert(subject).clone()
        };
        if self.publishing().is_none() && self.path.is_empty() {
            *self.publishing() = self.exchange.before();
        }
        if let Some(publishing) = self.publishing() {
            let Poll::Ready(published) = Pin::new(publishing).poll(cx) else {
                self.is_waiting = true;
                return self
                    .exchange
                    .poll_failed(self.key, cx)
                    .map(|failure| Err(failure.into()));
            };
            *self.publishing() = None;
            published.map_err(|error| self.not_published(error))?;
        }
        Poll::Ready(Ok(subject))
    }

    /// The same, and what goes in front of everything is sent.
    fn poll_rest(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Subject>> {
        loop {
            let subject = ready!(self.poll_ready(cx))?;
            if self.rest.is_empty() {
                return Poll::Ready(Ok(subject));
            }
            let room = self.room()?;
            let chunk = self.rest.split_to(room.min(self.rest.len()));
            self.send(&subject, &chunk)?;
        }
    }

    /// As many bytes as go into a message.
    fn room(&self) -> io::Result<usize> {
        let max = self.exchange.connection().broker().max_payload();
        match max.checked_sub(SEQUENCE_ROOM) {
            Some(room) if room > 0 => Ok(room.min(self.max_chunk)),
            _ => {
                let error = self.exchange.error(
                    RpcErrorKind::Transport,
                    Delivery::Accepted,
                    "the broker permits no messages of a useful size",
                );
                self.exchange.fail(error.clone());
                Err(error.into())
            }
        }
    }

    /// Whether the call had room for all parameters.
    fn went_with_the_call(&self) -> bool {
        self.exchange.is_caller() && self.path.is_empty() && self.sent == 0 && self.rest.is_empty()
    }

    /// Whether this is the first of the results, and nothing was told to the caller as far as is
    /// known here.
    fn is_untold_root(&self) -> bool {
        !self.told && self.path.is_empty()
    }

    /// Ends the results in one message with all of them, if that can be.
    fn answer(&mut self) -> io::Result<bool> {
        let answered = self.exchange.answer();
        let answered = answered.map_err(|error| self.not_published(error))?;
        if let Answered::InOne(Published::Waiting(publishing)) = answered {
            *self.publishing() = Some(publishing);
            return Ok(true);
        }
        Ok(matches!(answered, Answered::InOne(_)))
    }

    /// Queues a message, or keeps it until there is room for it.
    fn send(&mut self, subject: &Subject, payload: &Bytes) -> io::Result<()> {
        self.queued += payload.len();
        let broker = Arc::clone(self.exchange.connection().broker());
        let published = broker.publish(|| OutboundMessage {
            subject: subject.clone(),
            payload: payload.clone(),
            reply: None,
            headers: header::write_sequence(self.sent),
        });
        let published = published.map_err(|error| self.not_published(error))?;
        self.sent += 1;
        if let Published::Waiting(publishing) = published {
            *self.publishing() = Some(publishing);
        } else if self.queued >= MAX_QUEUED {
            self.queued = 0;
            *self.publishing() = Some(broker.flush());
        }
        Ok(())
    }
}

impl AsyncWrite for Outgoing {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        if buf.is_empty() {
            // An empty message would close the stream.
            return Poll::Ready(Ok(0));
        }
        if self.closed {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        if self.is_untold_root() {
            let (chunk, _) = buf.split_at(self.room()?.min(buf.len()));
            if self.exchange.hold_first(chunk) {
                self.sent = 1;
                return Poll::Ready(Ok(chunk.len()));
            }
        }
        let subject = ready!(self.poll_rest(cx))?;
        let (chunk, _) = buf.split_at(self.room()?.min(buf.len()));
        self.send(&subject, &Bytes::copy_from_slice(chunk))?;
        Poll::Ready(Ok(chunk.len()))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.is_untold_root() && self.exchange.holds_results() {
            return Poll::Ready(Ok(()));
        }
        self.poll_rest(cx).map_ok(drop)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.closed {
            // Nothing is awaited but room for the end.
            return match self.publishing() {
                Some(_) => self.poll_ready(cx).map_ok(drop),
                None => Poll::Ready(Ok(())),
            };
        }
        if self.went_with_the_call() {
            self.is_waiting = true;
            ready!(self.exchange.poll_end_params(self.key, cx))?;
            self.close();
            return Poll::Ready(Ok(()));
        }
        if !(self.is_untold_root() && self.answer()?) {
            let subject = ready!(self.poll_rest(cx))?;
            self.send(&subject, &Bytes::new())?;
        }
        self.close();
        if self.publishing().is_none() {
            return Poll::Ready(Ok(()));
        }
        self.poll_ready(cx).map_ok(drop)
    }
}

impl Index<Self> for Outgoing {
    fn index(&self, path: &[usize]) -> anyhow::Result<Self> {
        anyhow::ensure!(!path.is_empty(), "the path of a stream is empty");
        let mut child = Self::new(Arc::clone(&self.exchange), Bytes::new());
        child.path = self.path.iter().chain(path).copied().collect();
        child.key = self.exchange.key();
        Ok(child)
    }
}

impl Drop for Outgoing {
    fn drop(&mut self) {
        let before = self.publishing().take();
        if self.closed {
            if let Some(before) = before {
                self.exchange.connection().broker().leave(before);
            }
        } else {
            self.exchange
                .abandon_outgoing(&self.path, self.sent, before);
            self.exchange.writer_ended(false);
        }
        if self.is_waiting {
            self.exchange.forget(self.key);
        }
    }
}

impl fmt::Debug for Outgoing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outgoing")
            .field("exchange", &self.exchange)
            .field("path", &self.path)
            .field("closed", &self.closed)
            .finish_non_exhaustive()
    }
}
