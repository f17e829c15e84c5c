//! A layer of one's own, and its test.
//!
//! ```console
//! $ cargo test --example custom_layer
//! ```
//!
//! It fails calls of functions that are switched off, as `overloaded`, `not-sent`: whoever calls
//! does what it does when a target is busy.

use core::task::{Context, Poll};
use std::collections::HashSet;
use std::sync::Arc;

use futures::future::Either;
use tower::{Layer, Service};
use wrpc_middleware::{Delivery, Invocation, RpcError, RpcErrorKind};

/// Switches functions off.
#[derive(Clone, Debug)]
struct SwitchLayer {
    off: Arc<HashSet<Box<str>>>,
}

impl SwitchLayer {
    fn new<'a>(off: impl IntoIterator<Item = &'a str>) -> Self {
        let off = off.into_iter().map(Box::from).collect();
        Self { off: Arc::new(off) }
    }
}

impl<S> Layer<S> for SwitchLayer {
    type Service = Switch<S>;

    fn layer(&self, inner: S) -> Switch<S> {
        Switch {
            inner,
            off: Arc::clone(&self.off),
        }
    }
}

/// What [`SwitchLayer`] makes.
#[derive(Clone, Debug)]
struct Switch<S> {
    inner: S,
    off: Arc<HashSet<Box<str>>>,
}

impl<S, C> Service<Invocation<C>> for Switch<S>
where
    S: Service<Invocation<C>, Error = RpcError>,
{
    type Response = S::Response;
    type Error = RpcError;
    type Future = Either<core::future::Ready<Result<S::Response, RpcError>>, S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), RpcError>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, invocation: Invocation<C>) -> Self::Future {
        if self.off.contains(invocation.func()) {
            // The progress of the call knows its name, and hands the error to all who wait for it.
            let progress = invocation.progress();
            let error = progress.error(
                RpcErrorKind::Overloaded,
                Delivery::NotSent,
                "the function is switched off",
            );
            return Either::Left(core::future::ready(Err(progress.fail(error).clone())));
        }
        Either::Right(self.inner.call(invocation))
    }
}

fn main() {
    println!("{:?}", SwitchLayer::new(["greet"]).layer("a service"));
    println!("its test: cargo test --example custom_layer");
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use tower::{ServiceExt as _, service_fn};

    use super::*;

    /// The service below counts nothing and answers always: what fails, the layer fails.
    async fn call(layer: &SwitchLayer, func: &str) -> Result<(), RpcError> {
        let inner = service_fn(|_: Invocation<()>| async { Ok::<_, RpcError>(()) });
        let invocation = Invocation::new((), "test:app/greeter@0.1.0", func, Bytes::new());
        layer.layer(inner).oneshot(invocation).await
    }

    #[tokio::test]
    async fn what_is_off_is_not_sent() {
        let layer = SwitchLayer::new(["greet"]);
        let error = call(&layer, "greet").await.unwrap_err();
        assert_eq!(error.kind(), RpcErrorKind::Overloaded);
        assert!(error.is_safe_to_retry());
        assert!(error.message().contains("greet"), "{error}");
        call(&layer, "other").await.unwrap();
    }

    #[tokio::test]
    async fn control_without_the_layer_it_is_sent() {
        call(&SwitchLayer::new([]), "greet").await.unwrap();
    }
}
