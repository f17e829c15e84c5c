//! Configuration of [`LinkAuthorization`].

use std::sync::Arc;

use tower::Layer;

use super::LinkAuthorization;

/// Lets through what a [`LinkPolicy`](super::LinkPolicy) permits. See the [module](super).
#[derive(Clone, Debug)]
pub struct LinkAuthorizationLayer<P> {
    policy: P,
    source: Option<Arc<str>>,
}

impl<P> LinkAuthorizationLayer<P> {
    /// Asks `policy` for every call. The caller is who the context says.
    pub const fn new(policy: P) -> Self {
        Self {
            policy,
            source: None,
        }
    }

    /// Makes every call through this layer a call of the component `source`, whatever its context
    /// says.
    #[must_use]
    pub fn source(mut self, source: impl Into<Arc<str>>) -> Self {
        self.source = Some(source.into());
        self
    }
}

impl<S, P: Clone> Layer<S> for LinkAuthorizationLayer<P> {
    type Service = LinkAuthorization<S, P>;

    fn layer(&self, inner: S) -> Self::Service {
        LinkAuthorization::new(inner, self.policy.clone(), self.source.clone())
    }
}
