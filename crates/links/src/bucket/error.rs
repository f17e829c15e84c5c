//! What can go wrong with a bucket.

use async_nats::jetstream;
use async_nats::jetstream::ErrorCode;

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

    /// What an error of the client means, whose sources may have one of JetStream.
    pub(super) fn classify(bucket: &BucketName, error: impl Into<async_nats::Error>) -> Self {
        use async_nats::client::{RequestError, RequestErrorKind};
        use async_nats::jetstream::context::{
            PublishError, PublishErrorKind, RequestError as ApiError, RequestErrorKind as ApiKind,
        };

        let error = error.into();
        let mut cause: Option<&(dyn core::error::Error + 'static)> = Some(&*error);
        while let Some(next) = cause {
            if let Some(error) = next.downcast_ref::<jetstream::Error>() {
                return Self::of(bucket, error);
            }
            let client = next.downcast_ref::<RequestError>().map(RequestError::kind);
            let api = next.downcast_ref::<ApiError>().map(ApiError::kind);
            let publish = next.downcast_ref::<PublishError>().map(PublishError::kind);
            match (client, api, publish) {
                (Some(RequestErrorKind::NoResponders), ..)
                | (_, Some(ApiKind::NoResponders), _) => {
                    return Self::NoJetStream;
                }
                (Some(RequestErrorKind::TimedOut), ..)
                | (_, Some(ApiKind::TimedOut), _)
                | (.., Some(PublishErrorKind::TimedOut)) => return Self::NoAnswer(bucket.clone()),
                (.., Some(PublishErrorKind::StreamNotFound)) => {
                    return Self::Missing(bucket.clone());
                }
                _ => {}
            }
            cause = next.source();
        }
        Self::Other {
            bucket: bucket.clone(),
            source: error,
        }
    }
}
