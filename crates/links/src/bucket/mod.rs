//! Links in a NATS JetStream key-value bucket.
//!
//! An entry of the bucket is a link: its [key](crate::Key) has all that makes the link unique, its
//! value is the link as [JSON](crate::Entry). [`Bucket`] changes it, [`Bucket::watch`] follows it.

mod admin;
mod content;
mod error;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzzing;
mod import;
mod message;
mod name;
mod reader;
mod sync;

use core::fmt;

use tokio::time::Instant;

pub use self::admin::CreateOptions;
pub(crate) use self::content::{Changes, Content};
pub use self::error::BucketError;
pub use self::import::{Change, Import};
pub use self::name::{BucketName, InvalidBucketName};
use self::reader::Reader;
use crate::{Entry, Links};

/// The largest value of a key, in bytes.
pub const MAX_VALUE: usize = 64 << 10;

/// A bucket of links. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Bucket {
    name: BucketName,
    nats: async_nats::Client,
}

/// A value of a bucket that is no link.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Malformed {
    /// Its key.
    pub key: String,
    /// The revision of the value.
    pub revision: u64,
    /// What is wrong with it.
    pub problem: String,
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`: {}", self.key.escape_debug(), self.problem)
    }
}

/// What a bucket has.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Contents {
    /// The links, in the order of their keys.
    pub links: Links,
    /// The values that are no links.
    pub malformed: Vec<Malformed>,
}

impl Bucket {
    /// The bucket `name` of the account that `nats` is connected to. Nothing is asked yet.
    ///
    /// Where the broker's permissions bind a user to an inbox, `nats` has to be connected with that
    /// [prefix](async_nats::ConnectOptions::custom_inbox_prefix);
    /// [`connect`](wrpc_middleware_nats::connect()) sees to it.
    #[must_use]
    pub fn new(nats: async_nats::Client, name: BucketName) -> Self {
        Self { name, nats }
    }

    /// The name.
    #[must_use]
    pub fn name(&self) -> &BucketName {
        &self.name
    }

    pub(crate) fn connection(&self) -> &async_nats::Client {
        &self.nats
    }

    /// Reads all of it.
    ///
    /// # Errors
    ///
    /// There is no such bucket, or NATS does not answer.
    ///
    /// # Cancellation
    ///
    /// Dropping the future leaves nothing behind.
    pub async fn read(&self) -> Result<Contents, BucketError> {
        let mut state = Synchronized::new(self);
        state.sync().await?;
        Ok(Contents {
            links: state.entries().cloned().collect(),
            malformed: state.malformed().cloned().collect(),
        })
    }
}

/// What is known of a bucket, brought up to date when told to.
#[derive(Debug)]
pub(crate) struct Synchronized {
    bucket: BucketName,
    reader: Reader,
    content: Option<Content>,
}

impl Synchronized {
    pub(crate) fn new(bucket: &Bucket) -> Self {
        Self {
            bucket: bucket.name.clone(),
            reader: Reader::new(bucket.nats.clone(), bucket.name.clone()),
            content: None,
        }
    }

    /// Reads what is missing. What is known afterwards is what the leader of the bucket's stream
    /// had at the returned time, or later.
    pub(crate) async fn sync(&mut self) -> Result<Instant, BucketError> {
        sync::sync(&self.bucket, &mut self.reader, &mut self.content).await
    }

    /// The last sequence that is known.
    pub(crate) fn revision(&self) -> u64 {
        self.content.as_ref().map_or(0, Content::applied)
    }

    pub(crate) fn entry(&self, key: &str) -> Option<&Entry> {
        self.content.as_ref()?.entry(key)
    }

    /// The keys that have a value, be it a link or not, and the revisions of the values.
    pub(crate) fn revisions(&self) -> impl Iterator<Item = (&str, u64)> {
        self.content.iter().flat_map(Content::revisions)
    }

    pub(crate) fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.content.iter().flat_map(Content::entries)
    }

    pub(crate) fn malformed(&self) -> impl Iterator<Item = &Malformed> {
        self.content.iter().flat_map(Content::malformed)
    }

    /// What is known. Of a bucket that was never read, that is nothing.
    pub(crate) fn content_mut(&mut self) -> Option<&mut Content> {
        self.content.as_mut()
    }
}

/// The link that a value is, if it is the one that belongs to its key.
fn decode(key: &str, value: &[u8], revision: u64) -> Result<Entry, Malformed> {
    let malformed = |problem: String| Malformed {
        key: key.to_owned(),
        revision,
        problem: printable(&problem),
    };
    if value.len() > MAX_VALUE {
        let problem = format!("{} bytes are too many for a link", value.len());
        return Err(malformed(problem));
    }
    let entry: Entry = serde_json::from_slice(value)
        .map_err(|error| malformed(format!("the value is no link: {error}")))?;
    match entry.key() {
        own if own.as_str() == key => Ok(entry),
        own => Err(malformed(format!(
            "the link in it belongs to the key `{own}`"
        ))),
    }
}

/// `text` as it may be shown to an operator: whoever writes to the bucket writes a part of it.
fn printable(text: &str) -> String {
    let escaped = |c: char| {
        if c.is_control() {
            c.escape_default().to_string()
        } else {
            c.into()
        }
    };
    text.chars().map(escaped).collect()
}
