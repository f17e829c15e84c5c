//! Where connections come from.

use core::net::SocketAddr;
use core::num::NonZeroUsize;
use core::time::Duration;
use std::io;
use std::sync::Arc;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::connection;
use super::error::HttpError;
use super::service::Service;

/// How long to wait after the system could not accept a connection, as when it has no file
/// descriptors left.
const PAUSE: Duration = Duration::from_millis(100);

/// A bound socket, and how its connections are served.
pub(super) struct Listener {
    socket: TcpListener,
    address: SocketAddr,
}

impl Listener {
    /// Binds. From here on connections are queued by the system.
    ///
    /// # Errors
    ///
    /// The address can't be listened at.
    pub(super) async fn bind(address: SocketAddr) -> Result<Self, HttpError> {
        let listen = |source| HttpError::listen(address, source);
        let socket = TcpListener::bind(address).await.map_err(listen)?;
        let address = socket.local_addr().map_err(listen)?;
        Ok(Self { socket, address })
    }

    /// Where it listens, with the port that it got.
    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Accepts connections and serves each, `limit` at most at a time, until `stop` is cancelled.
    /// Returns when the socket is closed and the last connection is, too.
    pub(super) async fn serve(
        self,
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
                start(accept(&self.socket).await, permit);
            }
        };
        stop.run_until_cancelled(accepting).await;
        // Those that the system has queued would be reset. It is asked directly, since the runtime
        // may not have heard of them yet.
        if let Ok(socket) = self.socket.into_std() {
            while let Ok(permit) = Arc::clone(&permits).try_acquire_owned()
                && let Ok((stream, _)) = socket.accept()
                && stream.set_nonblocking(true).is_ok()
                && let Ok(stream) = TcpStream::from_std(stream)
            {
                start(stream, permit);
            }
        }
        tasks.close();
        tasks.wait().await;
    }
}

/// The next connection, whatever it takes.
async fn accept(socket: &TcpListener) -> TcpStream {
    loop {
        match socket.accept().await {
            Ok((stream, _)) => return stream,
            Err(error) if is_of_one_connection(&error) => {}
            Err(error) => {
                tracing::error!("can't accept connections: {error}");
                sleep(PAUSE).await;
            }
        }
    }
}

/// Whether a client went away before it was accepted.
fn is_of_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionRefused
            | io::ErrorKind::ConnectionReset
    )
}
