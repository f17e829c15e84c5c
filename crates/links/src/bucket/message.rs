//! What a bucket's stream has for a key.

use async_nats::jetstream::message::StreamMessage;
use async_nats::{HeaderMap, Message};
use bytes::Bytes;

use super::BucketName;

/// One revision of one key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Revision {
    pub(super) sequence: u64,
    pub(super) key: String,
    /// `None`: the key was removed.
    pub(super) value: Option<Bytes>,
}

impl Revision {
    /// `None` if the message is for no key of the bucket.
    pub(super) fn of(bucket: &BucketName, message: StreamMessage) -> Option<Self> {
        Some(Self {
            sequence: message.sequence,
            key: bucket.key(&message.subject)?.to_owned(),
            value: is_put(&message.headers).then_some(message.payload),
        })
    }
}

/// Whether a message is a value. What else there may be of operations, now or in time to come, takes
/// a value away or does not give one.
fn is_put(headers: &HeaderMap) -> bool {
    match headers.get_last("KV-Operation") {
        Some(operation) => operation.as_str() == "PUT",
        // The server's own word that it has removed a value, for its age for example.
        None => headers.get_last("Nats-Marker-Reason").is_none(),
    }
}

/// A number in a header.
pub(super) fn number(message: &Message, header: &str) -> Option<u64> {
    let value = message.headers.as_ref()?.get_last(header)?;
    value.as_str().parse().ok()
}
