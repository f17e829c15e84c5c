//! The results of a call, and what their arrival tells about it.

use core::fmt;
use core::pin::Pin;
use core::task::{Context, Poll};
use std::io;

use tokio::io::{AsyncRead, ReadBuf};
use wrpc_transport::Index;

use super::Evidence;
use super::outgoing::at_least;
use crate::Progress;
use crate::wakers::WakerSlot;

/// The incoming stream of a leaf: moves the call's [`Progress`] on and fails with
/// [`RpcError`](crate::RpcError)s, also when another stream of the call saw the failure.
///
/// What had arrived before the failure can still be read. Cancel safe as the stream it wraps is.
pub struct Incoming<I, E> {
    inner: I,
    evidence: E,
    progress: Progress,
    slot: WakerSlot,
}

impl<I, E: Evidence> Incoming<I, E> {
    pub(crate) fn new(inner: I, evidence: E, progress: Progress) -> Self {
        Self {
            inner,
            evidence,
            progress,
            slot: WakerSlot::Incoming,
        }
    }
}

impl<I: AsyncRead + Unpin, E: Evidence> AsyncRead for Incoming<I, E> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let (before, capacity) = (buf.filled().len(), buf.remaining());
        match Pin::new(&mut this.inner).poll_read(cx, buf) {
            Poll::Ready(Ok(())) => {
                if buf.filled().len() > before {
                    this.progress.first_byte();
                } else if capacity > 0 {
                    if this.evidence.reports_acceptance() {
                        this.progress.accepted();
                    }
                    if matches!(this.slot, WakerSlot::Incoming) {
                        this.progress.closed();
                    }
                }
                Poll::Ready(Ok(()))
            }
            Poll::Ready(Err(error)) => {
                let error = this.evidence.classify_io(this.progress.stage(), error);
                let error = this.progress.named(at_least(error, &this.progress));
                Poll::Ready(Err(this.progress.fail(error).clone().into()))
            }
            Poll::Pending => {
                this.slot.register(this.progress.wakers(), cx.waker());
                match this.progress.failure() {
                    Some(failure) => Poll::Ready(Err(failure.clone().into())),
                    None => Poll::Pending,
                }
            }
        }
    }
}

impl<I: Index<I>, E: Evidence> Index<Self> for Incoming<I, E> {
    fn index(&self, path: &[usize]) -> anyhow::Result<Self> {
        Ok(Self {
            inner: self.inner.index(path)?,
            evidence: self.evidence.clone(),
            progress: self.progress.clone(),
            slot: WakerSlot::child(self.progress.wakers()),
        })
    }
}

impl<I, E> fmt::Debug for Incoming<I, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Incoming")
            .field("progress", &self.progress)
            .finish_non_exhaustive()
    }
}
