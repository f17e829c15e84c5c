//! A service as a transport again.

use core::fmt;
use core::future::{Future, poll_fn};
use core::marker::PhantomData;
use core::task::Poll;

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::task::coop::consume_budget;
use tokio::time::timeout_at;
use tower::{Service, ServiceExt as _};
use wrpc_middleware_errors::{Delivery, RpcError, RpcErrorKind};
use wrpc_transport::{Index, Invoke};

use crate::{CallContext, Channels, Invocation, Paths, Progress};

/// Makes a service of [`Invocation`]s a [`wrpc_transport::Invoke`], so that any wRPC host and any
/// generated client takes a stack unchanged.
///
/// Each call clones the service and awaits the clone's readiness, within the caller's deadline if
/// the context has one. Every error is an [`RpcError`]: as the root of the `anyhow::Error` that
/// `invoke` returns, and as the payload of each [`std::io::Error`] of the streams.
///
/// Dropping the future of a call, or both of its streams, gives the call up.
pub struct Invoker<S, C> {
    service: S,
    context: PhantomData<fn(C)>,
}

impl<S, C> Invoker<S, C> {
    /// An `Invoke` that calls `service`.
    pub const fn new(service: S) -> Self {
        Self {
            service,
            context: PhantomData,
        }
    }

    /// The service that is called.
    pub const fn service(&self) -> &S {
        &self.service
    }
}

impl<S: Clone, C> Clone for Invoker<S, C> {
    fn clone(&self) -> Self {
        Self::new(self.service.clone())
    }
}

impl<S: fmt::Debug, C> fmt::Debug for Invoker<S, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Invoker")
            .field("service", &self.service)
            .finish()
    }
}

impl<S, C, O, I> Invoke for Invoker<S, C>
where
    S: Service<Invocation<C>, Response = Channels<O, I>, Error = RpcError> + Clone + Send + Sync,
    S::Future: Send,
    C: CallContext,
    O: AsyncWrite + Index<O> + Send + Sync + Unpin + 'static,
    I: AsyncRead + Index<I> + Send + Sync + Unpin + 'static,
{
    type Context = C;
    type Outgoing = O;
    type Incoming = I;

    #[expect(
        clippy::manual_async_fn,
        reason = "that would hold its arguments twice, and every call would have to be as large"
    )]
    fn invoke<P>(
        &self,
        cx: C,
        instance: &str,
        func: &str,
        params: Bytes,
        paths: impl AsRef<[P]> + Send,
    ) -> impl Future<Output = anyhow::Result<(O, I)>> + Send
    where
        P: AsRef<[Option<usize>]> + Send + Sync,
    {
        async move {
            // A call that fails without waiting for anything, denied or disconnected, would otherwise
            // never give way to the task that could change that, if it is repeated in a loop.
            consume_budget().await;

            let (deadline, target) = (cx.deadline(), cx.target().cloned());
            let mut service = self.service.clone();
            let ready = poll_fn(|cx| Poll::Ready(service.poll_ready(cx))).await;
            match (ready, deadline) {
                (Poll::Ready(ready), _) => ready?,
                // Boxed: most services are ready at once, and every call would have to be large enough.
                (Poll::Pending, None) => {
                    Box::pin(service.ready()).await?;
                }
                (Poll::Pending, Some(deadline)) => {
                    let ready = Box::pin(timeout_at(deadline, service.ready())).await;
                    ready.map_err(|_| not_ready_in_time(instance, func))??;
                }
            }

            // Made no sooner than it can be passed on: what lives while something is awaited is moved
            // once more.
            let mut invocation = Invocation::new(cx, instance, func, params);
            if !paths.as_ref().is_empty() {
                invocation.paths = paths
                    .as_ref()
                    .iter()
                    .map(|path| Box::from(path.as_ref()))
                    .collect::<Paths>();
            }
            invocation.deadline = deadline;
            invocation.target = target;
            let progress = invocation.progress().clone();
            match service.call(invocation).await {
                Ok(Channels {
                    outgoing, incoming, ..
                }) => Ok((outgoing, incoming)),
                Err(error) => Err(progress.for_all_attempts(error).into()),
            }
        }
    }
}

fn not_ready_in_time(instance: &str, func: &str) -> RpcError {
    Progress::new(instance, func).error(
        RpcErrorKind::Timeout,
        Delivery::NotSent,
        "the deadline passed before the call could be sent",
    )
}
