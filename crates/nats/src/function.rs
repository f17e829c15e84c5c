//! The name of a served function, for messages.

use core::fmt;

use wrpc_middleware_errors::{Delivery, RpcError, RpcErrorKind};

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Function {
    pub(crate) instance: Box<str>,
    pub(crate) func: Box<str>,
}

impl Function {
    /// An error of a call of it.
    pub(crate) fn error(
        &self,
        kind: RpcErrorKind,
        delivery: Delivery,
        reason: impl fmt::Display,
    ) -> RpcError {
        RpcError::new(kind, delivery, format!("{self}: {reason}"))
    }
}

impl fmt::Display for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &*self.instance {
            "" => f.write_str(&self.func),
            instance => write!(f, "{instance}#{}", self.func),
        }
    }
}
