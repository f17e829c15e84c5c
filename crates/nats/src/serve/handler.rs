//! A function as a service.

use core::fmt;
use core::future::{Ready, ready};
use core::task::{Context, Poll};

use futures::future::Either;
use tower::Service;
use wrpc_middleware_errors::RpcError;

use super::{Accepted, Request};

/// A service that takes every call and runs `function` for it.
///
/// The function has to close the results once it has written them; a call whose results are open
/// when it returns ends as `target-failed`, and with the error, if it returns one.
///
/// ```
/// use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
/// use wrpc_middleware_errors::RpcError;
/// use wrpc_middleware_nats::serve::{Accepted, handler};
///
/// let echo = handler(async |(_, mut results, mut params): Accepted| {
///     let mut bytes = Vec::new();
///     params.read_to_end(&mut bytes).await.map_err(RpcError::classify)?;
///     results.write_all(&bytes).await.map_err(RpcError::classify)?;
///     results.shutdown().await.map_err(RpcError::classify)
/// });
/// ```
pub fn handler<F, R>(function: F) -> Handler<F>
where
    F: FnMut(Accepted) -> R,
    R: Future<Output = Result<(), RpcError>>,
{
    Handler(function)
}

/// Takes every call and runs a function for it: see [`handler`].
///
/// It is always ready. A call that was refused before it came here is not run.
#[derive(Clone, Copy)]
pub struct Handler<F>(F);

impl<F, R> Service<Request> for Handler<F>
where
    F: FnMut(Accepted) -> R,
    R: Future<Output = Result<(), RpcError>>,
{
    type Response = ();
    type Error = RpcError;
    type Future = Either<R, Ready<Result<(), RpcError>>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), RpcError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request) -> Self::Future {
        match request.try_accept() {
            Ok(accepted) => Either::Left((self.0)(accepted)),
            Err(refusal) => Either::Right(ready(Err(refusal))),
        }
    }
}

impl<F> fmt::Debug for Handler<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handler").finish_non_exhaustive()
    }
}
