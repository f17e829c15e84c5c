//! A policy whose links follow a bucket.
//!
//! # How it follows
//!
//! The leader of the bucket's stream is asked for its state regularly, and at once where a message
//! on the subjects of the bucket hints at a change; what is new is read, and put into the table in
//! one step. So a hint that is lost costs time and nothing else, and each answer proves that the
//! table is what the leader has. There is no consumer, and nothing on the server that a watch
//! leaves behind.
//!
//! # What it does when it can't
//!
//! The last table stays: the bucket is gone, NATS does not answer, the connection is lost, a new
//! leader is to be found. It asks again and again, and then reads whatever has changed; of a
//! bucket that was deleted and made anew, all of it. A bucket that is there and has no links has
//! none: every call is denied. So is every call before the first table was read, and if there is
//! a [maximal age](WatchOptions::max_age), while the last proof is older than that.
//!
//! A value that is no link is reported, in [`Status`] and as a warning, and permits nothing. If its
//! key had a link before, that goes on to count until the key is removed or has a link again. A
//! host that starts meanwhile finds that link among the revisions that the bucket keeps, if it
//! keeps enough of them.

mod freshness;
mod options;
mod publish;
mod status;
mod task;

use core::fmt;
use core::time::Duration;
use std::sync::Arc;

use tokio::sync::watch;
use tokio_util::task::AbortOnDropHandle;
use wrpc_middleware_transport::Target;
use wrpc_middleware_transport::link::{LinkPolicy, LinkRequest, LinkTable};

pub use self::freshness::{Freshness, MaxAge};
pub use self::options::WatchOptions;
use self::publish::Published;
pub use self::status::Status;
use crate::{Bucket, Id, Links};

/// Links that follow a bucket, as a [`LinkPolicy`]. Cheap to clone: all clones share one watch,
/// which ends with the last of them.
///
/// ```no_run
/// use wrpc_middleware_links::live::WatchOptions;
/// use wrpc_middleware_links::Bucket;
/// use wrpc_middleware_transport::link::LinkAuthorizationLayer;
///
/// # async fn run(nats: async_nats::Client) -> Result<(), Box<dyn std::error::Error>> {
/// let bucket = Bucket::new(nats, "links".parse()?);
/// let links = bucket.watch(WatchOptions::new());
/// let layer = LinkAuthorizationLayer::new(links.clone());
/// links.ready().await; // until then, every call is denied
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct LiveLinks(Arc<Shared>);

struct Shared {
    published: Arc<Published>,
    policy: MaxAge<LinkTable>,
    _task: AbortOnDropHandle<()>,
}

impl Bucket {
    /// Follows the bucket from now on. What is wrong, a bucket that is not there for example, is
    /// in the [status](LiveLinks::status).
    ///
    /// Costs a subscription and a task.
    ///
    /// # Panics
    ///
    /// Outside of a Tokio runtime.
    #[must_use = "the watch ends when this is dropped"]
    pub fn watch(&self, options: WatchOptions) -> LiveLinks {
        let published = Arc::new(Published::new());
        let policy = MaxAge::new(
            published.table().clone(),
            published.freshness().clone(),
            options.max_age,
        );
        let task = task::run(self.clone(), Arc::clone(&published), options);
        LiveLinks(Arc::new(Shared {
            published,
            policy,
            _task: AbortOnDropHandle::new(tokio::spawn(task)),
        }))
    }
}

impl LiveLinks {
    /// The links that count. They deny what is older than the maximal age only through
    /// [`LiveLinks`] itself.
    #[must_use]
    pub fn table(&self) -> &LinkTable {
        self.0.published.table()
    }

    /// The links that count, with all that their entries say, in the order of their keys.
    #[must_use]
    pub fn links(&self) -> Links {
        self.0.published.entries().values().cloned().collect()
    }

    /// Those of them that start from `source`.
    #[must_use]
    pub fn links_of(&self, source: &Id) -> Links {
        let entries = self.0.published.entries();
        let own = entries.values().filter(|entry| entry.source == *source);
        own.cloned().collect()
    }

    /// How it is.
    #[must_use]
    pub fn status(&self) -> Status {
        self.0.published.status().borrow().clone()
    }

    /// How it is, and how that changes. The receiver does not keep the watch going.
    #[must_use]
    pub fn subscribe(&self) -> watch::Receiver<Status> {
        self.0.published.status()
    }

    /// How long ago the table was last proven to be what the bucket has; `None` if it never was.
    ///
    /// It is the time since the leader of the bucket's stream was asked, not since it answered, so
    /// nothing that was removed longer ago than this still counts.
    #[must_use]
    pub fn age(&self) -> Option<Duration> {
        self.0.published.freshness().age()
    }

    /// Whether every call is denied since there is no proof that is young enough.
    #[must_use]
    pub fn is_stale(&self) -> bool {
        !self.0.policy.is_fresh()
    }

    /// Waits until there is a table. Every call is denied before.
    ///
    /// # Cancellation
    ///
    /// Dropping the future leaves nothing behind.
    pub async fn ready(&self) {
        // Its sender lives as long as `self`.
        let _ = self.subscribe().wait_for(|status| status.seen).await;
    }
}

impl LinkPolicy for LiveLinks {
    fn authorize(&self, request: &LinkRequest<'_>) -> Option<Target> {
        self.0.policy.authorize(request)
    }
}

impl fmt::Debug for LiveLinks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LiveLinks")
            .field("status", &*self.0.published.status().borrow())
            .field("age", &self.age())
            .finish_non_exhaustive()
    }
}
