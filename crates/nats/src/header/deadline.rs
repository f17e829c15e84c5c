//! How long the caller waits.
//!
//! Two headers, since each covers what the other can't: the time that remains
//! (`Wrpc-Timeout-Ms`) needs no clocks that agree, but does not know how long the message waited
//! on its way; the moment when it ends (`Wrpc-Expires`, Unix time in milliseconds) does.

use core::time::Duration;
use std::time::{SystemTime, UNIX_EPOCH};

use async_nats::HeaderMap;
use async_nats::header::{HeaderName, HeaderValue};

use super::single;

const TIMEOUT: &str = "Wrpc-Timeout-Ms";
const EXPIRES: &str = "Wrpc-Expires";

/// Adds what remains until the deadline.
pub(crate) fn write(headers: &mut HeaderMap, remaining: Duration) {
    let expires = since_epoch().saturating_add(remaining);
    for (name, duration) in [(TIMEOUT, remaining), (EXPIRES, expires)] {
        headers.insert(
            HeaderName::from_static(name),
            HeaderValue::from(millis(duration)),
        );
    }
}

/// What remains until the deadline of a message that arrives now: none if it says nothing, zero if
/// the deadline has passed.
///
/// `skew` is how far the clocks may be apart. What is malformed says nothing.
pub(crate) fn read(headers: &HeaderMap, skew: Duration) -> Option<Duration> {
    let number = |name| {
        single(headers, name)?
            .parse()
            .ok()
            .map(Duration::from_millis)
    };
    let expires = number(EXPIRES).map(|expires: Duration| {
        let tolerated = expires.saturating_add(skew);
        match tolerated.checked_sub(since_epoch()) {
            Some(remaining) if !remaining.is_zero() => remaining,
            _ => Duration::ZERO,
        }
    });
    match (number(TIMEOUT), expires) {
        (Some(timeout), Some(expires)) => Some(timeout.min(expires)),
        (timeout, expires) => timeout.or(expires),
    }
}

fn since_epoch() -> Duration {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SKEW: Duration = Duration::from_secs(1);

    #[test]
    fn a_deadline_travels() {
        let mut headers = HeaderMap::new();
        assert_eq!(read(&headers, SKEW), None);
        write(&mut headers, Duration::from_secs(2));
        assert_eq!(read(&headers, SKEW), Some(Duration::from_secs(2)));
    }

    #[test]
    fn the_clock_tells_of_what_waited_on_its_way() {
        let expired = since_epoch().saturating_sub(Duration::from_millis(1500));
        let mut headers = HeaderMap::new();
        headers.insert(TIMEOUT, "2000");
        headers.insert(EXPIRES, millis(expired).to_string().as_str());
        assert_eq!(read(&headers, SKEW), Some(Duration::ZERO));
        let remaining = read(&headers, 2 * SKEW).unwrap();
        assert!(!remaining.is_zero() && remaining <= Duration::from_millis(500));
    }

    #[test]
    fn what_is_malformed_says_nothing() {
        for text in ["", "-1", "2s", "99999999999999999999999"] {
            let mut headers = HeaderMap::new();
            headers.insert(TIMEOUT, text);
            headers.insert(EXPIRES, text);
            assert_eq!(read(&headers, SKEW), None, "{text}");
        }
    }

    #[test]
    fn the_largest_numbers_are_no_overflow() {
        let mut headers = HeaderMap::new();
        write(&mut headers, Duration::MAX);
        assert!(read(&headers, Duration::MAX).unwrap() > Duration::from_hours(1));
    }
}
