//! One upstream client per subject prefix.

use core::fmt;
use core::num::NonZeroUsize;
use core::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use lru::LruCache;
use tokio::sync::OnceCell;
use wrpc_middleware_errors::{Delivery, RpcError, RpcErrorKind};
use wrpc_transport_nats::Client;

use crate::Progress;

/// How many calls may be given up inside a client before it is replaced.
///
/// Each leaves some 8 kB in the client's table of subscriptions, for as long as the client lives:
/// upstream registers a call before it publishes it, and takes it off only once both are done.
const ABANDONED: usize = 16;

/// The upstream clients in use; beyond a number, the one not used for longest goes.
///
/// Concurrent first calls to a prefix make one client. One that went lives on until its calls are
/// over.
pub(super) struct Clients {
    nats: Arc<async_nats::Client>,
    entries: Mutex<Entries>,
}

type Entries = LruCache<Arc<str>, Arc<Entry>>;

#[derive(Default)]
struct Entry {
    client: OnceCell<Client>,
    abandoned: AtomicUsize,
}

impl Clients {
    pub(super) fn new(nats: Arc<async_nats::Client>, capacity: NonZeroUsize) -> Self {
        Self {
            nats,
            entries: Mutex::new(LruCache::new(capacity)),
        }
    }

    /// The client for `prefix`. Waits for the broker where it has to be made, so it is bounded by
    /// the caller's deadline only; dropped, it leaves the making to the next who asks.
    pub(super) async fn get(
        &self,
        prefix: Arc<str>,
        progress: &Progress,
    ) -> Result<Lease<'_>, RpcError> {
        let entry = Arc::clone(self.lock().get_or_insert(Arc::clone(&prefix), Arc::default));
        let client = entry
            .client
            .get_or_try_init(|| Client::new(Arc::clone(&self.nats), Arc::clone(&prefix), None))
            .await
            .map_err(|error| {
                progress
                    .error(
                        RpcErrorKind::Transport,
                        Delivery::NotSent,
                        "the inbox for answers could not be subscribed to",
                    )
                    .with_source(error)
            })?
            .clone();
        Ok(Lease {
            clients: self,
            client,
            prefix,
            entry,
            completed: false,
        })
    }

    fn lock(&self) -> MutexGuard<'_, Entries> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A client for one call. Dropped before it is [complete](Lease::complete), it counts as a call
/// that was given up inside the client.
pub(super) struct Lease<'a> {
    clients: &'a Clients,
    client: Client,
    prefix: Arc<str>,
    entry: Arc<Entry>,
    completed: bool,
}

impl Lease<'_> {
    pub(super) fn client(&self) -> &Client {
        &self.client
    }

    /// Says that the client has handed the call over.
    pub(super) fn complete(mut self) {
        self.completed = true;
    }
}

impl Drop for Lease<'_> {
    fn drop(&mut self) {
        if self.completed || self.entry.abandoned.fetch_add(1, Ordering::Relaxed) < ABANDONED - 1 {
            return;
        }
        let mut entries = self.clients.lock();
        let current = entries.peek(&self.prefix);
        if current.is_some_and(|current| Arc::ptr_eq(current, &self.entry)) {
            entries.pop(&self.prefix);
        }
    }
}

impl fmt::Debug for Clients {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Clients")
            .field("len", &self.lock().len())
            .finish_non_exhaustive()
    }
}
