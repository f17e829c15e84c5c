//! Where the links of a component come from: `--links`.

mod arg;
mod policy;

use core::time::Duration;

use tokio::time::timeout;
use wrpc_middleware::link::Interface;
pub use wrpc_middleware::links::file::LinksError;
use wrpc_middleware::links::live::{Status, WatchOptions};
pub use wrpc_middleware::links::{Bare, Bucket, Entry, Links};
use wrpc_middleware::links::{BucketError, LiveLinks};
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
        let known = status.wait_for(|status| status.seen || is_lasting(status));
        if timeout(FIRST_TABLE, known).await.is_err() {
            tracing::warn!("no links of the bucket `{name}` yet: every call is denied");
        }
        // What travels is decided when the component is linked.
        let now = live.links_of(&self.id);
        let marks = marks(&now);
        let prepared = if marks.is_empty() {
            prepared
        } else {
            prepare(&now)?
        };
        tokio::spawn(tell_of_marks(live.clone(), self.id.clone(), marks));
        Ok((live.into(), prepared))
    }
}

/// Whether waiting for the first table would take longer than a person wants to wait.
fn is_lasting(status: &Status) -> bool {
    let lasting =
        |error: &BucketError| matches!(error, BucketError::Missing(_) | BucketError::NoJetStream);
    status.failure.as_deref().is_some_and(lasting)
}

/// What links say about how their interfaces travel.
fn marks(own: &Links) -> Vec<(Interface, Bare)> {
    let bare = own.entries().iter().filter(|link| link.bare != Bare::None);
    bare.map(|link| (link.interface.clone(), link.bare.clone()))
        .collect()
}

/// Says so when a change does not count before the component is linked anew.
async fn tell_of_marks(links: LiveLinks, id: Id, mut last: Vec<(Interface, Bare)>) {
    let mut status = links.subscribe();
    loop {
        let now = marks(&links.links_of(&id));
        if now != last {
            tracing::warn!(
                "what is `bare` in the links from {id} has changed: start it again for that to count"
            );
            last = now;
        }
        if status.changed().await.is_err() {
            return;
        }
    }
}
