//! A stream that holds its call's permit.

use core::pin::Pin;
use core::task::{Context, Poll};
use std::io;
use std::sync::Arc;

use pin_project::pin_project;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::OwnedSemaphorePermit;
use wrpc_transport::Index;

/// A stream of a call. The call's permit is free once all of its streams are dropped.
#[pin_project]
#[derive(Debug)]
pub struct Permitted<T> {
    #[pin]
    inner: T,
    permit: Arc<Option<OwnedSemaphorePermit>>,
}

impl<T> Permitted<T> {
    pub(super) const fn new(inner: T, permit: Arc<Option<OwnedSemaphorePermit>>) -> Self {
        Self { inner, permit }
    }
}

impl<T: AsyncRead> AsyncRead for Permitted<T> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.project().inner.poll_read(cx, buf)
    }
}

impl<T: AsyncWrite> AsyncWrite for Permitted<T> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.project().inner.poll_write(cx, buf)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.project().inner.poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.project().inner.poll_shutdown(cx)
    }
}

impl<T: Index<T>> Index<Self> for Permitted<T> {
    fn index(&self, path: &[usize]) -> anyhow::Result<Self> {
        Ok(Self {
            inner: self.inner.index(path)?,
            permit: Arc::clone(&self.permit),
        })
    }
}
