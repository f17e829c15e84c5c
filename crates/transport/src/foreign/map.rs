//! What the errors of others mean.

use tower::BoxError;
use tower::load_shed::error::Overloaded;
use tower::timeout::error::Elapsed;
use wrpc_middleware_errors::{Delivery, RpcError, RpcErrorKind};

/// The [`RpcError`] that `error` of a middleware carries, or the one that `make` makes of what it
/// stands for, with `error` as its cause.
///
/// `delivery` is what is proven of the call. For layers like [`Foreign`](super::Foreign) over other
/// requests.
pub fn rpc_error(
    error: BoxError,
    delivery: Delivery,
    make: impl FnOnce(RpcErrorKind, Delivery, &'static str) -> RpcError,
) -> RpcError {
    if let Some(found) = RpcError::find(&*error) {
        return found.clone();
    }
    let (kind, delivery, reason) = if has::<Overloaded>(&*error) {
        (
            RpcErrorKind::Overloaded,
            Delivery::NotSent,
            "the call was shed because the service was not ready for it",
        )
    } else if has::<Elapsed>(&*error) {
        (RpcErrorKind::Timeout, delivery, "the call took too long")
    } else {
        (
            RpcErrorKind::Other,
            delivery,
            "a middleware failed the call",
        )
    };
    make(kind, delivery, reason).with_source(error)
}

fn has<E: std::error::Error + 'static>(error: &(dyn std::error::Error + 'static)) -> bool {
    core::iter::successors(Some(error), |error| error.source())
        .any(<dyn std::error::Error>::is::<E>)
}
