//! The error itself.

use core::fmt;
use std::borrow::Cow;
use std::error::Error;
use std::io;
use std::sync::{Arc, OnceLock};

use crate::detail::{Caused, Given, Reworded, render};
use crate::{Delivery, Detail, RpcErrorKind};

/// A call that failed outside its interface.
///
/// Three pointers wide and cheap to clone. [`Display`](fmt::Display) is the kind and the message,
/// which may be shown to anyone; the [`source`](Error::source) chain has the operator's detail
/// (subjects, addresses) and is never shown to a guest.
#[derive(Clone)]
pub struct RpcError {
    said: Arc<Said<dyn Detail>>,
    kind: RpcErrorKind,
    delivery: Delivery,
}

/// A detail, and its message once somebody has asked for it.
struct Said<D: ?Sized> {
    message: OnceLock<Cow<'static, str>>,
    detail: D,
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
        Self {
            said: said(message, Given),
            kind,
            delivery,
        }
    }

    /// An error whose message is made of `detail` when somebody asks for it.
    ///
    /// Takes one allocation, whatever `detail` holds.
    pub fn from_detail(kind: RpcErrorKind, delivery: Delivery, detail: impl Detail) -> Self {
        Self {
            said: Arc::new(Said {
                message: OnceLock::new(),
                detail,
            }),
            kind,
            delivery,
        }
    }

    /// The same error with `source` as its cause.
    #[must_use]
    pub fn with_source(self, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        let source = source.into();
        Self::from_detail(
            self.kind,
            self.delivery,
            Caused {
                error: self,
                source,
            },
        )
    }

    /// The same error without its cause, for those who must not see it.
    #[must_use]
    pub fn without_source(self) -> Self {
        if self.source().is_none() {
            return self;
        }
        Self::new(self.kind, self.delivery, self.message().to_owned())
    }

    /// The same error with another delivery.
    #[must_use]
    pub fn with_delivery(mut self, delivery: Delivery) -> Self {
        self.delivery = delivery;
        self
    }

    /// The same error with another message.
    #[must_use]
    pub fn with_message(self, message: impl Into<Cow<'static, str>>) -> Self {
        Self {
            kind: self.kind,
            delivery: self.delivery,
            said: said(message, Reworded(self)),
        }
    }

    /// What happened.
    #[must_use]
    pub fn kind(&self) -> RpcErrorKind {
        self.kind
    }

    /// Whether the target may have run the call.
    #[must_use]
    pub fn delivery(&self) -> Delivery {
        self.delivery
    }

    /// One line for a log, fit to be shown to a guest.
    #[must_use]
    pub fn message(&self) -> &str {
        self.said
            .message
            .get_or_init(|| render(&self.said.detail).into())
    }

    pub(crate) fn write_message(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.said.message.get() {
            Some(message) => f.write_str(message),
            None => self.said.detail.message(f),
        }
    }

    /// Whether repeating the call cannot run it twice.
    ///
    /// True for [`Delivery::NotSent`] alone. It says nothing about whether a repetition is of any
    /// use: a denied call is safe to repeat and will be denied again.
    #[must_use]
    pub fn is_safe_to_retry(&self) -> bool {
        self.delivery == Delivery::NotSent
    }
}

fn said(message: impl Into<Cow<'static, str>>, detail: impl Detail) -> Arc<Said<dyn Detail>> {
    Arc::new(Said {
        message: OnceLock::from(message.into()),
        detail,
    })
}

impl fmt::Display for RpcError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.kind)?;
        self.write_message(f)
    }
}

impl fmt::Debug for RpcError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RpcError")
            .field("kind", &self.kind)
            .field("delivery", &self.delivery)
            .field("message", &self.message())
            .field("source", &self.said.detail.source())
            .finish()
    }
}

impl Error for RpcError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.said.detail.source()
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
    use core::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    /// Counts how often it is put into words.
    struct Counted(Arc<AtomicUsize>, io::Error);

    impl Detail for Counted {
        fn message(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            self.0.fetch_add(1, Ordering::Relaxed);
            f.write_str("f: counted")
        }

        fn source(&self) -> Option<&(dyn Error + 'static)> {
            Some(&self.1)
        }
    }

    #[test]
    fn a_message_is_made_once_and_only_if_somebody_asks() {
        let count = Arc::default();
        let detail = Counted(Arc::clone(&count), io::Error::other("10.0.0.1"));
        let error = RpcError::from_detail(RpcErrorKind::Other, Delivery::Unknown, detail);
        let clone = error.clone().with_delivery(Delivery::NotSent);
        assert!(clone.source().unwrap().is::<io::Error>());
        assert!(RpcError::find(&io::Error::from(error.clone())).is_some());
        assert_eq!(count.load(Ordering::Relaxed), 0);
        for error in [&error, &clone, &error] {
            assert_eq!(error.message(), "f: counted");
            assert_eq!(error.to_string(), "other: f: counted");
        }
        assert_eq!(count.load(Ordering::Relaxed), 1);
    }

    #[test]
    fn a_cause_and_a_message_are_exchanged_without_each_other() {
        let detail = Counted(Arc::default(), io::Error::other("root"));
        let error = RpcError::from_detail(RpcErrorKind::Other, Delivery::Unknown, detail);
        let text = |error: &RpcError| (error.to_string(), error.source().unwrap().to_string());
        assert_eq!(
            text(&error.clone().with_source("another")),
            ("other: f: counted".to_owned(), "another".to_owned())
        );
        assert_eq!(
            text(&error.clone().with_message("g: no")),
            ("other: g: no".to_owned(), "root".to_owned())
        );
        let bare = error.without_source();
        assert_eq!(
            (bare.message(), bare.source().is_none()),
            ("f: counted", true)
        );
    }

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
