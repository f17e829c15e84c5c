//! Serving functions.
//!
//! A [`Client`](crate::Client) is a [`wrpc_transport::Serve`], so that generated bindings and
//! adapters take it unchanged: every call is taken as it comes. [`Client::requests`](crate::Client::requests)
//! is one step before that: a [`Request`] can be looked at and refused, and nothing was promised to
//! its caller yet.
//!
//! Taking a call waits for nothing: neither for the handshake to leave nor for the caller's
//! parameters, so one caller holds up no other.
//!
//! # What ends a call early
//!
//! - Its deadline, or that of the server: a call that waited until its deadline is dropped, one
//!   that runs is up to who runs it; [`ServeContext::deadline`] has it.
//! - The caller gives up: both streams fail and [`ServeContext::given_up`] resolves.
//! - The function ends without closing its results: its caller gets `target-failed`.

mod context;
mod functions;
mod request;
mod requests;

pub use self::context::ServeContext;
pub(crate) use self::functions::ServedFunctions;
pub use self::request::{Accepted, Request};
pub use self::requests::Requests;
