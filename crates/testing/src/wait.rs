//! Waiting for a condition itself, never for a time.

use core::future::Future;
use core::time::Duration;

/// How long anything that must happen may take before a test gives up on it: far above what a
/// loaded machine needs, as a pass never waits for it.
pub const GUARD: Duration = Duration::from_secs(90);

/// How long a control run is watched before it counts as hanging: calls of the same shape are
/// answered in milliseconds.
pub const HANGS: Duration = Duration::from_secs(3);

/// Polls until `condition` holds.
///
/// # Panics
///
/// When it does not hold within [`GUARD`]; `what` says which condition it was.
pub async fn until(what: &str, mut condition: impl AsyncFnMut() -> bool) {
    let mut interval = tokio::time::interval(Duration::from_millis(10));
    guard(what, async {
        while !condition().await {
            interval.tick().await;
        }
    })
    .await;
}

/// Awaits `future`.
///
/// # Panics
///
/// When it is not ready within [`GUARD`].
pub async fn guard<T>(what: &str, future: impl Future<Output = T>) -> T {
    tokio::time::timeout(GUARD, future)
        .await
        .unwrap_or_else(|_| panic!("gave up on: {what}"))
}

/// Asserts of a control run that `future` is not ready within [`HANGS`].
pub async fn assert_hangs<T>(what: &str, future: impl Future<Output = T>) {
    assert!(
        tokio::time::timeout(HANGS, future).await.is_err(),
        "{what} was expected to hang, as it does without the layer"
    );
}
