//! Why links could not be read or changed.

use wrpc_middleware::links::{BucketError, Entry, InvalidEntry};

use crate::error::Exit;

/// Why links could not be read or changed.
#[derive(Debug, thiserror::Error)]
pub enum LinksCommandError {
    /// A file where there has to be a bucket.
    #[error("`{0}` changes and follows buckets only: name one with `--links kv://BUCKET`")]
    NeedsBucket(&'static str),
    /// The link of the arguments is none.
    #[error(transparent)]
    Entry(#[from] InvalidEntry),
    /// What was to be removed is not there.
    #[error("there is no link from `{source_id}` for {interface} by the name `{name}`")]
    NoSuchLink {
        /// Its source.
        source_id: String,
        /// Its interface.
        interface: String,
        /// Its name.
        name: String,
    },
    /// The bucket.
    #[error("{}{}", .source, advice(.source))]
    Bucket {
        /// What is wrong.
        source: BucketError,
    },
    /// NATS has refused what was asked.
    #[error("NATS does not permit it: {violation}")]
    NotPermitted {
        /// What it said.
        violation: String,
        /// What came of it.
        source: BucketError,
    },
}

impl LinksCommandError {
    /// The exit code that goes with it.
    #[must_use]
    pub fn exit(&self) -> Exit {
        match self {
            Self::NeedsBucket(_)
            | Self::Entry(_)
            | Self::NoSuchLink { .. }
            | Self::NotPermitted { .. } => Exit::BadInput,
            Self::Bucket { source } => match source {
                BucketError::NoJetStream
                | BucketError::Missing(_)
                | BucketError::Exists(_)
                | BucketError::Entry(_)
                | BucketError::Refused { .. } => Exit::BadInput,
                _ => Exit::Failure,
            },
        }
    }
}

/// What to do about it.
fn advice(error: &BucketError) -> &'static str {
    match error {
        BucketError::Missing(_) => ": make it with `wrpc-host links init`, or name another one",
        BucketError::NoJetStream => {
            " (`jetstream {}` in its configuration, `nats-server -js` without one)"
        }
        BucketError::Conflict(_) => ": run the command again",
        _ => "",
    }
}

/// A link as messages have it.
pub(super) fn no_such_link(entry: &Entry) -> LinksCommandError {
    LinksCommandError::NoSuchLink {
        source_id: entry.source.to_string(),
        interface: entry.interface.to_string(),
        name: entry.name.clone(),
    }
}
