//! What the errors of others mean.

use tower::BoxError;
use tower::load_shed::error::Overloaded;
use tower::timeout::error::Elapsed;
use wrpc_middleware_errors::{Delivery, RpcError, RpcErrorKind};

use crate::Progress;

/// The [`RpcError`] that `error` carries or stands for; `delivery` is what is proven of the call.
pub(super) fn rpc_error(
    error: BoxError,
    delivery: Delivery,
    progress: Option<&Progress>,
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
        (
            RpcErrorKind::Timeout,
            delivery,
            "the call took too long to be taken",
        )
    } else {
        (
            RpcErrorKind::Other,
            delivery,
            "a middleware failed the call",
        )
    };
    match progress {
        Some(progress) => progress.error(kind, delivery, reason),
        None => RpcError::new(kind, delivery, reason),
    }
    .with_source(error)
}

fn has<E: std::error::Error + 'static>(error: &(dyn std::error::Error + 'static)) -> bool {
    core::iter::successors(Some(error), |error| error.source())
        .any(<dyn std::error::Error>::is::<E>)
}
