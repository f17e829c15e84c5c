//! The stack in its one right order.

use core::time::Duration;
use std::sync::Arc;

use tower::Layer;

use crate::link::{LinkAuthorization, LinkAuthorizationLayer};
use crate::liveness::{TargetLiveness, TargetLivenessLayer};
use crate::timeout::{Timeout, TimeoutLayer, TimeoutPolicy};

/// The three layers of a host in their order, outermost first:
///
/// 1. [`LinkAuthorization`]: nothing is sent, and no time is spent, before the call is permitted.
/// 2. [`Timeout`]: one deadline for all that follows.
/// 3. [`TargetLiveness`]: the target has to take the call, early enough to leave time to react.
///
/// What is below is the leaf. This is the one place that decides the order; the layers also
/// compose freely through [`tower::ServiceBuilder`].
///
/// ```
/// use core::time::Duration;
/// use tower::Layer as _;
/// use wrpc_middleware_transport::{Context, Invoker, Stack, Transport};
/// use wrpc_middleware_transport::link::LinkTable;
///
/// # fn wrap<T: wrpc_transport::Invoke<Context = ()> + Clone + 'static>(client: T) -> impl wrpc_transport::Invoke {
/// let stack = Stack::new(LinkTable::default())
///     .timeout(Duration::from_secs(2))
///     .handshake_timeout(Duration::from_millis(500));
/// Invoker::<_, Context<()>>::new(stack.layer(Transport::new(client)))
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Stack<P, T = Duration> {
    links: LinkAuthorizationLayer<P>,
    timeout: TimeoutLayer<T>,
    liveness: TargetLivenessLayer,
}

impl<P> Stack<P> {
    /// A stack that lets through what `policy` permits, for two seconds, half a second of them
    /// until the target has to take the call.
    pub const fn new(policy: P) -> Self {
        Self {
            links: LinkAuthorizationLayer::new(policy),
            timeout: TimeoutLayer::new(Duration::from_secs(2)),
            liveness: TargetLivenessLayer::new(Duration::from_millis(500)),
        }
    }
}

impl<P, T> Stack<P, T> {
    /// How long a call may take: a [`Duration`], or a choice per call.
    #[must_use]
    pub fn timeout<U: TimeoutPolicy>(self, policy: U) -> Stack<P, U> {
        self.timeout_layer(TimeoutLayer::new(policy))
    }

    /// The deadline of a call in full.
    #[must_use]
    pub fn timeout_layer<U>(self, timeout: TimeoutLayer<U>) -> Stack<P, U> {
        Stack {
            links: self.links,
            timeout,
            liveness: self.liveness,
        }
    }

    /// How long a target has to take a call.
    #[must_use]
    pub fn handshake_timeout(self, timeout: Duration) -> Self {
        self.liveness_layer(TargetLivenessLayer::new(timeout))
    }

    /// The check of targets in full.
    #[must_use]
    pub fn liveness_layer(mut self, liveness: TargetLivenessLayer) -> Self {
        self.liveness = liveness;
        self
    }

    /// Makes every call one of the component `source`, whatever its context says.
    #[must_use]
    pub fn source(mut self, source: impl Into<Arc<str>>) -> Self {
        self.links = self.links.source(source);
        self
    }
}

impl<S, P: Clone, T: Clone> Layer<S> for Stack<P, T> {
    type Service = LinkAuthorization<Timeout<TargetLiveness<S>, T>, P>;

    fn layer(&self, leaf: S) -> Self::Service {
        self.links
            .layer(self.timeout.layer(self.liveness.layer(leaf)))
    }
}
