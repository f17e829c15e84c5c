//! How a watch is.

use std::sync::Arc;

use crate::bucket::{BucketError, Malformed};

/// How a watch is.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Status {
    /// Whether there was ever a table. Every call is denied before.
    pub seen: bool,
    /// The last revision of the bucket that is in the table.
    pub revision: u64,
    /// How many links count.
    pub links: usize,
    /// The values that are no links.
    pub malformed: Vec<Malformed>,
    /// Why the bucket can't be read, while it can't: the table is the last one then.
    pub failure: Option<Arc<BucketError>>,
}
