//! How long a call may take.

use core::time::Duration;

/// Chooses how long a call may take.
///
/// A [`Duration`] is the same time for every call; every `Fn(instance, func) -> Duration` is a
/// policy, too.
pub trait TimeoutPolicy {
    /// The time that a call of `func` of `instance` may take.
    fn timeout(&self, instance: &str, func: &str) -> Duration;
}

impl TimeoutPolicy for Duration {
    fn timeout(&self, _instance: &str, _func: &str) -> Duration {
        *self
    }
}

impl<F: Fn(&str, &str) -> Duration> TimeoutPolicy for F {
    fn timeout(&self, instance: &str, func: &str) -> Duration {
        self(instance, func)
    }
}
