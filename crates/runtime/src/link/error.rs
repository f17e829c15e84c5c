//! What can stand in the way of linking.

use thiserror::Error;

use crate::lower::LowerError;

/// An import that can't be linked over wRPC.
///
/// Its text names the import and says what to do.
// The cause is part of the text instead of a source: a `wasmtime::Error` prints no sources of the
// error that it is made of.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("failed to link the import `{import}` over wRPC: {cause}")]
pub struct LinkError {
    import: Box<str>,
    cause: LinkErrorCause,
}

impl LinkError {
    pub(crate) fn new(import: &(impl ToString + ?Sized), cause: impl Into<LinkErrorCause>) -> Self {
        Self {
            import: import.to_string().into(),
            cause: cause.into(),
        }
    }

    /// The import: an instance, or a function as `instance#function`.
    #[must_use]
    pub fn import(&self) -> &str {
        &self.import
    }

    /// Why, and what to do.
    #[must_use]
    pub fn cause(&self) -> &LinkErrorCause {
        &self.cause
    }
}

/// Why an import can't be linked over wRPC.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum LinkErrorCause {
    /// A failure can't be made a value of the type that the function returns.
    #[error("{0}")]
    Lower(LowerError),
    /// The signature has a type that the dynamic values of Wasmtime can't carry.
    #[error(
        "its signature has the type `{ty}`, which can't travel: define the function in the linker \
         or use another type"
    )]
    Type {
        /// The type's name in WIT.
        ty: &'static str,
    },
    /// The function is `async`.
    #[error("it is an `async` function: declare it without `async`, the host awaits it anyway")]
    Async,
    /// The function is marked as bare, and has no value to make a `result` of.
    #[error("it is marked as bare, but returns no `result`: remove the mark")]
    NotAResult,
    /// A resource in the signature belongs to this host, and no peer could know it.
    #[error(
        "its signature has a resource of this host, which can't travel: define the function in \
         the linker, too"
    )]
    LocalResource,
    /// The import is something that no call can stand for.
    #[error("it is a {what}, and only calls can travel: {remedy}")]
    NotCallable {
        /// What it is.
        what: &'static str,
        /// What provides it.
        remedy: &'static str,
    },
    /// The host type of a resource is not known.
    #[error("it is a resource without a host type: add one to the host resources")]
    UnknownResource,
    /// The type of a resource is another one than in the host resources.
    #[error("it is another resource than the one in the host resources: collect them anew")]
    OtherResource,
    /// The interface belongs to the host itself.
    #[error("it is an interface of the host: {remedy}")]
    HostInterface {
        /// What defines it.
        remedy: &'static str,
    },
    /// `rpc-error-of` has another signature.
    #[error(
        "its signature is not `func(error: borrow<error>) -> option<rpc-error>`: use the WIT of \
         `wrpc:errors`"
    )]
    InspectSignature,
}

impl From<LowerError> for LinkErrorCause {
    fn from(error: LowerError) -> Self {
        Self::Lower(error)
    }
}
