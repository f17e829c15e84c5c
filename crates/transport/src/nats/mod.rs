//! The leaf over upstream's NATS client: [`NatsTransport`].
//!
//! It keeps one `wrpc_transport_nats::Client` per subject prefix, which is the one of the call's
//! [`Target`](crate::Target), and makes typed errors of what that client fails with.
//!
//! # What it can prove
//!
//! A completed flush, write or shutdown of the outgoing stream is the handshake: the target took
//! the call. Nothing was sent if the broker says that nobody listens (status 503), or if the
//! connection was down before the call was handed to the client, which is checked first.
//!
//! # What it can't
//!
//! - What the client has queued at the moment of a disconnect it sends after the reconnect, also
//!   for callers who have given up: such a call is `unknown`.
//! - After the handshake nothing is watched: a target that goes away, and a connection that is
//!   lost, are silence, so the call ends at its deadline. So does one whose reply the client has
//!   lost in its own demultiplexer, which happens under load.
//! - A target that traps closes its streams as one that answers nothing: without a result to read,
//!   that looks like success.
//! - The broker's refusal of a message (permissions) is silence too.
//! - A frozen broker is one that answers nothing until the client has noticed, which takes twice
//!   its `ping_interval`, a minute by default: a host should set it to seconds.
//! - One task looks for lost connections on behalf of all calls, on the runtime of the call that was
//!   first. If that is a current-thread runtime that nobody drives, calls on others learn of a loss
//!   at their deadline.
//! - A call that is given up while the client publishes it leaves 8 kB in that client. It is
//!   replaced after a number of those, and goes with its last call.
//! - Results of 16 messages or more that nobody reads stall all calls to the same target until
//!   they are read or dropped, and messages that went missing in the middle of a result are not
//!   missed.

mod boxed;
mod clients;
mod connection;
mod evidence;
mod future;
mod transport;
mod watcher;

pub use evidence::Handshake;
pub use future::{Incoming, Outgoing, ResponseFuture};
pub use transport::{Builder, NatsTransport};
