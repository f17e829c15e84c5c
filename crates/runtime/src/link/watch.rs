//! What the results of a call have shown so far.

use core::pin::Pin;
use core::task::{Context, Poll, ready};
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::io::{AsyncRead, ReadBuf};
use wrpc_transport::Index;

/// Shared by the streams of one call's results.
#[derive(Debug, Default)]
pub(super) struct Seen(AtomicBool);

impl Seen {
    /// Whether a byte of a result has arrived, so that the target must have taken the call.
    pub(super) fn answered(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Results that note in [`Seen`] that something has arrived.
#[derive(Debug)]
pub(super) struct Watched<R> {
    inner: R,
    seen: Arc<Seen>,
}

impl<R> Watched<R> {
    pub(super) fn new(inner: R) -> (Self, Arc<Seen>) {
        let seen = Arc::default();
        let watched = Self {
            inner,
            seen: Arc::clone(&seen),
        };
        (watched, seen)
    }
}

impl<R: AsyncRead + Unpin> AsyncRead for Watched<R> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buf.filled().len();
        ready!(Pin::new(&mut this.inner).poll_read(cx, buf))?;
        if buf.filled().len() > before {
            this.seen.0.store(true, Ordering::Relaxed);
        }
        Poll::Ready(Ok(()))
    }
}

impl<R: Index<R>> Index<Self> for Watched<R> {
    fn index(&self, path: &[usize]) -> anyhow::Result<Self> {
        Ok(Self {
            inner: self.inner.index(path)?,
            seen: Arc::clone(&self.seen),
        })
    }
}
