//! Why a call was denied.

use core::error::Error;
use core::fmt;
use std::sync::Arc;

use wrpc_middleware_errors::Detail;

use super::{DEFAULT_LINK_NAME, LinkRequest};
use crate::Target;
use crate::function::Function;

/// A call that no link permits: the source of the [`RpcError`](crate::RpcError), for the operator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Denied {
    pub(super) source: Option<Arc<str>>,
    pub(super) link_name: Option<Arc<str>>,
    pub(super) function: Function,
    pub(super) target: Option<Target>,
}

impl Denied {
    /// What the policy was asked for.
    #[must_use]
    pub fn request(&self) -> LinkRequest<'_> {
        LinkRequest {
            link_name: self.link_name.as_deref().unwrap_or(DEFAULT_LINK_NAME),
            target: self.target.as_ref(),
            ..LinkRequest::new(
                self.source.as_deref(),
                self.function.instance(),
                self.function.func(),
            )
        }
    }
}

impl fmt::Display for Denied {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no link from {}", self.request())
    }
}

impl Error for Denied {}

/// The guest gets to know which function was denied; only the operator, which links there are.
impl Detail for Denied {
    fn message(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: no link permits this call", self.function)
    }

    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(self)
    }
}
