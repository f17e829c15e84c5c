//! Configuration of [`ConcurrencyLimit`].

use std::sync::Arc;

use tokio::sync::Semaphore;
use tower::Layer;

use super::ConcurrencyLimit;

/// Limits the calls that run at a time, and refuses more. See the [module](super) for what it
/// bounds.
///
/// All services that one layer makes, and its clones, share its limit.
#[derive(Clone, Debug)]
pub struct ConcurrencyLimitLayer {
    permits: Arc<Semaphore>,
}

impl ConcurrencyLimitLayer {
    /// Lets `limit` calls run at a time; more than `usize::MAX >> 3` count as that many.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        Self {
            permits: Arc::new(Semaphore::new(limit.min(Semaphore::MAX_PERMITS))),
        }
    }

    /// How many more calls may start at this moment.
    #[must_use]
    pub fn available(&self) -> usize {
        self.permits.available_permits()
    }
}

impl<S> Layer<S> for ConcurrencyLimitLayer {
    type Service = ConcurrencyLimit<S>;

    fn layer(&self, inner: S) -> Self::Service {
        ConcurrencyLimit::new(inner, Arc::clone(&self.permits))
    }
}
