//! The layers of a served function in their one right order.

use core::time::Duration;

use tower::Layer;

use super::authorization::{Authorization, AuthorizationLayer};
use super::deadline::{Deadline, DeadlineLayer, TimeoutPolicy};
use super::limit::{ConcurrencyLimit, ConcurrencyLimitLayer};

/// The three layers of a served function in their order, outermost first:
///
/// 1. [`Authorization`]: one who may not call takes nobody's place, and learns nothing of the load.
/// 2. [`ConcurrencyLimit`]: what is one too many is refused before anything is set up for it.
/// 3. [`Deadline`]: it starts when the call may run, as nothing waits above, and what it ends gives
///    its place back.
///
/// What is below is the service. This is the one place that decides the order; the layers also
/// compose freely through [`tower::ServiceBuilder`].
///
/// ```
/// use core::time::Duration;
/// use tower::Layer as _;
/// use wrpc_middleware_nats::serve::{ServeStack, authorization::CallerRequest, handler};
///
/// let stack = ServeStack::new(|request: &CallerRequest<'_>| request.caller == Some("client"))
///     .concurrency_limit(64)
///     .timeout(Duration::from_secs(2));
/// let service = stack.layer(handler(async |(_, results, params)| {
///     // …
/// #   drop((results, params)); Ok(())
/// }));
/// ```
#[derive(Clone, Debug)]
pub struct ServeStack<P, T = Duration> {
    authorization: AuthorizationLayer<P>,
    limit: ConcurrencyLimitLayer,
    deadline: DeadlineLayer<T>,
}

impl<P> ServeStack<P> {
    /// A stack that serves what `policy` permits, as many calls as come, each until its caller
    /// waits no longer.
    #[must_use]
    pub fn new(policy: P) -> Self {
        Self {
            authorization: AuthorizationLayer::new(policy),
            limit: ConcurrencyLimitLayer::new(usize::MAX),
            deadline: DeadlineLayer::callers(),
        }
    }
}

impl<P, T> ServeStack<P, T> {
    /// How many calls may run at a time, of all services that this stack makes together.
    #[must_use]
    pub fn concurrency_limit(self, limit: usize) -> Self {
        self.concurrency_limit_layer(ConcurrencyLimitLayer::new(limit))
    }

    /// The same by a layer that other stacks may share.
    #[must_use]
    pub fn concurrency_limit_layer(mut self, limit: ConcurrencyLimitLayer) -> Self {
        self.limit = limit;
        self
    }

    /// How long a call may run if its caller does not say less: a [`Duration`], or a choice per
    /// function.
    #[must_use]
    pub fn timeout<U: TimeoutPolicy>(self, policy: U) -> ServeStack<P, U> {
        ServeStack {
            authorization: self.authorization,
            limit: self.limit,
            deadline: DeadlineLayer::new(policy),
        }
    }
}

impl<S, P: Clone, T: Clone> Layer<S> for ServeStack<P, T> {
    type Service = Authorization<ConcurrencyLimit<Deadline<S, T>>, P>;

    fn layer(&self, service: S) -> Self::Service {
        self.authorization
            .layer(self.limit.layer(self.deadline.layer(service)))
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::{Instant, advance};
    use tower::ServiceExt as _;
    use wrpc_middleware_errors::RpcErrorKind;

    use super::*;
    use crate::serve::testing::{NeverReady, Server};
    use crate::serve::{Accepted, Request, authorization::CallerRequest, handler};

    const SECOND: Duration = Duration::from_secs(1);

    /// What a call fails as that is too late, while `limit` may run.
    async fn fails_as(permitted: bool, limit: usize, request: Request) -> RpcErrorKind {
        let service = ServeStack::new(move |_: &CallerRequest<'_>| permitted)
            .concurrency_limit(limit)
            .timeout(SECOND)
            .layer(handler(async |_: Accepted| panic!("it runs")));
        service.oneshot(request).await.unwrap_err().kind()
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_outermost_answers() {
        let server = Server::new().await;
        for (permitted, limit, kind) in [
            (false, 0, RpcErrorKind::LinkDenied),
            (false, 1, RpcErrorKind::LinkDenied),
            (true, 0, RpcErrorKind::Overloaded),
            (true, 1, RpcErrorKind::Timeout),
        ] {
            let request = server.request_within(SECOND);
            advance(SECOND).await;
            assert_eq!(fails_as(permitted, limit, request).await, kind);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_ended_gives_its_place_back() {
        let server = Server::new().await;
        let limit = ConcurrencyLimitLayer::new(1);
        let stack = ServeStack::new(|request: &CallerRequest<'_>| request.caller.is_some())
            .concurrency_limit_layer(limit.clone())
            .timeout(SECOND);
        let service = stack.layer(NeverReady);
        // One that is denied has none.
        let denied = server.request_of("_INBOX.connection.call", None);
        service.clone().oneshot(denied).await.unwrap_err();
        assert_eq!(limit.available(), 1);
        let start = Instant::now();
        service.oneshot(server.request()).await.unwrap_err();
        assert!(start.elapsed() >= SECOND);
        assert_eq!(limit.available(), 1);
    }
}
