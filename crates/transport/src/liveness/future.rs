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
    state: State<F>,
    channels: Option<Channels<O, I>>,
    admission: Option<Admission>,
    timeout: Duration,
}

#[pin_project(project = StateProjection)]
enum State<F> {
    Calling(#[pin] F),
    Handshake {
        until: Instant,
        /// Missing until the handshake is first found pending.
        #[pin]
        sleep: Option<Sleep>,
    },
    Refused(Progress),
}

impl<F, O, I> ResponseFuture<F, O, I> {
    pub(super) const fn calling(inner: F, admission: Admission, timeout: Duration) -> Self {
        Self {
            state: State::Calling(inner),
            channels: None,
            admission: Some(admission),
            timeout,
        }
    }

    pub(super) const fn refused(progress: Progress) -> Self {
        Self {
            state: State::Refused(progress),
            channels: None,
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

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        loop {
            match this.state.as_mut().project() {
                StateProjection::Refused(progress) => {
                    return Poll::Ready(Err(refused(progress)));
                }
                StateProjection::Calling(inner) => {
                    let channels = match ready!(inner.poll(cx)) {
                        Ok(channels) => channels,
                        Err(error) => {
                            judge(this.admission.take(), &error);
                            return Poll::Ready(Err(error));
                        }
                    };
                    if !channels.progress.reports_acceptance() {
                        // Nothing to await, and nothing to learn about the target.
                        this.admission.take();
                        return Poll::Ready(Ok(channels));
                    }
                    *this.channels = Some(channels);
                    this.state.set(State::Handshake {
                        until: after(Instant::now(), *this.timeout),
                        sleep: None,
                    });
                }
                StateProjection::Handshake { until, mut sleep } => {
                    let Some(channels) = this.channels.as_mut() else {
                        // Polled again after it resolved.
                        return Poll::Pending;
                    };
                    let flushed = Pin::new(&mut channels.outgoing).poll_flush(cx);
                    let taken = channels.progress.stage() >= Stage::Accepted;
                    match flushed {
                        Poll::Ready(Err(error)) => {
                            *this.channels = None;
                            let error = RpcError::classify(error);
                            judge(this.admission.take(), &error);
                            return Poll::Ready(Err(error));
                        }
                        Poll::Pending if !taken => {}
                        _ => {
                            if let Some(admission) = this.admission.take() {
                                admission.accepted(channels.progress.downgrade());
                            }
                            return match this.channels.take() {
                                Some(channels) => Poll::Ready(Ok(channels)),
                                None => Poll::Pending,
                            };
                        }
                    }
                    if sleep.is_none() {
                        sleep.set(Some(sleep_until(*until)));
                    }
                    if let Some(sleep) = sleep.as_pin_mut() {
                        ready!(sleep.poll(cx));
                    }
                    if let Some(admission) = this.admission.take() {
                        admission.silent();
                    }
                    let error = silent(&channels.progress, *this.timeout);
                    *this.channels = None;
                    return Poll::Ready(Err(error));
                }
            }
        }
    }
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
    RpcError::new(
        RpcErrorKind::TargetUnavailable,
        progress.delivery(),
        format!(
            "{}: the target did not take the call within {timeout:?}",
            progress.function()
        ),
    )
}

fn refused(progress: &Progress) -> RpcError {
    RpcError::new(
        RpcErrorKind::TargetUnavailable,
        Delivery::NotSent,
        format!(
            "{}: the target has been silent and is left alone for a moment",
            progress.function()
        ),
    )
}

impl<F, O, I> fmt::Debug for ResponseFuture<F, O, I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture")
            .field("admission", &self.admission)
            .finish_non_exhaustive()
    }
}
