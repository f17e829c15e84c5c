//! Why bytes of a peer are not the values they should be.

use core::time::Duration;
use std::borrow::Cow;
use std::io;

use wrpc_middleware_errors::{Delivery, RpcError, RpcErrorKind};

/// Why the bytes of a peer could not be decoded.
///
/// The texts name what is wrong and hold no more of the peer's bytes than a number.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// The stream ended inside a value.
    #[error("the stream ended before the value was complete")]
    UnexpectedEnd,
    /// The bytes are no value of the declared type.
    #[error("{0}")]
    Invalid(Cow<'static, str>),
    /// The values exceed a limit.
    #[error("the values exceed the limit of {limit} {what}")]
    Limit {
        /// What there is too much of.
        what: &'static str,
        /// How much there may be.
        limit: usize,
    },
    /// A resource handle that this instance never gave out, or that is gone.
    #[error("the resource handle is unknown: it was dropped, or its instance was replaced")]
    UnknownHandle,
    /// The peer has sent nothing for this long, inside a value.
    #[error("nothing arrived for {0:?}")]
    Idle(Duration),
    /// The stream could not be read.
    #[error("the stream could not be read")]
    Read(#[source] io::Error),
    /// The decoded resource could not be put into the store.
    #[error("the resource could not be stored")]
    Store(#[source] anyhow::Error),
}

impl DecodeError {
    pub(super) fn invalid(text: impl Into<Cow<'static, str>>) -> Self {
        Self::Invalid(text.into())
    }
}

/// The view of a caller who decodes results.
impl From<DecodeError> for RpcError {
    fn from(error: DecodeError) -> Self {
        let kind = match error {
            DecodeError::UnexpectedEnd => RpcErrorKind::TargetFailed,
            DecodeError::Invalid(_) | DecodeError::Limit { .. } | DecodeError::UnknownHandle => {
                RpcErrorKind::Protocol
            }
            DecodeError::Idle(_) => RpcErrorKind::Timeout,
            DecodeError::Read(error) => return Self::classify(error),
            DecodeError::Store(_) => RpcErrorKind::Other,
        };
        let message = error.to_string();
        let rpc = Self::new(kind, Delivery::Accepted, message);
        match error {
            DecodeError::Store(source) => rpc.with_source(source),
            _ => rpc,
        }
    }
}
