//! One upstream client per subject prefix.

use core::fmt;
use core::num::NonZeroUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use lru::LruCache;
use tokio::sync::OnceCell;
use wrpc_middleware_errors::{Delivery, RpcError, RpcErrorKind};
use wrpc_transport_nats::Client;

/// The upstream clients in use; beyond a number, the one not used for longest goes.
///
/// Concurrent first calls to a prefix make one client. One that went lives on until its calls are
/// over.
pub(super) struct Clients {
    nats: Arc<async_nats::Client>,
    cells: Mutex<Cells>,
}

type Cells = LruCache<Arc<str>, Arc<OnceCell<Client>>>;

impl Clients {
    pub(super) fn new(nats: Arc<async_nats::Client>, capacity: NonZeroUsize) -> Self {
        Self {
            nats,
            cells: Mutex::new(LruCache::new(capacity)),
        }
    }

    /// The client for `prefix`. Waits for the broker where it has to be made, so it is bounded by
    /// the caller's deadline only; dropped, it leaves the making to the next who asks.
    pub(super) async fn get(
        &self,
        prefix: Arc<str>,
        function: impl fmt::Display,
    ) -> Result<Client, RpcError> {
        let cell = Arc::clone(self.lock().get_or_insert(Arc::clone(&prefix), Arc::default));
        let client = cell
            .get_or_try_init(|| Client::new(Arc::clone(&self.nats), prefix, None))
            .await
            .map_err(|error| {
                RpcError::new(
                    RpcErrorKind::Transport,
                    Delivery::NotSent,
                    format!("{function}: the inbox for answers could not be subscribed to"),
                )
                .with_source(error)
            })?;
        Ok(client.clone())
    }

    fn lock(&self) -> MutexGuard<'_, Cells> {
        self.cells.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Clients {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Clients")
            .field("len", &self.lock().len())
            .finish_non_exhaustive()
    }
}
