//! Handles on their way to a peer.

use std::sync::Arc;

use futures::future::BoxFuture;
use tokio::runtime::Handle;
use tracing::debug;
use uuid::Uuid;

use crate::codec::Encoded;

/// What the resources behind handles live in.
pub(super) trait Release: Send + Sync {
    /// Drops the resources behind `handles`.
    fn release(self: Arc<Self>, handles: Vec<Uuid>) -> BoxFuture<'static, ()>;
}

/// The handles of an answer that is still to be written.
///
/// Dropped before it has been, it drops the resources, since nobody else could.
pub(super) struct Given {
    handles: Vec<Uuid>,
    owner: Arc<dyn Release>,
}

impl Given {
    pub(super) fn new(owner: Arc<impl Release + 'static>, encoded: &mut Encoded) -> Self {
        Self {
            handles: core::mem::take(&mut encoded.handles),
            owner,
        }
    }

    /// From here on the peer has them.
    pub(super) fn delivered(mut self) {
        self.handles.clear();
    }
}

impl Drop for Given {
    fn drop(&mut self) {
        if self.handles.is_empty() {
            return;
        }
        let handles = core::mem::take(&mut self.handles);
        debug!(handles = handles.len(), "nobody took the answer");
        // Without a runtime, nothing is served any more.
        if let Ok(runtime) = Handle::try_current() {
            runtime.spawn(Arc::clone(&self.owner).release(handles));
        }
    }
}
