//! What can go wrong with a bucket.

use core::error::Error;

use async_nats::client;
use async_nats::jetstream::stream::DirectGetErrorKind;
use async_nats::jetstream::{self, ErrorCode, context, kv};

use super::BucketName;
use crate::entry::InvalidEntry;

/// Why a bucket could not be read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BucketError {
    /// The server, or this account on it, has no JetStream.
    #[error("NATS has no JetStream here: enable it on the server, and for this account")]
    NoJetStream,
    /// Nobody made the bucket, or it was deleted.
    #[error("there is no bucket `{0}` in this account of NATS")]
    Missing(BucketName),
    /// A bucket of the name exists, with another configuration.
    #[error("there is a bucket `{0}` already, with other settings")]
    Exists(BucketName),
    /// There was no answer.
    #[error(
        "NATS did not answer about the bucket `{0}` in time: its JetStream has no leader, or this user may not ask"
    )]
    NoAnswer(BucketName),
    /// There is no connection.
    #[error("not connected to NATS")]
    NotConnected,
    /// Somebody else changed the link after it was read.
    #[error("the link `{0}` was changed by somebody else at the same time")]
    Conflict(String),
    /// The link that was to be put is none.
    #[error(transparent)]
    Entry(#[from] InvalidEntry),
    /// The server said no.
    #[error("JetStream refused it: {description}")]
    Refused {
        /// The number of the error, as NATS documents them.
        code: u64,
        /// What the server said.
        description: String,
    },
    /// The bucket changed again and again while it was read.
    #[error("the bucket `{0}` did not stay the same for long enough to be read")]
    Unsteady(BucketName),
    /// Anything else.
    #[error("can't use the bucket `{bucket}`")]
    Other {
        /// The bucket.
        bucket: BucketName,
        /// Why.
        source: async_nats::Error,
    },
}

impl BucketError {
    /// What JetStream's own error means.
    pub(super) fn of(bucket: &BucketName, error: &jetstream::Error) -> Self {
        match error.error_code() {
            ErrorCode::STREAM_NOT_FOUND => Self::Missing(bucket.clone()),
            ErrorCode::STREAM_NAME_EXIST => Self::Exists(bucket.clone()),
            ErrorCode::JETSTREAM_NOT_ENABLED | ErrorCode::JETSTREAM_NOT_ENABLED_FOR_ACCOUNT => {
                Self::NoJetStream
            }
            code => Self::Refused {
                code: code.0,
                description: error.to_string(),
            },
        }
    }

    /// What an error of the client means, in which one of JetStream may be buried.
    pub(super) fn classify(bucket: &BucketName, error: impl Into<async_nats::Error>) -> Self {
        let error = error.into();
        let mut cause: Option<&(dyn Error + 'static)> = Some(&*error);
        while let Some(next) = cause {
            match meaning(next) {
                Some(Meaning::JetStream(error)) => return Self::of(bucket, &error),
                Some(Meaning::NoAnswer) => return Self::NoAnswer(bucket.clone()),
                Some(Meaning::NoResponders) => return Self::NoJetStream,
                Some(Meaning::NoStream) => return Self::Missing(bucket.clone()),
                None => cause = next.source(),
            }
        }
        Self::Other {
            bucket: bucket.clone(),
            source: error,
        }
    }
}

/// What one error of a chain says.
enum Meaning {
    JetStream(jetstream::Error),
    NoAnswer,
    NoResponders,
    NoStream,
}

fn meaning(error: &(dyn Error + 'static)) -> Option<Meaning> {
    if let Some(error) = error.downcast_ref::<jetstream::Error>() {
        return Some(Meaning::JetStream(error.clone()));
    }
    request(error)
        .or_else(|| stream(error))
        .or_else(|| key(error))
}

/// Of a question to NATS.
fn request(error: &(dyn Error + 'static)) -> Option<Meaning> {
    use client::RequestErrorKind as Client;
    use context::RequestErrorKind as Api;

    let client = error.downcast_ref().map(client::RequestError::kind);
    let api = error.downcast_ref().map(context::RequestError::kind);
    match (client, api) {
        (Some(Client::NoResponders), _) | (_, Some(Api::NoResponders)) => {
            Some(Meaning::NoResponders)
        }
        (Some(Client::TimedOut), _) | (_, Some(Api::TimedOut)) => Some(Meaning::NoAnswer),
        _ => None,
    }
}

/// Of a question about a stream.
fn stream(error: &(dyn Error + 'static)) -> Option<Meaning> {
    use context::{CreateStreamErrorKind as Create, GetStreamErrorKind as Get};

    let get = error.downcast_ref().map(context::GetStreamError::kind);
    let create = error.downcast_ref().map(context::CreateStreamError::kind);
    match (get, create) {
        (Some(Get::JetStream(error)), _) | (_, Some(Create::JetStream(error))) => {
            Some(Meaning::JetStream(error))
        }
        (_, Some(Create::TimedOut)) => Some(Meaning::NoAnswer),
        (_, Some(Create::JetStreamUnavailable)) => Some(Meaning::NoResponders),
        _ => None,
    }
}

/// Of a question about a key, or a change of it.
fn key(error: &(dyn Error + 'static)) -> Option<Meaning> {
    use context::PublishErrorKind as Publish;

    let publish = error.downcast_ref().map(context::PublishError::kind);
    let update = error.downcast_ref().map(kv::UpdateError::kind);
    let get = error
        .downcast_ref()
        .map(jetstream::stream::DirectGetError::kind);
    match (publish, update, get) {
        (Some(Publish::StreamNotFound), ..) => Some(Meaning::NoStream),
        (Some(Publish::TimedOut), ..)
        | (_, Some(kv::UpdateErrorKind::TimedOut), _)
        | (.., Some(DirectGetErrorKind::TimedOut)) => Some(Meaning::NoAnswer),
        _ => None,
    }
}
