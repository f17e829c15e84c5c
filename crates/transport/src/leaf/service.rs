//! Any transport as a service.

use core::task::{Context, Poll};

use bytes::Bytes;
use futures::future::BoxFuture;
use tower::Service;
use wrpc_middleware_errors::{Delivery, RpcError, RpcErrorKind};
use wrpc_transport::Invoke;

use super::{Evidence, Incoming, Outgoing, Written};
use crate::{CallContext, Channels, Invocation, Target};

/// The leaf over any [`Invoke`].
///
/// One `Invoke` reaches one peer, so a stack that resolves targets should
/// [say which one](Self::target) it is: calls resolved to another fail without being sent.
///
/// ```
/// use wrpc_middleware_transport::Transport;
/// # fn wrap<T: wrpc_transport::Invoke + Clone>(client: T) -> Transport<T> {
/// Transport::new(client)
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Transport<T, E = Written> {
    invoke: T,
    evidence: E,
    target: Option<Target>,
}

impl<T> Transport<T> {
    /// The leaf over a transport of which nothing is known.
    pub const fn new(invoke: T) -> Self {
        Self::with_evidence(invoke, Written)
    }
}

impl<T, E> Transport<T, E> {
    /// The leaf over a transport that can prove something.
    pub const fn with_evidence(invoke: T, evidence: E) -> Self {
        Self {
            invoke,
            evidence,
            target: None,
        }
    }

    /// Declares which target the transport reaches.
    #[must_use]
    pub fn target(mut self, target: Target) -> Self {
        self.target = Some(target);
        self
    }

    fn reaches(&self, target: Option<&Target>) -> bool {
        match (&self.target, target) {
            (Some(mine), Some(target)) => mine == target,
            _ => true,
        }
    }
}

/// The streams of a call over the transport `T`.
pub(crate) type LeafChannels<T, E> =
    Channels<Outgoing<<T as Invoke>::Outgoing, E>, Incoming<<T as Invoke>::Incoming, E>>;

impl<T, E, C> Service<Invocation<C>> for Transport<T, E>
where
    T: Invoke + Clone + 'static,
    E: Evidence,
    C: CallContext<Transport = T::Context> + 'static,
{
    type Response = LeafChannels<T, E>;
    type Error = RpcError;
    type Future = BoxFuture<'static, Result<Self::Response, RpcError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), RpcError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, invocation: Invocation<C>) -> Self::Future {
        if !self.reaches(invocation.target.as_ref()) {
            let error = invocation.progress().error(
                RpcErrorKind::Other,
                Delivery::NotSent,
                "this transport does not reach the target of the link",
            );
            return Box::pin(core::future::ready(Err(error)));
        }
        Box::pin(invoke(
            self.invoke.clone(),
            self.evidence.for_call(),
            invocation,
            Bytes::new(),
        ))
    }
}

/// Hands `invocation` to `transport`; `rest` are parameters to send once the target took the call.
pub(crate) async fn invoke<T, E, C>(
    transport: T,
    evidence: E,
    invocation: Invocation<C>,
    rest: Bytes,
) -> Result<LeafChannels<T, E>, RpcError>
where
    T: Invoke,
    E: Evidence,
    C: CallContext<Transport = T::Context>,
{
    let progress = invocation.progress().clone();
    if evidence.reports_acceptance() {
        progress.set_reports_acceptance();
    }
    progress.sent();
    let (outgoing, incoming) = transport
        .invoke(
            invocation.context.into_transport(),
            &invocation.instance,
            &invocation.func,
            invocation.params,
            &*invocation.paths,
        )
        .await
        .map_err(|error| {
            let error = progress.named(evidence.classify_invoke(error));
            progress.fail(error).clone()
        })?;
    Ok(Channels {
        outgoing: Outgoing::new(outgoing, rest, evidence.clone(), progress.clone()),
        incoming: Incoming::new(incoming, evidence, progress.clone()),
        progress,
    })
}
