//! Configuration of [`Deadline`].

use core::time::Duration;

use tower::Layer;

use super::{Deadline, TimeoutPolicy};

/// Gives every call a deadline. See the [module](super) for what it bounds.
#[derive(Clone, Copy, Debug)]
pub struct DeadlineLayer<P = Duration> {
    policy: P,
}

impl DeadlineLayer {
    /// The callers' deadlines alone: a call without one is bounded by nothing but that its caller
    /// waits.
    #[must_use]
    pub const fn callers() -> Self {
        Self {
            policy: Duration::MAX,
        }
    }
}

impl<P: TimeoutPolicy> DeadlineLayer<P> {
    /// The caller's deadline, or one by `policy` if that is earlier: a [`Duration`] from when the
    /// call comes here, or a choice per function.
    pub const fn new(policy: P) -> Self {
        Self { policy }
    }
}

impl<S, P: Clone> Layer<S> for DeadlineLayer<P> {
    type Service = Deadline<S, P>;

    fn layer(&self, inner: S) -> Self::Service {
        Deadline::new(inner, self.policy.clone())
    }
}
