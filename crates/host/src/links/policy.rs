//! What a host asks for each call.

use core::time::Duration;

use wrpc_middleware::Target;
use wrpc_middleware::link::{LinkPolicy, LinkRequest, LinkTable};
use wrpc_middleware::links::LiveLinks;

/// The links of a host. Cheap to clone.
#[derive(Clone, Debug)]
pub enum HostLinks {
    /// Those of a file, or of whoever has the table.
    Table(LinkTable),
    /// Those of a bucket, as it changes.
    Live(LiveLinks),
}

impl HostLinks {
    /// How long ago the links were last seen to be those of the bucket. `None` if they never were,
    /// or there is no bucket and nothing to be seen.
    #[must_use]
    pub fn age(&self) -> Option<Duration> {
        match self {
            Self::Table(_) => None,
            Self::Live(links) => links.age(),
        }
    }
}

impl LinkPolicy for HostLinks {
    fn authorize(&self, request: &LinkRequest<'_>) -> Option<Target> {
        match self {
            Self::Table(table) => table.authorize(request),
            Self::Live(links) => links.authorize(request),
        }
    }
}

impl From<LinkTable> for HostLinks {
    fn from(table: LinkTable) -> Self {
        Self::Table(table)
    }
}

impl From<LiveLinks> for HostLinks {
    fn from(links: LiveLinks) -> Self {
        Self::Live(links)
    }
}
