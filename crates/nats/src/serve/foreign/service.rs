//! The service that maps errors.

use core::task::{Context, Poll};

use tower::{BoxError, Service};
use wrpc_middleware_errors::{Delivery, RpcError};
use wrpc_middleware_transport::foreign::rpc_error;

use super::ResponseFuture;
use crate::serve::Request;

/// Passes calls on to `S` and makes [`RpcError`]s of its errors.
#[derive(Clone, Debug)]
pub struct Foreign<S> {
    inner: S,
}

impl<S> Foreign<S> {
    pub(super) const fn new(inner: S) -> Self {
        Self { inner }
    }
}

impl<S> Service<Request> for Foreign<S>
where
    S: Service<Request>,
    S::Error: Into<BoxError>,
{
    type Response = S::Response;
    type Error = RpcError;
    type Future = ResponseFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), RpcError>> {
        self.inner
            .poll_ready(cx)
            .map_err(|error| rpc_error(error.into(), Delivery::NotSent, RpcError::new))
    }

    fn call(&mut self, mut request: Request) -> Self::Future {
        let responder = request.responder();
        ResponseFuture::new(self.inner.call(request), responder)
    }
}
