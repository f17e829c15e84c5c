//! The response of a call whose handshake is awaited.

use core::fmt;
use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll, ready};
use core::time::Duration;

use pin_project::pin_project;
use tokio::io::AsyncWrite;
use tokio::time::{Instant, Sleep, sleep_until};
use wrpc_middleware_errors::{Delivery, RpcError, RpcErrorKind};

use super::health::Admission;
use crate::clock::after;
use crate::{Channels, Progress, Stage};

/// Resolves once the target took the call. Dropping it gives the call up and says nothing about
/// the target.
#[pin_project]
pub struct ResponseFuture<F, O, I> {
    #[pin]
    state: State<F, O, I>,
    admission: Option<Admission>,
    timeout: Duration,
}

#[pin_project(project = StateProjection)]
enum State<F, O, I> {
    Calling(#[pin] F),
    /// Boxed: it is larger than all else in here, every layer above moves it, and a call that is
    /// taken at once does without.
    Handshake(Pin<Box<Handshake<O, I>>>),
    Refused(Progress),
    Resolved,
}

/// A call of which the handshake is awaited.
#[pin_project]
struct Handshake<O, I> {
    /// Taken once the target took the call.
    channels: Option<Channels<O, I>>,
    #[pin]
    sleep: Sleep,
}

impl<F, O, I> ResponseFuture<F, O, I> {
    pub(super) const fn calling(inner: F, admission: Admission, timeout: Duration) -> Self {
        Self {
            state: State::Calling(inner),
            admission: Some(admission),
            timeout,
        }
    }

    pub(super) const fn refused(progress: Progress) -> Self {
        Self {
            state: State::Refused(progress),
            admission: None,
            timeout: Duration::ZERO,
        }
    }
}

impl<F, O, I> Future for ResponseFuture<F, O, I>
where
    F: Future<Output = Result<Channels<O, I>, RpcError>>,
    O: AsyncWrite + Unpin,
{
    type Output = F::Output;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        let progress = match this.state.as_mut().project() {
            StateProjection::Calling(inner) => {
                let mut called = inner.poll(cx);
                match &mut called {
                    Poll::Pending => {
                        if let Some(admission) = this.admission {
                            admission.waits_since(Instant::now());
                        }
                        return Poll::Pending;
                    }
                    Poll::Ready(Ok(channels)) if channels.progress.reports_acceptance() => {
                        match poll_taken(channels, this.admission, cx) {
                            Poll::Pending => {}
                            Poll::Ready(Ok(())) => {
                                this.state.set(State::Resolved);
                                return called;
                            }
                            Poll::Ready(Err(error)) => {
                                this.state.set(State::Resolved);
                                return Poll::Ready(Err(error));
                            }
                        }
                    }
                    // Nothing to await, and nothing to learn about the target.
                    Poll::Ready(outcome) => {
                        let admission = this.admission.take();
                        if let Err(error) = outcome {
                            judge(admission, error);
                        }
                        this.state.set(State::Resolved);
                        return called;
                    }
                }
                let Poll::Ready(Ok(channels)) = called else {
                    return Poll::Pending;
                };
                let now = Instant::now();
                if let Some(admission) = this.admission {
                    admission.waits_since(now);
                }
                let progress = channels.progress.clone();
                let mut handshake = Box::pin(Handshake {
                    channels: Some(channels),
                    sleep: sleep_until(after(now, *this.timeout)),
                });
                let silence = handshake.as_mut().project().sleep.poll(cx);
                this.state.set(State::Handshake(handshake));
                ready!(silence);
                progress
            }
            StateProjection::Handshake(handshake) => {
                let mut handshake = handshake.as_mut().project();
                let Some(channels) = handshake.channels else {
                    return Poll::Pending;
                };
                if let Poll::Ready(taken) = poll_taken(channels, this.admission, cx) {
                    let channels = handshake.channels.take();
                    this.state.set(State::Resolved);
                    return channels.map_or(Poll::Pending, |channels| {
                        Poll::Ready(taken.map(|()| channels))
                    });
                }
                ready!(handshake.sleep.as_mut().poll(cx));
                channels.progress.clone()
            }
            StateProjection::Refused(progress) => {
                let error = refused(progress);
                this.state.set(State::Resolved);
                return Poll::Ready(Err(error));
            }
            StateProjection::Resolved => return Poll::Pending,
        };
        if let Some(admission) = this.admission.take() {
            admission.silent();
        }
        let error = silent(&progress, *this.timeout);
        this.state.set(State::Resolved);
        Poll::Ready(Err(error))
    }
}

/// Resolves once the target took the call or the call has failed, and tells the admission.
fn poll_taken<O: AsyncWrite + Unpin, I>(
    channels: &mut Channels<O, I>,
    admission: &mut Option<Admission>,
    cx: &mut Context<'_>,
) -> Poll<Result<(), RpcError>> {
    let flushed = Pin::new(&mut channels.outgoing).poll_flush(cx);
    if flushed.is_pending() && channels.progress.stage() < Stage::Accepted {
        return Poll::Pending;
    }
    let admission = admission.take();
    if let Poll::Ready(Err(error)) = flushed {
        let error = match RpcError::find(&error) {
            Some(found) => found.clone(),
            None => RpcError::classify(error),
        };
        judge(admission, &error);
        return Poll::Ready(Err(error));
    }
    if let Some(admission) = admission {
        admission.accepted(&channels.progress);
    }
    Poll::Ready(Ok(()))
}

/// Learns from the error of a call whether its target is absent.
fn judge(admission: Option<Admission>, error: &RpcError) {
    if error.kind() == RpcErrorKind::TargetUnavailable
        && error.delivery() == Delivery::NotSent
        && let Some(admission) = admission
    {
        admission.absent();
    }
}

fn silent(progress: &Progress, timeout: Duration) -> RpcError {
    let reason =
        fmt::from_fn(move |f| write!(f, "the target did not take the call within {timeout:?}"));
    progress.error(RpcErrorKind::TargetUnavailable, progress.delivery(), reason)
}

fn refused(progress: &Progress) -> RpcError {
    progress.error(
        RpcErrorKind::TargetUnavailable,
        Delivery::NotSent,
        "the target has been silent and is left alone for a moment",
    )
}

impl<F, O, I> fmt::Debug for ResponseFuture<F, O, I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture")
            .field("admission", &self.admission)
            .finish_non_exhaustive()
    }
}
