//! Answering for a call that somebody else has.

use core::fmt;
use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll};
use std::sync::Arc;

use wrpc_middleware_errors::{Delivery, RpcError, RpcErrorKind};

use super::fate::Fate;

/// Says how a call ends that somebody else has: a service that was given its
/// [`Request`](super::Request).
///
/// As long as there is one, a request that is dropped is not refused yet, and results that are
/// dropped without having been closed do not end yet, since there may be an error that says why.
/// Streams that were indexed out of the results are not held: whoever reads one need not wait for
/// the rest of the call, so one that is dropped open before there is an error is `target-failed`.
///
/// ```
/// use wrpc_middleware_nats::serve::Request;
/// use wrpc_middleware_errors::RpcError;
///
/// async fn greet(request: Request) -> Result<(), RpcError> {
///     // …
/// #   drop(request); Ok(())
/// }
///
/// # async fn serve(mut request: Request) {
/// let responder = request.responder();
/// if let Err(error) = greet(request).await {
///     responder.fail(&error);
/// }
/// # }
/// ```
///
/// # Cancellation
///
/// With the last responder and the request dropped, the call ends as it would without them:
/// refused as `overloaded`, `not-sent`, or, if it was taken and its results are open and their
/// writer is gone, as `target-failed`.
pub struct Responder(Arc<Fate>);

impl Responder {
    pub(super) const fn new(fate: Arc<Fate>) -> Self {
        Self(fate)
    }

    /// Whether the call was taken.
    #[must_use]
    pub fn is_accepted(&self) -> bool {
        self.0.delivery() == Delivery::Accepted
    }

    /// Ends the call in `error`. It is refused with it, as [`Request::refuse`] does, if it was not
    /// taken; and can't be taken any more. Otherwise both of its streams fail, and the results end
    /// in `error` if they are open: at once, or when their writer is dropped.
    ///
    /// Does nothing if the call was refused already.
    ///
    /// [`Request::refuse`]: super::Request::refuse
    pub fn fail(self, error: &RpcError) {
        self.0.fail(error);
    }

    /// Resolves once nobody waits for the call any more, after it was taken: its caller has given
    /// up, or it failed.
    ///
    /// Cancel safe.
    #[must_use = "futures do nothing unless polled"]
    pub fn given_up(&self) -> GivenUp {
        GivenUp {
            fate: Arc::clone(&self.0),
            key: None,
        }
    }

    /// An error of this call.
    pub(super) fn error(
        &self,
        kind: RpcErrorKind,
        delivery: Delivery,
        reason: &'static str,
    ) -> RpcError {
        self.0.error(kind, delivery, reason)
    }

    /// Sees to it that the call goes no further, whoever has it. It ends in the error that `error`
    /// makes, which this returns, unless somebody says something else.
    pub(super) fn revoke(&self, error: impl FnOnce(Delivery) -> RpcError) -> RpcError {
        self.0.revoke(error)
    }
}

impl fmt::Debug for Responder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Responder")
            .field("delivery", &self.0.delivery())
            .finish_non_exhaustive()
    }
}

/// Resolves once nobody waits for a call any more. See [`Responder::given_up`].
pub struct GivenUp {
    fate: Arc<Fate>,
    key: Option<u32>,
}

impl Future for GivenUp {
    type Output = RpcError;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<RpcError> {
        let Self { fate, key } = &mut *self;
        fate.poll_given_up(key, cx)
    }
}

/// Leaves no waker behind.
impl Drop for GivenUp {
    fn drop(&mut self) {
        if let Some(key) = self.key {
            self.fate.forget(key);
        }
    }
}

impl fmt::Debug for GivenUp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GivenUp").finish_non_exhaustive()
    }
}
