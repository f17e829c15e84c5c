//! A stream of a call that is watched.

use core::fmt;
use core::pin::Pin;
use core::task::{Context, Poll};
use std::io;
use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use wrpc_transport::Index;

use super::{Flow, Observer};

/// A stream of a call, or one that was indexed out of it. The call has ended once all of its
/// streams are dropped.
///
/// Cancel safe as the stream it wraps is.
pub struct Observed<T, E: Observer> {
    inner: T,
    flow: Arc<Flow<E>>,
    /// Whether this is the stream at the root.
    is_root: bool,
    /// Whether a read was found pending.
    waits: bool,
}

impl<T, E: Observer> Observed<T, E> {
    pub(crate) const fn new(inner: T, flow: Arc<Flow<E>>) -> Self {
        Self {
            inner,
            flow,
            is_root: true,
            waits: false,
        }
    }
}

impl<T: Unpin, E: Observer> Observed<T, E> {
    fn write<R>(
        &mut self,
        operation: impl FnOnce(Pin<&mut T>) -> Poll<io::Result<R>>,
    ) -> Poll<io::Result<R>> {
        let Self { inner, flow, .. } = self;
        let polled = flow.observer().within(|| operation(Pin::new(inner)));
        if let Poll::Ready(Err(error)) = &polled {
            flow.write_failed(error);
        }
        polled
    }
}

impl<T: AsyncRead + Unpin, E: Observer> AsyncRead for Observed<T, E> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let (before, room) = (buf.filled().len(), buf.remaining());
        let inner = Pin::new(&mut this.inner);
        let polled = this.flow.observer().within(|| inner.poll_read(cx, buf));
        this.waits = polled.is_pending();
        match &polled {
            Poll::Pending => this.flow.waits(),
            Poll::Ready(Err(error)) => this.flow.read_failed(error),
            Poll::Ready(Ok(())) if buf.filled().len() > before => this.flow.has_read(false),
            Poll::Ready(Ok(())) if room > 0 && this.is_root => this.flow.has_read(true),
            Poll::Ready(Ok(())) => {}
        }
        polled
    }
}

impl<T: AsyncWrite + Unpin, E: Observer> AsyncWrite for Observed<T, E> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.write(|inner| inner.poll_write(cx, buf))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.write(|inner| inner.poll_flush(cx))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let polled = self.write(|inner| inner.poll_shutdown(cx));
        if self.is_root && matches!(polled, Poll::Ready(Ok(()))) {
            self.flow.closed();
        }
        polled
    }
}

impl<T: Index<T>, E: Observer> Index<Self> for Observed<T, E> {
    fn index(&self, path: &[usize]) -> anyhow::Result<Self> {
        Ok(Self {
            inner: self.inner.index(path)?,
            flow: Arc::clone(&self.flow),
            is_root: false,
            waits: false,
        })
    }
}

impl<T, E: Observer> Drop for Observed<T, E> {
    fn drop(&mut self) {
        if self.waits {
            self.flow.cut();
        }
    }
}

impl<T: fmt::Debug, E: Observer> fmt::Debug for Observed<T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Observed").field(&self.inner).finish()
    }
}
