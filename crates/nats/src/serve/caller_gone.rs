//! That nobody waits for a call.

/// The caller has given up, or is gone: the source of the [`RpcError`] that a served call then fails
/// with, to tell it from other failures.
///
/// [`RpcError`]: wrpc_middleware_errors::RpcError
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the caller has given up")]
pub struct CallerGone;
