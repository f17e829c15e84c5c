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

pub(super) struct Entry {
    target: Target,
    client: OnceCell<Client>,
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

    /// What is known of `target`, whose client may yet have to be [made](Self::client).
    pub(super) fn entry(&self, target: &Target) -> Arc<Entry> {
        let new = || {
            Arc::new(Entry {
                target: target.clone(),
                client: OnceCell::new(),
                abandoned: AtomicUsize::new(0),
            })
        };
        let mut entries = self.lock();
        // Many calls go where the one before went, and nothing has to be looked up for those.
        match entries.peek_mru() {
            Some((last, entry)) if last == target => Arc::clone(entry),
            _ => Arc::clone(entries.get_or_insert_ref(target, new)),
        }
    }

    /// The client of `entry`. Waits for the broker where it has to be made, so it is bounded by the
    /// caller's deadline only; dropped, it leaves the making to the next who asks.
    pub(super) async fn client<'a>(
        &self,
        entry: &'a Entry,
        progress: &Progress,
    ) -> Result<&'a Client, RpcError> {
        let new = || {
            Client::new(
                Arc::clone(&self.nats),
                self.subject_prefix(&entry.target),
                None,
            )
        };
        entry.client.get_or_try_init(new).await.map_err(|error| {
            progress
                .error(
                    RpcErrorKind::Transport,
                    Delivery::NotSent,
                    "the inbox for answers could not be subscribed to",
                )
                .with_source(error)
        })
    }

    /// Says that the client of `entry` gets a call now. See [`Inside`].
    pub(super) const fn enter<'a>(&'a self, entry: &'a Arc<Entry>) -> Inside<'a> {
        Inside {
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

impl Entry {
    /// The client, if it is there.
    pub(super) fn client(&self) -> Option<&Client> {
        self.client.get()
    }
}

/// A call inside a client. Dropped before it [left](Inside::leave), it counts as one that was given
/// up in there.
pub(super) struct Inside<'a> {
    clients: &'a Clients,
    entry: &'a Arc<Entry>,
}

impl Inside<'_> {
    /// Says that the client has handed the call over.
    pub(super) const fn leave(self) {
        core::mem::forget(self);
    }
}

impl Drop for Inside<'_> {
    fn drop(&mut self) {
        if self.entry.abandoned.fetch_add(1, Ordering::Relaxed) < ABANDONED - 1 {
            return;
        }
        let mut entries = self.clients.lock();
        let current = entries.peek(&self.entry.target);
        if current.is_some_and(|current| Arc::ptr_eq(current, self.entry)) {
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
