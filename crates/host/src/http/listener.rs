//! Where connections come from.

use core::num::NonZeroUsize;
use core::time::Duration;
use std::sync::Arc;

use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::connection;
use super::service::Service;
use crate::listen::Listener;

/// Accepts connections and serves each, `limit` at most at a time, until `stop` is cancelled.
/// Returns when the socket is closed and the last connection is, too.
pub(super) async fn serve(
    listener: Listener,
    service: Arc<Service>,
    limit: NonZeroUsize,
    idle: Duration,
    stop: CancellationToken,
) {
    let limit = limit.get().min(Semaphore::MAX_PERMITS);
    let permits = Arc::new(Semaphore::new(limit));
    let tasks = TaskTracker::new();
    let start = |stream: TcpStream, permit: OwnedSemaphorePermit| {
        // Answers are small and complete, so nothing is gained by waiting for more.
        let _ = stream.set_nodelay(true);
        let connection = connection::serve(stream, Arc::clone(&service), idle, stop.clone());
        tasks.spawn(async move {
            connection.await;
            drop(permit);
        });
    };
    let accepting = async {
        loop {
            // It is never closed.
            let Ok(permit) = Arc::clone(&permits).acquire_owned().await else {
                return;
            };
            start(listener.accept().await, permit);
        }
    };
    stop.run_until_cancelled(accepting).await;
    // Those that the system has queued would be reset.
    let mut queued = listener.into_queued();
    while let Ok(permit) = Arc::clone(&permits).try_acquire_owned()
        && let Some(stream) = queued.next()
    {
        start(stream, permit);
    }
    drop(queued);
    tasks.close();
    tasks.wait().await;
}
