//! Streams that are cheap to move.

use core::pin::Pin;
use core::task::{Context, Poll};
use std::io;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use wrpc_transport::Index;

/// A stream of upstream's client in memory of its own: it has hundreds of bytes, and every layer
/// moves it on.
#[derive(Debug)]
pub struct Boxed<T>(Box<T>);

impl<T> Boxed<T> {
    pub(super) fn new(stream: T) -> Self {
        Self(Box::new(stream))
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Boxed<T> {
    #[inline]
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buf)
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Boxed<T> {
    #[inline]
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, buf)
    }

    #[inline]
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    #[inline]
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}

impl<T: Index<T>> Index<Self> for Boxed<T> {
    fn index(&self, path: &[usize]) -> anyhow::Result<Self> {
        self.0.index(path).map(Self::new)
    }
}
