//! The service that awaits handshakes.

use core::task::{Context, Poll};
use std::sync::Arc;

use tokio::io::AsyncWrite;
use tower::Service;
use wrpc_middleware_errors::RpcError;

use super::ResponseFuture;
use super::health::Targets;
use crate::{Channels, Invocation};

/// Passes on to `S` the calls to targets that are not known to be silent, and awaits their
/// handshake.
#[derive(Clone, Debug)]
pub struct TargetLiveness<S> {
    inner: S,
    targets: Arc<Targets>,
}

impl<S> TargetLiveness<S> {
    pub(super) const fn new(inner: S, targets: Arc<Targets>) -> Self {
        Self { inner, targets }
    }
}

impl<S, C, O, I> Service<Invocation<C>> for TargetLiveness<S>
where
    S: Service<Invocation<C>, Response = Channels<O, I>, Error = RpcError>,
    O: AsyncWrite + Unpin,
{
    type Response = S::Response;
    type Error = RpcError;
    type Future = ResponseFuture<S::Future, O, I>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), RpcError>> {
        self.inner.poll_ready(cx)
    }

    #[inline]
    fn call(&mut self, invocation: Invocation<C>) -> Self::Future {
        match self.targets.admit(invocation.target.as_ref()) {
            Some(admission) => ResponseFuture::calling(
                self.inner.call(invocation),
                admission,
                self.targets.config().handshake_timeout,
            ),
            None => ResponseFuture::refused(invocation.progress().clone()),
        }
    }
}
