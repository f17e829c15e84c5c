//! The target has to take the call: [`TargetLivenessLayer`] fails it with
//! [`TargetUnavailable`](crate::RpcErrorKind::TargetUnavailable) if it does not.
//!
//! # What it bounds
//!
//! The time from the call having been handed to the transport until the target takes it (the
//! handshake), as far as the leaf [reports](crate::Progress::reports_acceptance) that. Parameters
//! that are still being sent after the handshake are not silence.
//!
//! A target that was silent [several times in a row](TargetLivenessLayer::silences) is taken for
//! down: calls to it fail at once for a [short while](TargetLivenessLayer::open), then one call at
//! a time is let through to probe it. A silence counts only
//!
//! - if the target has taken no call for ten handshake timeouts,
//! - if the last call that it took is over, and
//! - if the silent call began after the last silence that was counted, so that many calls at once
//!   count as one.
//!
//! So a healthy target that works on one call at a time is not taken for down because others wait
//! for their turn. One that has taken nobody's call for that long is, even if it is busy with
//! calls whose callers have given up: leaving it alone lets it catch up.
//!
//! The state is kept per target, not per function, and shared by all clones of the service. An
//! [observer](TargetLivenessLayer::observer) is told when it changes.
//!
//! # What it does not bound
//!
//! Readiness, the inner service's own work before it has sent anything, and all that comes after
//! the handshake. Over a leaf that does not report acceptance the layer lets every call through.
//!
//! # Delivery
//!
//! `not-sent` if the broker says that nobody listens, or if the call was not let through;
//! `unknown` after a silence. That nobody listens costs nothing to find out, so such a target is
//! asked anew by each call.
//!
//! ```
//! use core::time::Duration;
//! use wrpc_middleware_transport::liveness::TargetLivenessLayer;
//!
//! let layer = TargetLivenessLayer::new(Duration::from_millis(500))
//!     .silences(5)
//!     .open(Duration::from_secs(1));
//! ```

mod future;
mod health;
mod layer;
mod observer;
mod service;

pub use future::ResponseFuture;
pub use layer::TargetLivenessLayer;
pub use observer::{TargetObserver, TargetState};
pub use service::TargetLiveness;
