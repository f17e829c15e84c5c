//! Time in a scenario: tokio's clock is moved to reach a deadline, and runs as usual otherwise.
//!
//! So a deadline passes when the scenario says so, and never since the machine is slow.

use core::future::Future;
use core::time::Duration;

use tokio::time;

/// The deadline of calls: far above what a loaded machine needs to set a call up.
pub(crate) const TIMEOUT: Duration = Duration::from_mins(2);

/// How long targets have to take a call.
pub(crate) const HANDSHAKE: Duration = Duration::from_mins(1);

/// How long what has to happen may take, in real time: far above what it takes, as a test that
/// passes never waits for it.
const GUARD: Duration = Duration::from_mins(1);

/// The same for what calls hold to be given back: a machine that is too busy for that in this time
/// would fail above already.
const RELEASE: Duration = Duration::from_secs(15);

/// How long a call is watched, in real time, before it counts as one that nothing ends: calls of
/// the same shape are answered in milliseconds.
pub(crate) const WATCHED: Duration = Duration::from_millis(300);

/// How often a condition is looked at that has nothing to await.
const LOOK: Duration = Duration::from_millis(2);

/// Moves the clock of this runtime.
pub(crate) async fn advance(duration: Duration) {
    time::pause();
    time::advance(duration).await;
    time::resume();
}

/// The output of `future`, or `None` if it does not come.
pub(crate) async fn guard<F: Future>(future: F) -> Option<F::Output> {
    time::timeout(GUARD, future).await.ok()
}

/// Waits until `condition` holds; returns whether it ever did.
pub(crate) async fn until(condition: impl AsyncFnMut() -> bool) -> bool {
    guard(holds(condition)).await.is_some()
}

/// Waits until `condition` holds, which says that something was given back; returns whether it ever
/// did.
pub(crate) async fn until_released(condition: impl AsyncFnMut() -> bool) -> bool {
    time::timeout(RELEASE, holds(condition)).await.is_ok()
}

async fn holds(mut condition: impl AsyncFnMut() -> bool) {
    while !condition().await {
        time::sleep(LOOK).await;
    }
}
