//! Where the links of a component come from: `--links`.

mod arg;
mod policy;

use core::time::Duration;

use tokio::time::timeout;
pub use wrpc_middleware::links::file::LinksError;
use wrpc_middleware::links::live::WatchOptions;
pub use wrpc_middleware::links::{Bare, Bucket, Entry, Links};
use wrpc_middleware::nats::Client;

pub use self::arg::LinksArg;
pub use self::policy::HostLinks;
use crate::cli::ComponentArgs;
use crate::error::Error;
use crate::id::Id;

/// How long a command waits for the first table of a bucket before it goes on without one.
const FIRST_TABLE: Duration = Duration::from_secs(5);

impl ComponentArgs {
    /// The links of a file, which are all there are. None where they are in a bucket, which can be
    /// read only over a connection.
    ///
    /// # Errors
    ///
    /// A mistake in the file, or a maximal age for links that don't grow old.
    pub(crate) fn read_links(&self) -> Result<Links, Error> {
        let links = match &self.links {
            Some(LinksArg::File(path)) => Links::read(path)?,
            Some(LinksArg::Bucket(_)) => return Ok(Links::default()),
            None => Links::default(),
        };
        match self.links_max_age {
            None => Ok(links),
            Some(_) => Err(Error::MaxAgeWithoutBucket),
        }
    }

    /// The policy that the component's calls are asked of, and the component as it has been
    /// prepared, for links that know more than was known then.
    ///
    /// `links` are those that [were read](Self::read_links). Waits for the first table of a
    /// bucket, within reason; if it does not come, every call is denied until it does.
    ///
    /// # Errors
    ///
    /// What `prepare` fails with.
    pub(crate) async fn follow_links<P>(
        &self,
        links: &Links,
        prepared: P,
        client: &Client,
        prepare: impl FnOnce(&Links) -> Result<P, Error>,
    ) -> Result<(HostLinks, P), Error> {
        let Some(LinksArg::Bucket(name)) = &self.links else {
            return Ok((links.table().into(), prepared));
        };
        let bucket = Bucket::new(client.nats().clone(), name.clone());
        let live = bucket.watch(WatchOptions::new().max_age(self.links_max_age));
        let mut status = live.subscribe();
        let known = status.wait_for(|status| status.seen || status.failure.is_some());
        if timeout(FIRST_TABLE, known).await.is_err() {
            tracing::warn!("no links of the bucket `{name}` yet: every call is denied");
        }
        // What travels is decided when the component is linked.
        let now = live.links();
        let prepared = if is_bare(&now, &self.id) {
            prepare(&now)?
        } else {
            prepared
        };
        Ok((live.into(), prepared))
    }
}

/// Whether a link of the component has to be known when it is linked.
fn is_bare(links: &Links, id: &Id) -> bool {
    let mut own = links.entries().iter().filter(|link| link.source == *id);
    own.any(|link| link.bare != Bare::None)
}
