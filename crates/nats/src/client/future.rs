//! The response of a call.

use core::fmt;
use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll};

use futures::FutureExt as _;
use futures::future::BoxFuture;
use wrpc_middleware_transport::{Channels, RpcError};

use crate::{Incoming, Outgoing};

pub(super) type Response = Result<Channels<Outgoing, Incoming>, RpcError>;

/// Resolves once the call is published, at once if nothing has to be waited for.
///
/// # Cancellation
///
/// Dropping it gives the call up. One that waits for a connection, or for room in the queue of the
/// NATS client, is not sent then.
pub struct ResponseFuture(State);

#[expect(
    clippy::large_enum_variant,
    reason = "the large one is the usual one, and is boxed by nobody"
)]
enum State {
    Ready(Option<Response>),
    Waiting(BoxFuture<'static, Response>),
}

impl ResponseFuture {
    pub(super) const fn ready(response: Response) -> Self {
        Self(State::Ready(Some(response)))
    }

    pub(super) fn waiting(future: impl Future<Output = Response> + Send + 'static) -> Self {
        Self(State::Waiting(Box::pin(future)))
    }
}

impl Future for ResponseFuture {
    type Output = Response;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Response> {
        match &mut self.0 {
            State::Ready(response) => match response.take() {
                Some(response) => Poll::Ready(response),
                None => Poll::Pending,
            },
            State::Waiting(future) => future.poll_unpin(cx),
        }
    }
}

impl fmt::Debug for ResponseFuture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
}
