//! The streams of any transport as one type, so that what is above them is compiled once.

use core::fmt;
use core::pin::Pin;
use core::task::{Context, Poll};
use std::io;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use wrpc_transport::Index;

trait Write: AsyncWrite + Send + Sync + Unpin {
    fn child(&self, path: &[usize]) -> anyhow::Result<Outgoing>;
}

impl<T: AsyncWrite + Index<T> + Send + Sync + Unpin + 'static> Write for T {
    fn child(&self, path: &[usize]) -> anyhow::Result<Outgoing> {
        self.index(path).map(Outgoing::new)
    }
}

/// An outgoing stream.
pub(crate) struct Outgoing(Box<dyn Write>);

impl Outgoing {
    pub(crate) fn new<T>(stream: T) -> Self
    where
        T: AsyncWrite + Index<T> + Send + Sync + Unpin + 'static,
    {
        Self(Box::new(stream))
    }
}

impl Index<Self> for Outgoing {
    fn index(&self, path: &[usize]) -> anyhow::Result<Self> {
        self.0.child(path)
    }
}

impl AsyncWrite for Outgoing {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut *self.0).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.0).poll_shutdown(cx)
    }
}

impl fmt::Debug for Outgoing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Outgoing")
    }
}

trait Read: AsyncRead + Send + Sync + Unpin {
    fn child(&self, path: &[usize]) -> anyhow::Result<Incoming>;
}

impl<T: AsyncRead + Index<T> + Send + Sync + Unpin + 'static> Read for T {
    fn child(&self, path: &[usize]) -> anyhow::Result<Incoming> {
        self.index(path).map(Incoming::new)
    }
}

/// An incoming stream.
pub(crate) struct Incoming(Box<dyn Read>);

impl Incoming {
    pub(crate) fn new<T>(stream: T) -> Self
    where
        T: AsyncRead + Index<T> + Send + Sync + Unpin + 'static,
    {
        Self(Box::new(stream))
    }
}

impl Index<Self> for Incoming {
    fn index(&self, path: &[usize]) -> anyhow::Result<Self> {
        self.0.child(path)
    }
}

impl AsyncRead for Incoming {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.0).poll_read(cx, buf)
    }
}

impl fmt::Debug for Incoming {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Incoming")
    }
}
