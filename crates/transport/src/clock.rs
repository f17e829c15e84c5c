//! Points in time.

use core::time::Duration;

use tokio::time::Instant;

/// The time `wait` after `start`. A wait too long for the clock ends some day that nobody will
/// see.
pub(crate) fn after(start: Instant, wait: Duration) -> Instant {
    const FAR: Duration = Duration::from_hours(24 * 365 * 30);
    start.checked_add(wait).unwrap_or_else(|| start + FAR)
}
