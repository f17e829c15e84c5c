//! Any transport as a service.

use core::task::{Context, Poll};

use bytes::Bytes;
use futures::future::BoxFuture;
use tower::Service;
use wrpc_middleware_errors::{Delivery, RpcError, RpcErrorKind};
use wrpc_transport::Invoke;

use super::{Evidence, Incoming, Outgoing, Written};
use crate::{CallContext, Channels, Invocation, Progress, Target};

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

/// The streams of a call, and what their use tells about it.
type Observed<O, I, E> = Channels<Outgoing<O, E>, Incoming<I, E>>;

impl<T, E, C> Service<Invocation<C>> for Transport<T, E>
where
    T: Invoke + Clone + 'static,
    E: Evidence,
    C: CallContext<Transport = T::Context> + 'static,
{
    type Response = Observed<T::Outgoing, T::Incoming, E>;
    type Error = RpcError;
    type Future = BoxFuture<'static, Result<Self::Response, RpcError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), RpcError>> {
        Poll::Ready(Ok(()))
    }

    #[inline]
    fn call(&mut self, invocation: Invocation<C>) -> Self::Future {
        if !self.reaches(invocation.target.as_ref()) {
            let error = invocation.progress().error(
                RpcErrorKind::Other,
                Delivery::NotSent,
                "this transport does not reach the target of the link",
            );
            return Box::pin(core::future::ready(Err(error)));
        }
        let (transport, evidence) = (self.invoke.clone(), self.evidence.for_call());
        // What the transport does not take is left behind: the future is allocated for every call.
        let Invocation {
            context,
            params,
            paths,
            progress,
            ..
        } = invocation;
        let context = context.into_transport();
        Box::pin(async move {
            let leaving = Leaving::new(evidence, progress);
            let called = leaving.progress.name();
            let invoked = transport
                .invoke(context, called.instance(), called.func(), params, &*paths)
                .await;
            leaving.arrive(invoked, Bytes::new())
        })
    }
}

/// A call on its way into the transport.
///
/// What is awaited in between is left to the leaf, so that its future holds nothing twice: it is
/// allocated for every call.
pub(crate) struct Leaving<E> {
    evidence: E,
    progress: Progress,
}

impl<E: Evidence> Leaving<E> {
    /// The call counts as sent from now on.
    #[inline]
    pub(crate) fn new(evidence: E, progress: Progress) -> Self {
        if evidence.reports_acceptance() {
            progress.set_reports_acceptance();
        }
        progress.sent();
        Self { evidence, progress }
    }

    /// What the transport made of the call; `rest` are parameters to send once the target took it.
    #[inline]
    pub(crate) fn arrive<O, I>(
        self,
        invoked: anyhow::Result<(O, I)>,
        rest: Bytes,
    ) -> Result<Observed<O, I, E>, RpcError> {
        let Self { evidence, progress } = self;
        let (outgoing, incoming) = invoked.map_err(|error| {
            let error = progress.named(evidence.classify_invoke(error));
            progress.fail(error).clone()
        })?;
        Ok(Channels {
            outgoing: Outgoing::new(outgoing, rest, evidence.clone(), progress.clone()),
            incoming: Incoming::new(incoming, evidence, progress.clone()),
            progress,
        })
    }
}
