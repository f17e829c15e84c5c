//! Waiting between attempts.

use core::time::Duration;

use crate::bindings::wasi::clocks::monotonic_clock::subscribe_duration;
use crate::bindings::wasi::random::random::get_random_u64;

/// The longest waits before the second, third and fourth attempt. All of them have to fit into the
/// time that the host gives to a request.
pub const DELAYS: [Duration; 3] = [
    Duration::from_millis(200),
    Duration::from_millis(400),
    Duration::from_millis(800),
];

/// Waits between half of `delay` and all of it, so that those who failed together don't come back
/// together.
pub fn sleep(delay: Duration) {
    let nanos = u64::try_from(delay.as_nanos()).unwrap_or(u64::MAX);
    let half = nanos / 2;
    subscribe_duration(half + get_random_u64() % (half + 1)).block();
}
