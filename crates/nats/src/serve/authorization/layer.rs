//! Configuration of [`Authorization`].

use tower::Layer;

use super::Authorization;

/// Lets through what a [`CallerPolicy`](super::CallerPolicy) permits. See the [module](super).
#[derive(Clone, Copy, Debug)]
pub struct AuthorizationLayer<P> {
    policy: P,
}

impl<P> AuthorizationLayer<P> {
    /// Asks `policy` for every call.
    pub const fn new(policy: P) -> Self {
        Self { policy }
    }
}

impl<S, P: Clone> Layer<S> for AuthorizationLayer<P> {
    type Service = Authorization<S, P>;

    fn layer(&self, inner: S) -> Self::Service {
        Authorization::new(inner, self.policy.clone())
    }
}
