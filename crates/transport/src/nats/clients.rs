//! One upstream client per subject prefix.

use core::fmt;
use std::sync::Arc;

use moka::future::Cache;
use moka::policy::EvictionPolicy;
use wrpc_middleware_errors::{Delivery, RpcError, RpcErrorKind};
use wrpc_transport_nats::Client;

/// The upstream clients in use, the ones not used for longest going first.
///
/// Concurrent first calls to a prefix make one client. An evicted client lives on until its calls
/// are over.
#[derive(Clone)]
pub(super) struct Clients {
    nats: Arc<async_nats::Client>,
    cache: Cache<Arc<str>, Client>,
}

impl Clients {
    pub(super) fn new(nats: Arc<async_nats::Client>, capacity: u64) -> Self {
        Self {
            nats,
            cache: Cache::builder()
                .max_capacity(capacity)
                .eviction_policy(EvictionPolicy::lru())
                .build(),
        }
    }

    /// The client for `prefix`. Waits for the broker where it has to be made, so it is bounded by
    /// the caller's deadline only; dropped, it leaves the making to the next who asks.
    pub(super) async fn get(
        &self,
        prefix: Arc<str>,
        function: impl fmt::Display,
    ) -> Result<Client, RpcError> {
        if let Some(client) = self.cache.get(&prefix).await {
            return Ok(client);
        }
        let make = Client::new(Arc::clone(&self.nats), Arc::clone(&prefix), None);
        let made = self
            .cache
            .try_get_with(prefix, async {
                make.await.map_err(|error| {
                    RpcError::new(
                        RpcErrorKind::Transport,
                        Delivery::NotSent,
                        "the inbox for answers could not be subscribed to",
                    )
                    .with_source(error)
                })
            })
            .await;
        // The cache evicts when it is next used, which may be never.
        self.cache.run_pending_tasks().await;
        made.map_err(|error| {
            let message = format!("{function}: {}", error.message());
            RpcError::clone(&error).with_message(message)
        })
    }
}

impl fmt::Debug for Clients {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Clients")
            .field("len", &self.cache.entry_count())
            .finish_non_exhaustive()
    }
}
