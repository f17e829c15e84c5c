//! A NATS transport for wRPC.
//!
//! It speaks `wrpc.0.0.1`, the protocol of `wrpc_transport_nats`, on both sides, so that every peer
//! of that goes on working. What it adds travels in headers that others ignore: see `docs/WIRE.md`.
//!
//! ```text
//!  Stack or Invoke ──▶ Client ──▶ NATS ──▶ Client ──▶ Requests ──▶ ServeContext, Outgoing, Incoming
//! ```
//!
//! # What a failure is
//!
//! Every error is an [`RpcError`](wrpc_middleware_errors::RpcError).
//!
//! | what happens | error | delivery |
//! |---|---|---|
//! | not connected | `transport` | `not-sent` |
//! | the connection is lost meanwhile | `transport` | `unknown`, `accepted` after the handshake |
//! | the broker does not permit a message, if [its events are seen](EventSink) | `transport` | of the call itself: `not-sent` if every other call to that function was answered or refused too, and the connection is [this crate's](connect()), else `unknown` |
//! | nobody serves the function | `target-unavailable` | `not-sent` |
//! | the target refuses the call | what it says | what it says |
//! | the target goes away after the handshake | `target-failed` | `accepted` |
//! | the function ends without a result | `target-failed` | `accepted` |
//! | a message of a stream is missing | `transport` | `accepted` |
//! | two targets take the call | `protocol` | `accepted` |
//! | results arrive faster than they are read, past a limit | `overloaded` | `accepted` |
//!
//! # What is not bounded
//!
//! Time: a target that takes a call and goes on living without an answer is waited for. The layers
//! of [`wrpc_middleware_transport`] bound that.

mod broker;
mod budget;
mod client;
mod connect;
mod connection;
mod exchange;
mod function;
#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub mod fuzzing;
mod header;
mod id;
mod incoming;
#[cfg(any(test, fuzzing))]
mod offline;
mod options;
mod outgoing;
mod registry;
pub mod serve;
mod slow;
mod subject;
mod sync;
mod tasks;
mod violations;

pub use client::{CallContext, Client, ResponseFuture};
pub use connect::{ConnectError, ConnectOptions, EventSink, Violation, connect};
pub use connection::ConnectionState;
pub use incoming::Incoming;
pub use options::Options;
pub use outgoing::Outgoing;

/// The protocol, as it is part of the subject of every call.
pub const PROTOCOL: &str = "wrpc.0.0.1";
