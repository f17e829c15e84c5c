//! The error of a wRPC call that failed outside its interface.
//!
//! A call over a network can fail in ways that its WIT signature does not speak of: nobody linked
//! the two components, nobody is listening, the answer is late, the connection is down.
//! [`RpcError`] is that failure as a value. It mirrors the type `rpc-error` of the WIT package
//! `wrpc:errors@0.1.0`, which components see:
//!
//! | part | WIT | here |
//! |---|---|---|
//! | what happened | the case | [`RpcErrorKind`] |
//! | may the target have run the call | `delivery` | [`Delivery`] |
//! | one line for a log | `message` | [`RpcError::message`] |
//! | the operator's detail, never shown to a guest | none | [`source`](std::error::Error::source) |
//!
//! Errors of other origin become an [`RpcError`] by [`classify`](RpcError::classify), which is
//! total, and travel through [`std::io::Error`] unharmed: [`RpcError::find`] gets them back.
//!
//! ```
//! use wrpc_middleware_errors::{Delivery, RpcError, RpcErrorKind};
//!
//! let denied = RpcError::new(RpcErrorKind::LinkDenied, Delivery::NotSent, "no link permits it");
//! let io = std::io::Error::from(denied);
//! assert_eq!(io.kind(), std::io::ErrorKind::PermissionDenied);
//!
//! let error = RpcError::classify(anyhow::Error::from(io).context("failed to write parameters"));
//! assert_eq!(error.kind(), RpcErrorKind::LinkDenied);
//! assert!(error.is_safe_to_retry());
//! ```

mod classify;
mod delivery;
mod detail;
mod error;
mod kind;

pub use delivery::{Delivery, UnknownDelivery};
pub use detail::Detail;
pub use error::RpcError;
pub use kind::{RpcErrorKind, UnknownKind};
