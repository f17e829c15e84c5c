//! The response of a call that is watched.

use core::fmt;
use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll, ready};
use std::sync::Arc;

use pin_project::{pin_project, pinned_drop};
use wrpc_middleware_errors::RpcError;
use wrpc_middleware_transport::{Channels, Progress};

use super::{Flow, Observed, Observer};
use crate::Outcome;

/// Resolves when the inner service does. Dropped before, the call was cancelled.
#[pin_project(PinnedDrop)]
pub struct ResponseFuture<F, E: Observer> {
    #[pin]
    inner: F,
    /// None once the call has ended, or has streams.
    call: Option<(E, Progress)>,
}

impl<F, E: Observer> ResponseFuture<F, E> {
    pub(crate) const fn new(inner: F, observer: E, progress: Progress) -> Self {
        Self {
            inner,
            call: Some((observer, progress)),
        }
    }
}

impl<F, E, O, I> Future for ResponseFuture<F, E>
where
    F: Future<Output = Result<Channels<O, I>, RpcError>>,
    E: Observer,
{
    type Output = Result<Channels<Observed<O, E>, Observed<I, E>>, RpcError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let inner = this.inner;
        let Some((observer, _)) = this.call.as_ref() else {
            return Poll::Pending;
        };
        let called = ready!(observer.within(|| inner.poll(cx)));
        let Some((mut observer, call)) = this.call.take() else {
            return Poll::Pending;
        };
        Poll::Ready(match called {
            Ok(Channels {
                outgoing,
                incoming,
                progress,
            }) => {
                let flow = Arc::new(Flow::made(call, progress.clone(), observer));
                Ok(Channels {
                    outgoing: Observed::new(outgoing, Arc::clone(&flow)),
                    incoming: Observed::new(incoming, flow),
                    progress,
                })
            }
            Err(error) => {
                observer.ended(Outcome::of(&error));
                Err(error)
            }
        })
    }
}

#[pinned_drop]
impl<F, E: Observer> PinnedDrop for ResponseFuture<F, E> {
    fn drop(self: Pin<&mut Self>) {
        if let Some((observer, progress)) = self.project().call {
            observer.ended(Outcome::Cancelled(progress.delivery()));
        }
    }
}

impl<F, E: Observer> fmt::Debug for ResponseFuture<F, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ResponseFuture")
    }
}
