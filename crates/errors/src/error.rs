//! The error itself.

use core::fmt;
use std::borrow::Cow;
use std::error::Error;
use std::io;
use std::sync::Arc;

use crate::{Delivery, RpcErrorKind};

/// A call that failed outside its interface.
///
/// One pointer wide and cheap to clone. [`Display`](fmt::Display) is the kind and the message,
/// which may be shown to anyone; the [`source`](Error::source) chain has the operator's detail
/// (subjects, addresses) and is never shown to a guest.
#[derive(Clone)]
pub struct RpcError(Arc<Inner>);

#[derive(Clone)]
struct Inner {
    kind: RpcErrorKind,
    delivery: Delivery,
    message: Cow<'static, str>,
    source: Option<Arc<dyn Error + Send + Sync>>,
}

impl RpcError {
    /// An error without a source.
    ///
    /// `message` names the function and the reason in one line. It must not name a subject, an
    /// inbox, a host address or a credential: those belong into the [source](Self::with_source).
    pub fn new(
        kind: RpcErrorKind,
        delivery: Delivery,
        message: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self(Arc::new(Inner {
            kind,
            delivery,
            message: message.into(),
            source: None,
        }))
    }

    /// The same error with `source` as its cause.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Arc::make_mut(&mut self.0).source = Some(Arc::from(source.into()));
        self
    }

    /// The same error without its cause, for those who must not see it.
    #[must_use]
    pub fn without_source(mut self) -> Self {
        if self.0.source.is_some() {
            Arc::make_mut(&mut self.0).source = None;
        }
        self
    }

    /// The same error with another delivery.
    #[must_use]
    pub fn with_delivery(mut self, delivery: Delivery) -> Self {
        if self.0.delivery != delivery {
            Arc::make_mut(&mut self.0).delivery = delivery;
        }
        self
    }

    /// The same error with another message.
    #[must_use]
    pub fn with_message(mut self, message: impl Into<Cow<'static, str>>) -> Self {
        Arc::make_mut(&mut self.0).message = message.into();
        self
    }

    /// What happened.
    #[must_use]
    pub fn kind(&self) -> RpcErrorKind {
        self.0.kind
    }

    /// Whether the target may have run the call.
    #[must_use]
    pub fn delivery(&self) -> Delivery {
        self.0.delivery
    }

    /// One line for a log, fit to be shown to a guest.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// Whether repeating the call cannot run it twice.
    ///
    /// True for [`Delivery::NotSent`] alone. It says nothing about whether a repetition is of any
    /// use: a denied call is safe to repeat and will be denied again.
    #[must_use]
    pub fn is_safe_to_retry(&self) -> bool {
        self.0.delivery == Delivery::NotSent
    }
}

impl fmt::Display for RpcError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.0.kind, self.0.message)
    }
}

impl fmt::Debug for RpcError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RpcError")
            .field("kind", &self.0.kind)
            .field("delivery", &self.0.delivery)
            .field("message", &self.0.message)
            .field("source", &self.0.source)
            .finish()
    }
}

impl Error for RpcError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.source.as_deref().map(|source| source as _)
    }
}

/// Keeps the error whole, under the [`io::ErrorKind`] that fits it best.
impl From<RpcError> for io::Error {
    fn from(error: RpcError) -> Self {
        let kind = match error.kind() {
            RpcErrorKind::Timeout => io::ErrorKind::TimedOut,
            RpcErrorKind::LinkDenied => io::ErrorKind::PermissionDenied,
            RpcErrorKind::TargetUnavailable => io::ErrorKind::NotConnected,
            RpcErrorKind::TargetFailed => io::ErrorKind::UnexpectedEof,
            RpcErrorKind::Overloaded => io::ErrorKind::ResourceBusy,
            RpcErrorKind::Transport => io::ErrorKind::BrokenPipe,
            RpcErrorKind::Protocol => io::ErrorKind::InvalidData,
            RpcErrorKind::Other => io::ErrorKind::Other,
        };
        Self::new(kind, error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_leaves_clones_as_they_are() {
        let error = RpcError::new(RpcErrorKind::Transport, Delivery::Unknown, "f: lost")
            .with_source("nats://10.0.0.1:4222");
        let changed = error
            .clone()
            .without_source()
            .with_delivery(Delivery::Accepted)
            .with_message("g: lost");
        assert!(changed.source().is_none());
        assert_eq!(
            format!("{:#}", anyhow::Error::from(changed)),
            "transport: g: lost"
        );
        assert_eq!(error.source().unwrap().to_string(), "nats://10.0.0.1:4222");
        assert_eq!(
            (error.delivery(), error.message()),
            (Delivery::Unknown, "f: lost")
        );
    }
}
