//! tower-style middleware over a wRPC transport.
//!
//! ```text
//! Invoker ─▶ LinkAuthorization ─▶ Timeout ─▶ TargetLiveness ─▶ Transport ─▶ wrpc_transport::Invoke
//! ```
//!
//! A call is an [`Invocation`]; the services of a stack answer it with [`Channels`], its two byte
//! streams, or an [`RpcError`]. The leaf ([`Transport`], or [`nats::NatsTransport`]) makes a
//! service of a transport, an [`Invoker`] makes a transport of a service again, so that any wRPC
//! host or generated client takes a stack unchanged. [`Stack`] puts the layers in order.
//!
//! | layer | fails with |
//! |---|---|
//! | [`link::LinkAuthorizationLayer`] | `link-denied` |
//! | [`timeout::TimeoutLayer`] | `timeout` |
//! | [`liveness::TargetLivenessLayer`] | `target-unavailable` |
//! | [`limit::ConcurrencyLimitLayer`] | nothing: it makes calls wait |
//! | [`foreign::ForeignLayer`] | what others' middleware failed with |
//!
//! # Cancellation
//!
//! Dropping a call's future, or both of its streams, gives the call up: no subscription, task or
//! timer stays behind. The target may go on working.

mod call;
mod channels;
mod clock;
mod context;
pub mod foreign;
mod function;
mod invocation;
mod invoker;
pub mod leaf;
pub mod limit;
pub mod link;
pub mod liveness;
#[cfg(feature = "nats")]
pub mod nats;
mod progress;
pub mod retry;
mod stack;
mod sync;
mod target;
pub mod timeout;
mod wakers;

pub use channels::Channels;
pub use context::{CallContext, Context};
pub use invocation::{Invocation, Paths};
pub use invoker::Invoker;
pub use leaf::Transport;
pub use progress::{Held, Progress, Stage};
pub use stack::Stack;
pub use target::{InvalidTarget, Target};
pub use wrpc_middleware_errors::{Delivery, Detail, RpcError, RpcErrorKind};
