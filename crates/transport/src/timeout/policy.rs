//! How long a call may take.

use core::time::Duration;

/// Chooses how long a call may take.
pub trait TimeoutPolicy {
    /// The time that a call of `func` of `instance` may take. The layer caps it by
    /// [`longest`](Self::longest).
    fn timeout(&self, instance: &str, func: &str) -> Duration;

    /// The longest time that any call may take. It also bounds the wait for readiness, during
    /// which nothing is known of the call.
    fn longest(&self) -> Duration;
}

/// The same time for every call.
impl TimeoutPolicy for Duration {
    fn timeout(&self, _instance: &str, _func: &str) -> Duration {
        *self
    }

    fn longest(&self) -> Duration {
        *self
    }
}

/// A time per function, by a closure `Fn(instance, func) -> Duration`.
#[derive(Clone, Copy, Debug)]
pub struct PerCall<F> {
    choose: F,
    longest: Duration,
}

impl<F: Fn(&str, &str) -> Duration> PerCall<F> {
    /// Asks `choose` for each call; whatever it says, none takes longer than `longest`.
    pub const fn new(longest: Duration, choose: F) -> Self {
        Self { choose, longest }
    }
}

impl<F: Fn(&str, &str) -> Duration> TimeoutPolicy for PerCall<F> {
    fn timeout(&self, instance: &str, func: &str) -> Duration {
        (self.choose)(instance, func)
    }

    fn longest(&self) -> Duration {
        self.longest
    }
}
