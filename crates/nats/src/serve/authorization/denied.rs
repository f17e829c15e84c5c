//! Why a call was denied.

use core::error::Error;
use core::fmt;
use std::sync::Arc;

use wrpc_middleware_errors::Detail;

use super::CallerRequest;
use crate::function::Function;

/// A call that the policy does not permit: the source of the
/// [`RpcError`](wrpc_middleware_errors::RpcError), for the operator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Denied {
    pub(super) caller: Option<Arc<str>>,
    pub(super) function: Arc<Function>,
}

impl Denied {
    /// What the policy was asked, without the headers.
    #[must_use]
    pub fn request(&self) -> CallerRequest<'_> {
        let Function { instance, func } = &*self.function;
        CallerRequest::new(self.caller.as_deref(), instance, func)
    }
}

impl fmt::Display for Denied {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "the policy does not permit the call from {}",
            self.request()
        )
    }
}

impl Error for Denied {}

/// The caller gets to know which function was denied; only the operator, who it was taken for.
impl Detail for Denied {
    fn message(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: the target does not permit this call", self.function)
    }

    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(self)
    }
}
