//! The service that authorizes calls.

use core::task::{Context, Poll};
use std::sync::Arc;

use tower::Service;
use wrpc_middleware_errors::{Delivery, RpcError, RpcErrorKind};

use super::{DEFAULT_LINK_NAME, Denied, Interface, LinkPolicy, LinkRequest, ResponseFuture};
use crate::call::Call;
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

/// Always ready: a call that is denied has to wait for nothing, and must not take the place of one
/// that is permitted. The readiness of the inner service is asked for once the call is permitted.
impl<S, P, C> Service<Invocation<C>> for LinkAuthorization<S, P>
where
    S: Service<Invocation<C>, Error = RpcError> + Clone,
    P: LinkPolicy,
    C: CallContext,
{
    type Response = S::Response;
    type Error = RpcError;
    type Future = ResponseFuture<S, C>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), RpcError>> {
        Poll::Ready(Ok(()))
    }

    #[inline]
    fn call(&mut self, mut invocation: Invocation<C>) -> Self::Future {
        let source = self.source.as_ref().or(invocation.context.source());
        let interface = Interface::of_instance(invocation.instance());
        let link_name = invocation.context.link_name_of(interface);
        let request = LinkRequest {
            source: source.map(AsRef::as_ref),
            link_name: link_name.map_or(DEFAULT_LINK_NAME, AsRef::as_ref),
            interface,
            instance: invocation.instance(),
            func: invocation.func(),
            target: invocation.target.as_ref(),
        };
        if let Some(target) = self.policy.authorize(&request) {
            invocation.progress().routed(&target);
            invocation.target = Some(target);
            ResponseFuture::permitted(Call::new(&self.inner, invocation))
        } else {
            let denied = Denied {
                source: source.cloned(),
                link_name: link_name.cloned(),
                function: invocation.progress().name().clone(),
                target: invocation.target,
            };
            let kind = RpcErrorKind::LinkDenied;
            let error = RpcError::from_detail(kind, Delivery::NotSent, denied);
            ResponseFuture::denied(error)
        }
    }
}
