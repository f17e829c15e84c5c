//! The parameters of a call, and what their way tells about it.

use core::fmt;
use core::pin::Pin;
use core::task::{Context, Poll, ready};
use std::io;

use bytes::{Buf as _, Bytes};
use tokio::io::AsyncWrite;
use wrpc_middleware_errors::{Delivery, RpcError};
use wrpc_transport::Index;

use super::Evidence;
use crate::wakers::WakerSlot;
use crate::{Progress, Stage};

/// The outgoing stream of a leaf: moves the call's [`Progress`] on and fails with
/// [`RpcError`]s, the same one again on each further use.
///
/// Cancel safe as the stream it wraps is. Dropping it before it was shut down ends the parameters
/// early, which the target sees.
pub struct Outgoing<O, E> {
    inner: O,
    /// Parameters that the transport was not given with the call.
    rest: Bytes,
    evidence: E,
    progress: Progress,
    slot: WakerSlot,
}

impl<O, E: Evidence> Outgoing<O, E> {
    pub(crate) fn new(inner: O, rest: Bytes, evidence: E, progress: Progress) -> Self {
        Self {
            inner,
            rest,
            evidence,
            progress,
            slot: WakerSlot::Outgoing,
        }
    }
}

impl<O: AsyncWrite + Unpin, E: Evidence> Outgoing<O, E> {
    /// Draws from the outcome of an operation what it tells about the call.
    fn observe<T>(&self, cx: &Context<'_>, outcome: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        match outcome {
            Poll::Ready(Ok(value)) => {
                if self.evidence.reports_acceptance() {
                    self.progress.accepted();
                }
                Poll::Ready(Ok(value))
            }
            Poll::Ready(Err(error)) => Poll::Ready(Err(self.fail(error))),
            Poll::Pending => {
                self.slot.register(self.progress.wakers(), cx.waker());
                self.check()?;
                if self.evidence.reports_acceptance()
                    && self.progress.stage() <= Stage::Queued
                    && let Some(error) = self.evidence.connection_failure()
                {
                    let error = self.progress.named(error);
                    return Poll::Ready(Err(self.progress.fail(error).clone().into()));
                }
                Poll::Pending
            }
        }
    }

    fn check(&self) -> io::Result<()> {
        match self.progress.failure() {
            Some(failure) => Err(failure.clone().into()),
            None => Ok(()),
        }
    }

    fn fail(&self, error: io::Error) -> io::Error {
        let error = self.evidence.classify_io(self.progress.stage(), error);
        let error = self.progress.named(at_least(error, &self.progress));
        self.progress.fail(error).clone().into()
    }

    /// Sends what the transport was not given with the call.
    fn poll_rest(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.rest.is_empty() {
            let written = Pin::new(&mut self.inner).poll_write(cx, &self.rest);
            let written = ready!(self.observe(cx, written))?;
            if written == 0 {
                return Poll::Ready(Err(self.fail(io::ErrorKind::WriteZero.into())));
            }
            self.rest.advance(written.min(self.rest.len()));
        }
        Poll::Ready(Ok(()))
    }
}

/// An acceptance that was seen outweighs what an error can tell of it.
pub(super) fn at_least(error: RpcError, progress: &Progress) -> RpcError {
    if progress.delivery() == Delivery::Accepted {
        error.with_delivery(Delivery::Accepted)
    } else {
        error
    }
}

impl<O: AsyncWrite + Unpin, E: Evidence> AsyncWrite for Outgoing<O, E> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = &mut *self;
        this.check()?;
        ready!(this.poll_rest(cx))?;
        let written = Pin::new(&mut this.inner).poll_write(cx, buf);
        this.observe(cx, written)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        this.check()?;
        ready!(this.poll_rest(cx))?;
        let flushed = Pin::new(&mut this.inner).poll_flush(cx);
        this.observe(cx, flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        this.check()?;
        ready!(this.poll_rest(cx))?;
        let shut = Pin::new(&mut this.inner).poll_shutdown(cx);
        this.observe(cx, shut)
    }
}

impl<O: Index<O>, E: Evidence> Index<Self> for Outgoing<O, E> {
    fn index(&self, path: &[usize]) -> anyhow::Result<Self> {
        Ok(Self {
            inner: self.inner.index(path)?,
            rest: Bytes::new(),
            evidence: self.evidence.clone(),
            progress: self.progress.clone(),
            slot: WakerSlot::child(self.progress.wakers()),
        })
    }
}

impl<O, E> fmt::Debug for Outgoing<O, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outgoing")
            .field("progress", &self.progress)
            .field("rest", &self.rest.len())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use core::future::{poll_fn, ready};
    use core::time::Duration;

    use tower::{Layer as _, ServiceExt as _, service_fn};

    use super::*;
    use crate::liveness::TargetLivenessLayer;
    use crate::{Channels, Invocation};

    /// Takes one message of parameters, and then no more.
    struct Clogging {
        room: usize,
    }

    impl AsyncWrite for Clogging {
        fn poll_write(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
            buf: &[u8],
        ) -> Poll<io::Result<usize>> {
            let written = core::mem::take(&mut self.room).min(buf.len());
            if written == 0 {
                return Poll::Pending;
            }
            Poll::Ready(Ok(written))
        }

        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Pending
        }

        fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Pending
        }
    }

    #[derive(Clone)]
    struct Proof;

    impl Evidence for Proof {
        fn reports_acceptance(&self) -> bool {
            true
        }
    }

    #[tokio::test(start_paused = true)]
    async fn parameters_that_are_still_being_sent_are_not_silence() {
        let leaf = service_fn(|invocation: Invocation<()>| {
            let progress = invocation.progress().clone();
            progress.set_reports_acceptance();
            let rest = Bytes::from_static(b"parameters of more than a message");
            let outgoing = Outgoing::new(Clogging { room: 8 }, rest, Proof, progress.clone());
            ready(Ok(Channels {
                outgoing,
                incoming: (),
                progress,
            }))
        });
        let layer = TargetLivenessLayer::new(Duration::from_millis(500));
        let invocation = Invocation::new((), "a:b/c", "f", Bytes::new());
        let mut channels = layer.layer(leaf).oneshot(invocation).await.unwrap();
        assert_eq!(channels.progress.delivery(), Delivery::Accepted);
        let flush = poll_fn(|cx| Pin::new(&mut channels.outgoing).poll_flush(cx));
        let flush = tokio::time::timeout(Duration::from_hours(1), flush).await;
        assert!(flush.is_err(), "the rest is still being sent");
    }
}
