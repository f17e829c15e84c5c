//! Running a service for the calls of a function.

use core::fmt;
use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll};
use std::error::Error;

use futures::StreamExt as _;
use tokio::task::JoinSet;
use tower::{Service, ServiceExt as _};
use tracing::{debug, error};
use wrpc_middleware_errors::RpcError;
use wrpc_middleware_transport::Paths;

use super::{Request, Requests};
use crate::Client;

/// Runs a service for every call of a function, each in a task of its own. It has to be polled.
///
/// Resolves after [`Client::drain`], once every call that had arrived was run and has ended, or
/// when the connection is closed. It fails, once the calls that run have ended, if the broker does
/// not permit the function to be served.
///
/// # What a service answers
///
/// One that fails before it took its call refuses it with the error; afterwards the results of the
/// call end in the error. One that panics ends its call, and no other, as it does where it drops
/// it: `overloaded`, `not-sent`, or `target-failed` if it was taken.
///
/// # Readiness
///
/// Every call has a clone of the service and awaits its readiness in its own task, so calls that
/// wait hold up nobody, and nothing bounds how many do, but a layer: see
/// [`limit`](super::limit) and [`deadline`](super::deadline).
///
/// # Cancellation
///
/// Dropping it drops every call that runs, as soon as it next awaits, and refuses those that had
/// arrived. Their callers get `target-failed`, or `overloaded`, `not-sent` for those that were not
/// taken.
#[must_use = "futures do nothing unless polled"]
pub struct Serving<S> {
    /// None once no more calls come.
    requests: Option<Requests>,
    service: S,
    calls: JoinSet<()>,
    outcome: Result<(), RpcError>,
}

impl Client {
    /// Serves the function `func` of `instance` by `service`, as long as what this returns is
    /// polled.
    ///
    /// `paths` are the asynchronous parameters to come, as
    /// [`Serve::serve`](wrpc_transport::Serve::serve) takes them.
    ///
    /// ```no_run
    /// use tower::Layer as _;
    /// use wrpc_middleware_nats::serve::{ServeStack, authorization::CallerRequest, handler};
    ///
    /// # async fn run(client: wrpc_middleware_nats::Client) -> Result<(), wrpc_middleware_errors::RpcError> {
    /// let stack = ServeStack::new(|request: &CallerRequest<'_>| request.caller == Some("client"))
    ///     .concurrency_limit(64);
    /// let greet = stack.layer(handler(async |(_, results, params)| {
    ///     // …
    /// #   drop((results, params)); Ok(())
    /// }));
    /// let serving = client.serve_service("test:app/greeter", "greet", [], greet).await?;
    /// tokio::spawn(serving);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Those of [`requests`](Self::requests).
    ///
    /// # Cancellation
    ///
    /// Dropping the future leaves no subscription behind.
    pub async fn serve_service<S>(
        &self,
        instance: &str,
        func: &str,
        paths: impl Into<Paths> + Send,
        service: S,
    ) -> Result<Serving<S>, RpcError>
    where
        S: Service<Request, Response = (), Error = RpcError>,
    {
        let requests = self.requests(instance, func, paths).await?;
        Ok(requests.serve(service))
    }
}

impl Requests {
    /// Runs `service` for every call.
    pub fn serve<S>(self, service: S) -> Serving<S>
    where
        S: Service<Request, Response = (), Error = RpcError>,
    {
        Serving {
            requests: Some(self),
            service,
            calls: JoinSet::new(),
            outcome: Ok(()),
        }
    }
}

impl<S> Serving<S> {
    /// How many calls run.
    #[must_use]
    pub fn running(&self) -> usize {
        self.calls.len()
    }

    /// Lets go of calls that have ended, and sees to it that this is woken for the next.
    fn reap(&mut self, cx: &mut Context<'_>) {
        while let Poll::Ready(Some(ended)) = self.calls.poll_join_next(cx) {
            if let Err(error) = ended {
                error!(%error, "a service ended a call in a panic");
            }
        }
    }
}

impl<S> Serving<S>
where
    S: Service<Request, Response = (), Error = RpcError> + Clone + Send + 'static,
    S::Future: Send,
{
    fn run(&mut self, mut request: Request) {
        let responder = request.responder();
        let service = self.service.clone();
        self.calls.spawn(async move {
            if let Err(error) = service.oneshot(request).await {
                let cause = error.source();
                debug!(%error, cause, "a call was answered with an error");
                responder.fail(&error);
            }
        });
    }
}

/// Nothing in it is pinned.
impl<S> Unpin for Serving<S> {}

impl<S> Future for Serving<S>
where
    S: Service<Request, Response = (), Error = RpcError> + Clone + Send + 'static,
    S::Future: Send,
{
    type Output = Result<(), RpcError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        while let Some(requests) = &mut this.requests {
            match requests.poll_next_unpin(cx) {
                Poll::Ready(Some(Ok(request))) => this.run(request),
                Poll::Ready(Some(Err(error))) => {
                    this.outcome = Err(error);
                    this.requests = None;
                }
                Poll::Ready(None) => this.requests = None,
                Poll::Pending => break,
            }
            // Under load, too, those that ended are let go of.
            this.reap(cx);
        }
        this.reap(cx);
        if this.requests.is_none() && this.calls.is_empty() {
            return Poll::Ready(this.outcome.clone());
        }
        Poll::Pending
    }
}

impl<S> fmt::Debug for Serving<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Serving")
            .field("requests", &self.requests)
            .field("running", &self.calls.len())
            .finish_non_exhaustive()
    }
}
