//! The response of a call over upstream's client.

use core::fmt;
use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll, ready};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio_util::sync::ReusableBoxFuture;
use wrpc_middleware_errors::RpcError;
use wrpc_transport::Invoke;
use wrpc_transport_nats::Client;

use super::Handshake;
use super::boxed::Boxed;
use crate::{Channels, leaf};

/// As many are kept, some 2 kB each.
const MAX_KEPT: usize = 128;

/// The parameters of a call over upstream's client.
pub type Outgoing = leaf::Outgoing<Boxed<<Client as Invoke>::Outgoing>, Handshake>;

/// The results of a call over upstream's client.
pub type Incoming = leaf::Incoming<Boxed<<Client as Invoke>::Incoming>, Handshake>;

pub(super) type Response = Channels<Outgoing, Incoming>;

type Call = ReusableBoxFuture<'static, Result<Response, RpcError>>;

/// The memory of calls that are over, for those to come.
///
/// Upstream's future of a call is larger than what allocators hand out quickly: with glibc's, that
/// takes more time than all layers together.
#[derive(Debug, Default)]
pub(super) struct Calls(Mutex<Vec<Call>>);

impl Calls {
    /// The response that `call` resolves with.
    pub(super) fn response<F>(self: &Arc<Self>, call: F) -> ResponseFuture
    where
        F: Future<Output = Result<Response, RpcError>> + Send + 'static,
    {
        let over = self.lock().pop();
        let call = match over {
            Some(mut over) => {
                over.set(call);
                over
            }
            None => ReusableBoxFuture::new(call),
        };
        ResponseFuture(State::Called {
            call,
            calls: Arc::clone(self),
        })
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Call>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn keep(&self, over: Call) {
        let mut kept = self.lock();
        if kept.len() < MAX_KEPT {
            kept.push(over);
        }
    }
}

/// The response future of [`NatsTransport`](super::NatsTransport).
///
/// # Cancellation
///
/// Dropping it gives the call up.
#[must_use = "futures do nothing unless polled"]
pub struct ResponseFuture(State);

enum State {
    Called { call: Call, calls: Arc<Calls> },
    Refused(RpcError),
    Resolved,
}

impl ResponseFuture {
    pub(super) const fn refused(error: RpcError) -> Self {
        Self(State::Refused(error))
    }
}

impl Future for ResponseFuture {
    type Output = Result<Response, RpcError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if let State::Called { call, .. } = &mut self.0 {
            let response = ready!(call.poll(cx));
            if let State::Called { call, calls } = core::mem::replace(&mut self.0, State::Resolved)
            {
                calls.keep(call);
            }
            return Poll::Ready(response);
        }
        match core::mem::replace(&mut self.0, State::Resolved) {
            State::Refused(error) => Poll::Ready(Err(error)),
            _ => Poll::Pending,
        }
    }
}

impl fmt::Debug for ResponseFuture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use core::future::{pending, ready};
    use core::hint::black_box;
    use core::task::Waker;

    use wrpc_middleware_errors::{Delivery, RpcErrorKind};

    use super::*;

    fn failed() -> Result<Response, RpcError> {
        Err(RpcError::new(
            RpcErrorKind::Other,
            Delivery::NotSent,
            "f: no",
        ))
    }

    /// Every layer moves it.
    #[test]
    fn a_response_is_small() {
        let streams =
            size_of::<<Client as Invoke>::Outgoing>() + size_of::<<Client as Invoke>::Incoming>();
        assert!(size_of::<Response>() < streams / 2, "of {streams} bytes");
    }

    fn poll(response: &mut ResponseFuture) -> bool {
        let cx = &mut Context::from_waker(Waker::noop());
        Pin::new(response).poll(cx).is_ready()
    }

    #[test]
    fn the_memory_of_calls_that_are_over_is_used_again() {
        let calls = Arc::new(Calls::default());
        let state = [0_u64; 200];
        let call = move || async move {
            black_box(state);
            failed()
        };
        let allocated = |run: &dyn Fn()| allocation_counter::measure(run).count_total;
        let one = || assert!(poll(&mut calls.response(call())));
        // The list has room from then on.
        one();
        let again = allocated(&one);
        calls.lock().clear();
        let anew = allocated(&one);
        assert_eq!(anew, again + 1);
    }

    #[test]
    fn nothing_is_kept_of_calls_that_are_given_up() {
        let calls = Arc::new(Calls::default());
        let kept = Arc::new(());
        let held = Arc::clone(&kept);
        let mut given_up = calls.response(async move {
            pending::<()>().await;
            drop(held);
            failed()
        });
        assert!(!poll(&mut given_up));
        drop(given_up);
        assert_eq!(Arc::strong_count(&kept), 1);
        assert!(calls.lock().is_empty());
    }

    #[test]
    fn no_more_are_kept_than_some() {
        let calls = Arc::new(Calls::default());
        let mut many: Vec<_> = (0..2 * MAX_KEPT)
            .map(|_| calls.response(ready(failed())))
            .collect();
        assert!(many.iter_mut().all(poll));
        assert_eq!(calls.lock().len(), MAX_KEPT);
        assert!(!poll(&mut many[0]), "it is over");
    }
}
