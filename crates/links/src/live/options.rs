//! How a bucket is followed.

use core::time::Duration;

/// How a bucket is followed.
#[derive(Clone, Debug)]
#[must_use = "options do nothing by themselves"]
pub struct WatchOptions {
    pub(super) check_interval: Duration,
    pub(super) max_age: Option<Duration>,
}

impl Default for WatchOptions {
    fn default() -> Self {
        Self {
            check_interval: Duration::from_secs(2),
            max_age: None,
        }
    }
}

impl WatchOptions {
    /// Asks every two seconds; links never grow too old.
    pub fn new() -> Self {
        Self::default()
    }

    /// How often NATS is asked whether the table is still what the bucket has, give or take a fifth;
    /// two seconds by default. Changes do not wait for it, unless the hint at them was lost or
    /// they were made behind the back of the bucket, as by a purge of its stream.
    pub fn check_interval(mut self, interval: Duration) -> Self {
        self.check_interval = interval;
        self
    }

    /// How old the last proof may be that the table is what the bucket has, before every call is
    /// denied. No bound by default: a host that is cut off from the bucket goes on with the links
    /// that it has seen last.
    ///
    /// NATS is asked at least four times as often as that.
    pub fn max_age(mut self, age: impl Into<Option<Duration>>) -> Self {
        self.max_age = age.into();
        self
    }

    /// The time from one question to the next.
    pub(super) fn interval(&self) -> Duration {
        let often = self.max_age.map_or(Duration::MAX, |age| age / 4);
        self.check_interval.min(often).max(SHORTEST)
    }
}

/// Asking more often than this would be of no use and a burden.
const SHORTEST: Duration = Duration::from_millis(50);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_asked_often_enough_for_the_age() {
        let seconds = Duration::from_secs;
        let options = WatchOptions::new();
        assert_eq!(options.interval(), seconds(2));
        assert_eq!(options.clone().max_age(seconds(60)).interval(), seconds(2));
        assert_eq!(options.clone().max_age(seconds(4)).interval(), seconds(1));
        assert_eq!(options.max_age(Duration::ZERO).interval(), SHORTEST);
    }
}
