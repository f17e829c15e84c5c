//! What a host asks for each call.

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
