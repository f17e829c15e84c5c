//! A stream that has to be over in time.

use core::fmt;
use core::future::Future as _;
use core::pin::Pin;
use core::task::{Context, Poll};
use core::time::Duration;
use std::io;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep_until};
use wrpc_middleware_errors::RpcError;
use wrpc_transport::Index;

use super::{idle, timed_out};
use crate::Progress;
use crate::clock::after;

/// A stream of a call with a deadline.
///
/// From the deadline on every operation fails, even where data is ready. A timer exists only
/// while an operation has been pending. Cancel safe as the stream it wraps is.
pub struct Deadline<T> {
    inner: T,
    progress: Progress,
    bound: Bound,
    stream_idle: Option<Duration>,
    timer: Option<Pin<Box<Sleep>>>,
}

#[derive(Clone, Copy, Debug)]
enum Bound {
    /// The stream ends at this time.
    Absolute(Instant),
    /// The stream stands still for this long at most, while somebody waits for it.
    Idle(Duration),
    /// The stream stood still for too long.
    Failed(Duration),
}

impl<T> Deadline<T> {
    /// `timer`, if there is one, has been set to the deadline already.
    pub(super) const fn new(
        inner: T,
        progress: Progress,
        deadline: Instant,
        stream_idle: Option<Duration>,
        timer: Option<Pin<Box<Sleep>>>,
    ) -> Self {
        Self {
            inner,
            progress,
            bound: Bound::Absolute(deadline),
            stream_idle,
            timer,
        }
    }

    fn poll<R>(
        &mut self,
        cx: &mut Context<'_>,
        operation: impl FnOnce(Pin<&mut T>, &mut Context<'_>) -> Poll<io::Result<R>>,
    ) -> Poll<io::Result<R>>
    where
        T: Unpin,
    {
        match self.bound {
            Bound::Absolute(deadline) if Instant::now() >= deadline => {
                return Poll::Ready(Err(self.late().into()));
            }
            Bound::Failed(limit) => return Poll::Ready(Err(self.stood_still(limit).into())),
            Bound::Absolute(_) | Bound::Idle(_) => {}
        }
        if let Poll::Ready(result) = operation(Pin::new(&mut self.inner), cx) {
            if matches!(self.bound, Bound::Idle(_)) {
                self.timer = None;
            }
            return Poll::Ready(result);
        }
        let timer = self.timer.get_or_insert_with(|| {
            Box::pin(sleep_until(match self.bound {
                Bound::Absolute(deadline) => deadline,
                Bound::Idle(limit) | Bound::Failed(limit) => after(Instant::now(), limit),
            }))
        });
        if timer.as_mut().poll(cx).is_pending() {
            return Poll::Pending;
        }
        Poll::Ready(Err(match self.bound {
            Bound::Absolute(_) => self.late(),
            Bound::Idle(limit) | Bound::Failed(limit) => {
                self.bound = Bound::Failed(limit);
                self.stood_still(limit)
            }
        }
        .into()))
    }

    fn late(&self) -> RpcError {
        timed_out(&self.progress, self.progress.delivery())
    }

    fn stood_still(&self, limit: Duration) -> RpcError {
        idle(&self.progress, limit)
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Deadline<T> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.get_mut()
            .poll(cx, |inner, cx| inner.poll_read(cx, buf))
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Deadline<T> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.get_mut()
            .poll(cx, |inner, cx| inner.poll_write(cx, buf))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_mut().poll(cx, AsyncWrite::poll_flush)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_mut().poll(cx, AsyncWrite::poll_shutdown)
    }
}

impl<T: Index<T>> Index<Self> for Deadline<T> {
    fn index(&self, path: &[usize]) -> anyhow::Result<Self> {
        Ok(Self {
            inner: self.inner.index(path)?,
            progress: self.progress.clone(),
            bound: self.stream_idle.map_or(
                match self.bound {
                    Bound::Absolute(deadline) => Bound::Absolute(deadline),
                    Bound::Idle(limit) | Bound::Failed(limit) => Bound::Idle(limit),
                },
                Bound::Idle,
            ),
            stream_idle: self.stream_idle,
            timer: None,
        })
    }
}

impl<T> fmt::Debug for Deadline<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Deadline")
            .field("bound", &self.bound)
            .field("progress", &self.progress)
            .finish_non_exhaustive()
    }
}
