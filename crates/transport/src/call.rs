//! Calls of services that may have to become ready first.

use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll, Waker, ready};

use pin_project::pin_project;
use tower::Service;

/// The inner call of a layer that is ready whether or not its inner service is.
///
/// Most services are ready at once. A request to one of those goes straight on, where `tower`'s
/// `Oneshot` would have to be moved with it, from layer to layer, until it is polled.
#[pin_project(project = Projection)]
pub(crate) enum Call<S: Service<R>, R> {
    Calling(#[pin] S::Future),
    /// Boxed: it is larger than all else in here, and every layer above moves it.
    Waiting(Box<Waiting<S, R>>),
    /// The error is taken once it is asked for.
    Failed(Option<S::Error>),
}

/// A request to a service that is not ready.
pub(crate) struct Waiting<S, R> {
    service: S,
    /// Taken once the service is ready for it.
    request: Option<R>,
}

impl<S: Service<R> + Clone, R> Call<S, R> {
    /// A call of `service`, which needs not be ready.
    #[inline]
    pub(crate) fn new(service: &S, request: R) -> Self {
        // What a service that was asked has a place in a queue for goes with the call: one that
        // sheds is ready, and waits for a place all the same.
        let mut service = service.clone();
        // Nobody is to be woken yet: whoever polls this call asks again.
        match service.poll_ready(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(Ok(())) => Self::Calling(service.call(request)),
            Poll::Ready(Err(error)) => Self::failed(error),
            Poll::Pending => Self::Waiting(Box::new(Waiting {
                service,
                request: Some(request),
            })),
        }
    }
}

impl<S: Service<R>, R> Call<S, R> {
    /// A call that is not made, of which nothing is to be heard.
    pub(crate) const fn never() -> Self {
        Self::Failed(None)
    }

    /// A call that has failed before it was made.
    pub(crate) const fn failed(error: S::Error) -> Self {
        Self::Failed(Some(error))
    }

    /// Whether the service has been called.
    pub(crate) const fn is_calling(&self) -> bool {
        matches!(self, Self::Calling(_))
    }
}

/// Polled again after it failed without having been made, it waits: that is the caller's mistake,
/// and waiting is the answer that sends nothing.
impl<S: Service<R>, R> Future for Call<S, R> {
    type Output = Result<S::Response, S::Error>;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        loop {
            match self.as_mut().project() {
                Projection::Calling(call) => return call.poll(cx),
                Projection::Waiting(waiting) => {
                    let ready = ready!(waiting.service.poll_ready(cx));
                    let made = match (ready, waiting.request.take()) {
                        (Ok(()), Some(request)) => Self::Calling(waiting.service.call(request)),
                        (Ok(()), None) => Self::never(),
                        (Err(error), _) => Self::failed(error),
                    };
                    self.set(made);
                }
                Projection::Failed(error) => {
                    let error = error.take();
                    return error.map_or(Poll::Pending, |error| Poll::Ready(Err(error)));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use core::future::ready;
    use std::sync::Arc;

    use futures::FutureExt as _;
    use tokio::sync::Semaphore;
    use tower::limit::ConcurrencyLimit;
    use tower::load_shed::LoadShed;
    use tower::load_shed::error::Overloaded;
    use tower::{BoxError, ServiceExt as _, service_fn};

    use super::*;

    #[test]
    fn a_service_that_is_ready_is_called_at_once() {
        let service = service_fn(|n: u32| ready(Ok::<_, ()>(n + 1)));
        let call = Call::new(&service, 1);
        assert!(call.is_calling());
        assert_eq!(call.now_or_never(), Some(Ok(2)));
    }

    #[tokio::test]
    async fn who_waits_keeps_the_place_in_the_queue() {
        let service = service_fn(|held: Arc<()>| ready(Ok::<_, ()>(held)));
        let mut limited = ConcurrencyLimit::new(service, 1);
        limited.ready().await.unwrap();
        let first = Call::new(&limited, Arc::default());
        let mut second = Call::new(&limited, Arc::default());
        assert!(!first.is_calling() && (&mut Pin::new(&mut second)).now_or_never().is_none());
        drop(limited);
        assert!(second.now_or_never().is_none(), "the first is before it");
        first.await.unwrap();
    }

    /// One that sheds has asked for a place, and is ready without one.
    #[tokio::test]
    async fn what_is_shed_waits_for_no_place() {
        let service = service_fn(|held: Arc<()>| async { Ok::<_, BoxError>(held) });
        let limit = Arc::new(Semaphore::new(1));
        let limited = ConcurrencyLimit::with_semaphore(service, Arc::clone(&limit));
        let shedding = LoadShed::new(limited);
        let runs = Call::new(&shedding, Arc::default());
        let shed = Call::new(&shedding, Arc::default()).await.unwrap_err();
        assert!(shed.is::<Overloaded>(), "{shed}");
        runs.await.unwrap();
        assert_eq!(limit.available_permits(), 1);
        Call::new(&shedding, Arc::default()).await.unwrap();
    }

    #[test]
    fn a_service_that_failed_is_not_called() {
        #[derive(Clone)]
        struct Failed;

        impl Service<()> for Failed {
            type Response = ();
            type Error = &'static str;
            type Future = core::future::Pending<Result<(), &'static str>>;

            fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), &'static str>> {
                Poll::Ready(Err("failed"))
            }

            fn call(&mut self, (): ()) -> Self::Future {
                unreachable!("it is not ready")
            }
        }

        let mut call = Call::new(&Failed, ());
        assert_eq!((&mut call).now_or_never(), Some(Err("failed")));
        assert_eq!(call.now_or_never(), None);
    }
}
