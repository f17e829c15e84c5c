//! The service that authorizes calls.

use core::task::{Context, Poll};
use std::sync::Arc;

use tower::util::Oneshot;
use tower::{Service, ServiceExt as _};
use wrpc_middleware_errors::{Delivery, RpcError, RpcErrorKind};

use super::{DEFAULT_LINK_NAME, Interface, LinkPolicy, LinkRequest, ResponseFuture};
use crate::{CallContext, Invocation};

/// Passes on to `S` what the policy `P` permits.
#[derive(Clone, Debug)]
pub struct LinkAuthorization<S, P> {
    inner: S,
    policy: P,
    source: Option<Arc<str>>,
}

impl<S, P> LinkAuthorization<S, P> {
    pub(super) const fn new(inner: S, policy: P, source: Option<Arc<str>>) -> Self {
        Self {
            inner,
            policy,
            source,
        }
    }
}

/// Why a call was denied: the source of the [`RpcError`], for the operator.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no link from {0}")]
pub struct Denied(String);

/// Always ready: a call that is denied has to wait for nothing, and must not take the place of one
/// that is permitted. The readiness of the inner service is awaited by the response future.
impl<S, P, C> Service<Invocation<C>> for LinkAuthorization<S, P>
where
    S: Service<Invocation<C>, Error = RpcError> + Clone,
    P: LinkPolicy,
    C: CallContext,
{
    type Response = S::Response;
    type Error = RpcError;
    type Future = ResponseFuture<Oneshot<S, Invocation<C>>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), RpcError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, mut invocation: Invocation<C>) -> Self::Future {
        let request = LinkRequest {
            source: self.source.as_deref().or(invocation.context.source()),
            link_name: invocation.context.link_name().unwrap_or(DEFAULT_LINK_NAME),
            interface: Interface::of_instance(&invocation.instance),
            instance: &invocation.instance,
            func: &invocation.func,
            target: invocation.target.as_ref(),
        };
        if let Some(target) = self.policy.authorize(&request) {
            invocation.target = Some(target);
            ResponseFuture::permitted(self.inner.clone().oneshot(invocation))
        } else {
            let denied = Denied(request.to_string());
            ResponseFuture::denied(
                RpcError::new(
                    RpcErrorKind::LinkDenied,
                    Delivery::NotSent,
                    format!(
                        "{}: no link permits this call",
                        invocation.progress().function()
                    ),
                )
                .with_source(denied),
            )
        }
    }
}
