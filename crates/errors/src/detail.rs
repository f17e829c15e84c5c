//! What an error says.

use core::error::Error;
use core::fmt::{self, Write as _};

use crate::RpcError;

/// What an [`RpcError`] says, put into words only if somebody asks.
///
/// Most failures of a busy host are never read: a caller repeats the call, or goes on without it.
/// So an error can be [made](RpcError::from_detail) of what it is about, and nothing is formatted
/// before it is shown.
///
/// ```
/// use core::fmt;
/// use wrpc_middleware_errors::{Delivery, Detail, RpcError, RpcErrorKind};
///
/// struct Full {
///     queued: usize,
/// }
///
/// impl Detail for Full {
///     fn message(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
///         write!(f, "{} calls are waiting already", self.queued)
///     }
/// }
///
/// let kind = RpcErrorKind::Overloaded;
/// let error = RpcError::from_detail(kind, Delivery::NotSent, Full { queued: 7 });
/// assert_eq!(error.message(), "7 calls are waiting already");
/// ```
pub trait Detail: Send + Sync + 'static {
    /// Writes the message, under the same rules as that of [`RpcError::new`]: the function and the
    /// reason in one line, and nothing that a guest must not see.
    ///
    /// # Errors
    ///
    /// The formatter's own.
    fn message(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result;

    /// The operator's detail, the [source](Error::source) of the error. It may be a part of
    /// `self`, or `self`.
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        None
    }
}

/// The message of a detail: what it has written, should it fail to write it all.
pub(crate) fn render(detail: &dyn Detail) -> String {
    let mut message = String::new();
    let _ = write!(message, "{}", fmt::from_fn(|f| detail.message(f)));
    message
}

/// The detail of an error that was made with its message.
pub(crate) struct Given;

impl Detail for Given {
    fn message(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        Ok(())
    }
}

/// The source of another error, under a message of its own.
pub(crate) struct Reworded(pub(crate) RpcError);

impl Detail for Reworded {
    fn message(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        Ok(())
    }

    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.source()
    }
}

/// The message of another error, with a source of its own.
pub(crate) struct Caused {
    pub(crate) error: RpcError,
    pub(crate) source: Box<dyn Error + Send + Sync>,
}

impl Detail for Caused {
    fn message(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.write_message(f)
    }

    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&*self.source)
    }
}
