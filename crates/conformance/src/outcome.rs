//! How a call ends.

use core::fmt;

use wrpc_middleware_errors::{Delivery, RpcError, RpcErrorKind};

/// How a call of the kit ends, as its caller sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// What the scenario asks for arrives: the value, unchanged; both streams, whole; the end of a
    /// function without a result.
    Returns,
    /// The results end as if they were complete, and they are not. Who decodes them finds out, who
    /// reads to the end does not.
    Ends,
    /// Nothing comes, for as long as anybody waits.
    Waits,
    /// An [`RpcError`] of this kind and delivery.
    Fails(RpcErrorKind, Delivery),
}

impl Outcome {
    pub(crate) fn of(error: &RpcError) -> Self {
        Self::Fails(error.kind(), error.delivery())
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Returns => f.write_str("returns"),
            Self::Ends => f.write_str("ends"),
            Self::Waits => f.write_str("waits"),
            Self::Fails(kind, delivery) => write!(f, "{kind}, {delivery}"),
        }
    }
}
