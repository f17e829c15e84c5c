//! What a transport can prove.

use std::io;

use wrpc_middleware_errors::RpcError;

use crate::Stage;

/// What a transport can prove about a call, and what its errors mean.
pub trait Evidence: Clone + Send + Sync + Unpin + 'static {
    /// Whether a completed write or flush of the outgoing stream, and the end of the incoming
    /// stream, show that the target took the call.
    fn reports_acceptance(&self) -> bool;

    /// The evidence for one call that is about to be handed to the transport, for evidence that
    /// compares with how things were then.
    #[must_use]
    fn for_call(&self) -> Self {
        self.clone()
    }

    /// What an error of `Invoke::invoke` means. A message of the result need not name the
    /// function.
    fn classify_invoke(&self, error: anyhow::Error) -> RpcError {
        RpcError::classify(error)
    }

    /// What an error of a stream means, `stage` being how far the call had come. A message of the
    /// result need not name the function.
    fn classify_io(&self, _stage: Stage, error: io::Error) -> RpcError {
        RpcError::classify(error)
    }

    /// Asked while a call waits to be accepted: the failure of a connection that would not fail
    /// the stream by itself.
    fn connection_failure(&self) -> Option<RpcError> {
        None
    }
}

/// The evidence of a transport of which nothing is known: a flush means that bytes were written.
#[derive(Clone, Copy, Debug, Default)]
pub struct Written;

impl Evidence for Written {
    fn reports_acceptance(&self) -> bool {
        false
    }
}
