//! Calls that are served by a [`wrpc_transport::Serve`], measured and traced: [`ObservedServe`].
//!
//! # What it measures
//!
//! Calls, from when the transport has taken one until its streams and its [`ServedCall`] are
//! dropped; see [metrics](crate::metrics) and [traces](crate::trace).
//!
//! The outcome is what the caller gets: `ok` if the results were closed, why they could not be
//! written or the parameters not be read, `target-failed` if they were left open, and `cancelled` if
//! the caller gave up. Run a call by [`ServedCall::run`] to have those that were ended from outside
//! under their reason.
//!
//! # What it does not measure
//!
//! Calls that the transport refuses by itself.

mod call;
mod observed;

use std::error::Error;

use wrpc_middleware_errors::RpcError;
use wrpc_middleware_nats::serve::CallerGone;

pub use self::call::ServedCall;
pub use self::observed::{ObservedServe, ServedObserver};
use crate::Outcome;

/// The outcome of a served call that ended in `error`.
pub(crate) fn outcome(error: &RpcError) -> Outcome {
    if error.source().is_some_and(<dyn Error>::is::<CallerGone>) {
        Outcome::Cancelled(error.delivery())
    } else {
        Outcome::of(error)
    }
}
