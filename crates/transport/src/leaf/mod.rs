//! The leaf of a stack: a [`wrpc_transport::Invoke`] as a service.
//!
//! [`Transport`] takes any transport. What it can say about a failure depends on what the
//! transport can prove, which an [`Evidence`] declares: with [`Written`], the default, a flush
//! shows that bytes were written and nothing more, so every failure before the first byte of the
//! results has a delivery of [`Unknown`](crate::Delivery::Unknown). [`Framed`] is that of wRPC's own
//! transports over sockets.
//!
//! A failure that one stream of a call sees reaches all others, whatever they were waiting for.
//! The leaf bounds no time: a transport that hangs, hangs. That is what the layers are for.

mod evidence;
mod framed;
mod incoming;
mod outgoing;
mod service;

pub use evidence::{Evidence, Written};
pub use framed::Framed;
pub use incoming::Incoming;
pub use outgoing::Outgoing;
#[cfg(feature = "nats")]
pub(crate) use service::Leaving;
pub use service::Transport;
