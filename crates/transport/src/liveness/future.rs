//! The response of a call whose handshake is awaited.

use core::fmt;
use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll, ready};
use core::time::Duration;

use pin_project::pin_project;
use tokio::io::AsyncWrite;
use tokio::time::Sleep;
use wrpc_middleware_errors::{Delivery, RpcError, RpcErrorKind};

use super::health::Admission;
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

#[pin_project(project = StateProjection, project_replace = Taken)]
enum State<F, O, I> {
    Calling(#[pin] F),
    Handshake {
        channels: Channels<O, I>,
        /// Missing until the handshake is first found pending. Boxed: it is larger than all else
        /// in here, and every layer above moves it.
        sleep: Option<Pin<Box<Sleep>>>,
    },
    Refused(Progress),
    Resolved,
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

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        loop {
            match this.state.as_mut().project() {
                StateProjection::Calling(inner) => {
                    let Poll::Ready(called) = inner.poll(cx) else {
                        this.admission.as_mut().map(Admission::waits);
                        return Poll::Pending;
                    };
                    let channels = match called {
                        Ok(channels) if channels.progress.reports_acceptance() => channels,
                        // Nothing to await, and nothing to learn about the target.
                        called => {
                            let admission = this.admission.take();
                            if let Err(error) = &called {
                                judge(admission, error);
                            }
                            this.state.set(State::Resolved);
                            return Poll::Ready(called);
                        }
                    };
                    this.state.set(State::Handshake {
                        channels,
                        sleep: None,
                    });
                }
                StateProjection::Handshake { channels, sleep } => {
                    let flushed = Pin::new(&mut channels.outgoing).poll_flush(cx);
                    if flushed.is_pending() && channels.progress.stage() < Stage::Accepted {
                        this.admission.as_mut().map(Admission::waits);
                        ready!(
                            sleep
                                .get_or_insert_with(|| Box::pin(tokio::time::sleep(*this.timeout)))
                                .as_mut()
                                .poll(cx)
                        );
                        if let Some(admission) = this.admission.take() {
                            admission.silent();
                        }
                        let error = silent(&channels.progress, *this.timeout);
                        this.state.set(State::Resolved);
                        return Poll::Ready(Err(error));
                    }
                    let admission = this.admission.take();
                    if let Poll::Ready(Err(error)) = flushed {
                        let error = match RpcError::find(&error) {
                            Some(found) => found.clone(),
                            None => RpcError::classify(error),
                        };
                        judge(admission, &error);
                        this.state.set(State::Resolved);
                        return Poll::Ready(Err(error));
                    }
                    if let Some(admission) = admission {
                        admission.accepted(&channels.progress);
                    }
                    if let Taken::Handshake { channels, .. } =
                        this.state.as_mut().project_replace(State::Resolved)
                    {
                        return Poll::Ready(Ok(channels));
                    }
                }
                StateProjection::Refused(progress) => {
                    let error = refused(progress);
                    this.state.set(State::Resolved);
                    return Poll::Ready(Err(error));
                }
                StateProjection::Resolved => return Poll::Pending,
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
