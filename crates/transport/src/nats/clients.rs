//! One upstream client per target.

use core::fmt;
use core::num::NonZeroUsize;
use core::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use lru::LruCache;
use tokio::sync::OnceCell;
use wrpc_middleware_errors::{Delivery, RpcError, RpcErrorKind};
use wrpc_transport_nats::Client;

use crate::{Progress, Target};

/// How many calls may be given up inside a client before it is replaced.
///
/// Each leaves some 8 kB in the client's table of subscriptions, for as long as the client lives:
/// upstream registers a call before it publishes it, and takes it off only once both are done.
const ABANDONED: usize = 16;

/// The upstream clients in use; beyond a number, the one not used for longest goes.
///
/// Concurrent first calls to a target make one client. One that went lives on until its calls are
/// over.
pub(super) struct Clients {
    nats: Arc<async_nats::Client>,
    /// The subject prefix in front of every target's.
    prefix: Box<str>,
    entries: Mutex<LruCache<Target, Arc<Entry>>>,
}

struct Entry {
    target: Target,
    /// Shared, since to clone it is to clone all that it is made of.
    client: OnceCell<Arc<Client>>,
    abandoned: AtomicUsize,
}

impl Clients {
    pub(super) fn new(
        nats: Arc<async_nats::Client>,
        prefix: Box<str>,
        capacity: NonZeroUsize,
    ) -> Self {
        Self {
            nats,
            prefix,
            entries: Mutex::new(LruCache::new(capacity)),
        }
    }

    /// The place of the client for `target`, where it may yet have to be [made](Place::lease).
    pub(super) fn place(&self, target: &Target) -> Place<'_> {
        let new = || {
            Arc::new(Entry {
                target: target.clone(),
                client: OnceCell::new(),
                abandoned: AtomicUsize::new(0),
            })
        };
        let entry = Arc::clone(self.lock().get_or_insert_ref(target, new));
        Place {
            clients: self,
            entry,
        }
    }

    fn subject_prefix(&self, target: &Target) -> String {
        if self.prefix.is_empty() {
            target.to_string()
        } else {
            format!("{}.{target}", self.prefix)
        }
    }

    fn lock(&self) -> MutexGuard<'_, LruCache<Target, Arc<Entry>>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Where a client is, or is going to be.
pub(super) struct Place<'a> {
    clients: &'a Clients,
    entry: Arc<Entry>,
}

impl<'a> Place<'a> {
    /// The client for one call, if it is there.
    pub(super) fn lease_now(&self) -> Option<Lease<'a>> {
        Some(Lease {
            client: Arc::clone(self.entry.client.get()?),
            clients: self.clients,
            entry: Arc::clone(&self.entry),
            inside: false,
        })
    }

    /// The client for one call. Waits for the broker where it has to be made, so it is bounded by
    /// the caller's deadline only; dropped, it leaves the making to the next who asks.
    pub(super) async fn lease(self, progress: &Progress) -> Result<Lease<'a>, RpcError> {
        let Self { clients, entry } = self;
        let new = || async {
            let prefix = clients.subject_prefix(&entry.target);
            let client = Client::new(Arc::clone(&clients.nats), prefix, None).await?;
            anyhow::Ok(Arc::new(client))
        };
        let client = entry.client.get_or_try_init(new).await.map_err(|error| {
            progress
                .error(
                    RpcErrorKind::Transport,
                    Delivery::NotSent,
                    "the inbox for answers could not be subscribed to",
                )
                .with_source(error)
        })?;
        Ok(Lease {
            client: Arc::clone(client),
            clients,
            entry,
            inside: false,
        })
    }
}

/// A client for one call. Dropped between [`enter`](Lease::enter) and [`complete`](Lease::complete),
/// it counts as a call that was given up inside the client.
pub(super) struct Lease<'a> {
    clients: &'a Clients,
    client: Arc<Client>,
    entry: Arc<Entry>,
    inside: bool,
}

impl Lease<'_> {
    pub(super) fn client(&self) -> &Client {
        &self.client
    }

    /// Says that the client gets the call now.
    pub(super) fn enter(&mut self) {
        self.inside = true;
    }

    /// Says that the client has handed the call over.
    pub(super) fn complete(mut self) {
        self.inside = false;
    }
}

impl Drop for Lease<'_> {
    fn drop(&mut self) {
        if !self.inside || self.entry.abandoned.fetch_add(1, Ordering::Relaxed) < ABANDONED - 1 {
            return;
        }
        let mut entries = self.clients.lock();
        let current = entries.peek(&self.entry.target);
        if current.is_some_and(|current| Arc::ptr_eq(current, &self.entry)) {
            entries.pop(&self.entry.target);
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
