//! The incoming stream of a call, and its children.

use core::fmt;
use core::future::Future as _;
use core::pin::Pin;
use core::task::{Context, Poll};
use core::time::Duration;
use std::io;
use std::sync::Arc;

use bytes::{Buf as _, Bytes};
use tokio::io::{AsyncRead, ReadBuf};
use tokio::time::{Sleep, sleep};
use wrpc_middleware_errors::{Delivery, RpcErrorKind};
use wrpc_transport::Index;

use crate::exchange::{Exchange, Next};

/// The results of a call that was made, or the parameters of one that is served.
///
/// What arrived before the call failed can still be read; then every read fails with the
/// [`RpcError`](wrpc_middleware_errors::RpcError), the payload of the [`io::Error`]. A stream that
/// ended cleanly has all that the peer wrote: a message that went missing is an error.
///
/// Never holds up another call. What is not read is held, up to a limit, past which the call
/// fails as `overloaded`.
///
/// # Cancellation
///
/// Reads are cancel safe. Dropping it lets go of what was not read. With the last stream of a call
/// whose results have not ended, the target is told that the caller has given up.
pub struct Incoming {
    exchange: Arc<Exchange>,
    path: Box<[usize]>,
    /// What was taken and not read.
    chunk: Bytes,
    /// Whether this is the reader of a stream, and not only of what is below it.
    reads: bool,
    idle: Option<Idle>,
}

/// How long the peer may be silent.
struct Idle {
    limit: Duration,
    sleep: Option<Pin<Box<Sleep>>>,
}

impl Incoming {
    pub(crate) fn new(exchange: Arc<Exchange>) -> Self {
        Self {
            exchange,
            path: Box::default(),
            chunk: Bytes::new(),
            reads: true,
            idle: None,
        }
    }

    /// The same, after `first`, and failing if nothing arrives for `limit` while it is read.
    pub(crate) fn after(mut self, first: Bytes, limit: Option<Duration>) -> Self {
        self.chunk = first;
        self.idle = limit.map(|limit| Idle { limit, sleep: None });
        self
    }

    /// Whether the peer has been silent for too long.
    fn poll_idle(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Some(idle) = &mut self.idle else {
            return Poll::Pending;
        };
        let sleep = idle
            .sleep
            .get_or_insert_with(|| Box::pin(sleep(idle.limit)));
        if sleep.as_mut().poll(cx).is_pending() {
            return Poll::Pending;
        }
        let limit = idle.limit;
        let error = self.exchange.error(
            RpcErrorKind::Timeout,
            Delivery::Accepted,
            fmt::from_fn(move |f| write!(f, "no parameters arrived for {limit:?}")),
        );
        self.exchange.fail(error.clone());
        Poll::Ready(Err(error.into()))
    }
}

impl AsyncRead for Incoming {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if buf.remaining() == 0 {
            return Poll::Ready(Ok(()));
        }
        let this = &mut *self;
        if this.chunk.is_empty() {
            if !this.reads {
                let error = this.exchange.failure().unwrap_or_else(|| {
                    this.exchange.error(
                        RpcErrorKind::Protocol,
                        Delivery::Accepted,
                        "the stream was not asked for, or is read already",
                    )
                });
                return Poll::Ready(Err(error.into()));
            }
            match this.exchange.next(&this.path, cx) {
                Next::Chunk(chunk) => this.chunk = chunk,
                Next::End => return Poll::Ready(Ok(())),
                Next::Failed(error) => return Poll::Ready(Err(error.into())),
                Next::Pending => return this.poll_idle(cx),
            }
            if let Some(idle) = &mut this.idle {
                idle.sleep = None;
            }
        }
        let len = this.chunk.len().min(buf.remaining());
        let (read, _) = this.chunk.split_at(len);
        buf.put_slice(read);
        this.chunk.advance(len);
        Poll::Ready(Ok(()))
    }
}

impl Index<Self> for Incoming {
    fn index(&self, path: &[usize]) -> anyhow::Result<Self> {
        anyhow::ensure!(!path.is_empty(), "the path of a stream is empty");
        let path: Box<[usize]> = self.path.iter().chain(path).copied().collect();
        let mut child = Self::new(Arc::clone(&self.exchange));
        child.reads = self.exchange.take_stream(&path);
        child.path = path;
        Ok(child)
    }
}

impl Drop for Incoming {
    fn drop(&mut self) {
        if self.reads {
            self.exchange.abandon_stream(&self.path);
        }
    }
}

impl fmt::Debug for Incoming {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Incoming")
            .field("exchange", &self.exchange)
            .field("path", &self.path)
            .field("chunk", &self.chunk.len())
            .finish_non_exhaustive()
    }
}
