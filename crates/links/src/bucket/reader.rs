//! Asking for the content of a bucket.
//!
//! Nothing here makes a consumer: who may make one may have the server publish wherever it likes.

use core::future::Future;
use core::time::Duration;

use async_nats::connection::State;
use async_nats::jetstream::Context;
use async_nats::jetstream::message::StreamMessage;
use async_nats::jetstream::response::Response;
use async_nats::jetstream::stream::{Info, RawMessageErrorKind, Stream};
use async_nats::{Message, StatusCode, Subscriber};
use futures::StreamExt as _;
use serde_json::json;
use tokio::time::{Instant, timeout, timeout_at};

use super::message::{Revision, number};
use super::{BucketError, BucketName};

/// How many revisions are asked for at once.
const BATCH: usize = 512;

/// How long NATS may take to answer.
const PATIENCE: Duration = Duration::from_secs(2);

/// Reads the stream of a bucket.
#[derive(Clone, Debug)]
pub(super) struct Reader {
    bucket: BucketName,
    context: Context,
    nats: async_nats::Client,
    stream: Option<Stream<()>>,
}

/// What the leader of the stream says about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct StreamState {
    /// When the stream was made, in nanoseconds of Unix time: another stream of the same name has
    /// another.
    pub(super) created: i128,
    pub(super) last: u64,
    pub(super) counts: Counts,
}

/// What changes where the stream does, even if nothing was added to it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) messages: u64,
    pub(super) first: u64,
    pub(super) deleted: u64,
    pub(super) keys: u64,
}

impl Reader {
    pub(super) fn new(nats: async_nats::Client, bucket: BucketName) -> Self {
        Self {
            context: async_nats::jetstream::new(nats.clone()),
            bucket,
            nats,
            stream: None,
        }
    }

    /// Asks the leader.
    pub(super) async fn state(&self) -> Result<StreamState, BucketError> {
        let subject = format!("STREAM.INFO.{}", self.bucket.stream());
        let answer = self.context.request(subject, &());
        let info = match self.answered(answer).await? {
            Ok(Response::Ok::<Info>(info)) => info,
            Ok(Response::Err { error }) => return Err(BucketError::of(&self.bucket, &error)),
            Err(error) => return Err(BucketError::classify(&self.bucket, error)),
        };
        Ok(StreamState {
            created: info.created.unix_timestamp_nanos(),
            last: info.state.last_sequence,
            counts: Counts {
                messages: info.state.messages,
                first: info.state.first_sequence,
                deleted: info.state.deleted_count.unwrap_or_default(),
                keys: info.state.subjects_count,
            },
        })
    }

    /// Asks the leader for the first revision at `sequence` or later. `None`: there is none.
    pub(super) async fn next(&mut self, sequence: u64) -> Result<Option<Found>, BucketError> {
        let stream = self.stream().await?;
        let subjects = self.bucket.subjects();
        let answer = stream.get_first_raw_message_by_subject(&subjects, sequence);
        match self.answered(answer).await? {
            Ok(message) => Ok(Some(self.found(message))),
            Err(error) => match error.kind() {
                RawMessageErrorKind::NoMessageFound => Ok(None),
                RawMessageErrorKind::JetStream(error) => Err(BucketError::of(&self.bucket, &error)),
                _ => Err(BucketError::classify(&self.bucket, error)),
            },
        }
    }

    /// The stream, of which nothing is asked.
    async fn stream(&mut self) -> Result<Stream<()>, BucketError> {
        if let Some(stream) = &self.stream {
            return Ok(stream.clone());
        }
        let stream = self.context.get_stream_no_info(self.bucket.stream()).await;
        let stream = stream.map_err(|error| BucketError::classify(&self.bucket, error))?;
        Ok(self.stream.insert(stream).clone())
    }

    /// Asks any replica for some revisions at `sequence` or later. It may not have the last ones
    /// yet, or not answer such questions at all: then there are none.
    pub(super) async fn batch(&self, sequence: u64) -> Result<Vec<Found>, BucketError> {
        let other = |error: async_nats::Error| BucketError::classify(&self.bucket, error);
        let inbox = self.nats.new_inbox();
        let answers = self.nats.subscribe(inbox.clone()).await;
        let answers = answers.map_err(|error| other(error.into()))?;
        let subject = format!("$JS.API.DIRECT.GET.{}", self.bucket.stream());
        let question = json!({
            "seq": sequence,
            "batch": BATCH,
            "next_by_subj": self.bucket.subjects(),
        });
        let question = question.to_string().into();
        let sent = self.nats.publish_with_reply(subject, inbox, question).await;
        sent.map_err(|error| other(error.into()))?;
        Ok(self.collect(answers).await)
    }

    /// The answers up to their end, or to the first one that does not follow the one before.
    async fn collect(&self, mut answers: Subscriber) -> Vec<Found> {
        let until = Instant::now() + PATIENCE;
        let mut found: Vec<Found> = Vec::new();
        while let Ok(Some(message)) = timeout_at(until, answers.next()).await {
            // Of the revision before, in this batch.
            let before = number(&message, "Nats-Last-Sequence");
            let is_next = before == Some(found.last().map_or(0, |found| found.sequence));
            if !is_value(&message) || (before.is_some() && !is_next) {
                break;
            }
            let Ok(message) = StreamMessage::try_from(message) else {
                break;
            };
            found.push(self.found(message));
            // A server that knows no batches (before 2.11) has answered.
            if before.is_none() {
                break;
            }
        }
        found
    }

    fn found(&self, message: StreamMessage) -> Found {
        Found {
            sequence: message.sequence,
            revision: Revision::of(&self.bucket, message),
        }
    }

    /// What is asked while there is no connection would be sent after it is back, to nobody's use.
    async fn answered<T>(&self, answer: impl Future<Output = T>) -> Result<T, BucketError> {
        if self.nats.connection_state() != State::Connected {
            return Err(BucketError::NotConnected);
        }
        let answer = timeout(PATIENCE, answer).await;
        answer.map_err(|_| BucketError::NoAnswer(self.bucket.clone()))
    }
}

/// A message of the stream.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) sequence: u64,
    pub(super) revision: Option<Revision>,
}

/// Whether an answer is a message, and not the end of a batch or a refusal.
fn is_value(message: &Message) -> bool {
    message.status.is_none_or(|status| status == StatusCode::OK)
}
