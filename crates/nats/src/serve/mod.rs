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

//!
//! # Services
//!
//! A handler can be a [`tower::Service`] of [`Request`]s, run by [`Client::serve_service`]. These
//! layers go in front of it, and [`ServeStack`] puts the first three in order:
//!
//! | layer | fails with |
//! |---|---|
//! | [`authorization::AuthorizationLayer`] | `link-denied` |
//! | [`limit::ConcurrencyLimitLayer`] | `overloaded` |
//! | [`deadline::DeadlineLayer`] | `timeout` |
//! | [`foreign::ForeignLayer`] | what others' middleware failed with |
//!
//! [`Client::serve_service`]: crate::Client::serve_service

mod arrivals;
pub mod authorization;
mod caller_gone;
mod context;
pub mod deadline;
mod fate;
pub mod foreign;
mod functions;
mod gate;
mod handler;
pub mod limit;
#[cfg(any(test, fuzzing))]
pub(crate) mod offline;
mod request;
mod requests;
mod responder;
mod serving;
mod stack;
#[cfg(test)]
mod testing;

pub use self::caller_gone::CallerGone;
pub use self::context::ServeContext;
pub(crate) use self::functions::ServedFunctions;
pub use self::handler::{Handler, handler};
pub use self::request::{Accepted, Request};
pub use self::requests::Requests;
pub use self::responder::{GivenUp, Responder};
pub use self::serving::Serving;
pub use self::stack::ServeStack;
