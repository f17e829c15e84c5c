//! How long work goes on.

use core::time::Duration;

use tokio::sync::oneshot;
use tokio::time::timeout;
use tracing::Instrument as _;

use super::InvocationFailure;

/// Does `work` to its end, even if the future of this is dropped before that.
///
/// A guest that was called on a store which lives on must not be dropped halfway: Wasmtime would
/// find its remains in a later call.
pub(super) async fn to_its_end<R: Send + 'static>(
    work: impl Future<Output = Result<R, InvocationFailure>> + Send + 'static,
) -> Result<R, InvocationFailure> {
    let (done, result) = oneshot::channel();
    let work = async move {
        // Dropped if nobody waits for it any more.
        let _ = done.send(work.await);
    };
    tokio::spawn(work.in_current_span());
    result.await.unwrap_or(Err(InvocationFailure::Aborted))
}

/// Drops `work` once it has taken `limit`, if there is one.
pub(super) async fn within<F: Future>(
    limit: Option<Duration>,
    work: F,
) -> Result<F::Output, InvocationFailure> {
    match limit {
        Some(limit) => timeout(limit, work)
            .await
            .map_err(|_| InvocationFailure::TimedOut(limit)),
        None => Ok(work.await),
    }
}
