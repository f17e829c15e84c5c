//! Configuration of [`Timeout`].

use core::time::Duration;

use tower::Layer;

use super::{Timeout, TimeoutPolicy};

/// Gives every call a deadline. See the [module](super) for what it bounds.
#[derive(Clone, Copy, Debug)]
pub struct TimeoutLayer<P = Duration> {
    policy: P,
    stream_idle: Option<Duration>,
}

impl<P: TimeoutPolicy> TimeoutLayer<P> {
    /// A deadline by `policy`: a [`Duration`] for all calls, or a choice per call.
    pub const fn new(policy: P) -> Self {
        Self {
            policy,
            stream_idle: None,
        }
    }

    /// Exempts streams from the deadline once they are indexed, and lets each of them stand still
    /// for at most `limit` while somebody waits for it.
    #[must_use]
    pub fn stream_idle(mut self, limit: Duration) -> Self {
        self.stream_idle = Some(limit);
        self
    }
}

impl<S, P: Clone> Layer<S> for TimeoutLayer<P> {
    type Service = Timeout<S, P>;

    fn layer(&self, inner: S) -> Self::Service {
        Timeout::new(inner, self.policy.clone(), self.stream_idle)
    }
}
