//! Testbeds of the transports.

mod nats;
mod sockets;
mod tcp;
mod unix;

pub use tcp::Tcp;
pub use unix::Unix;

/// This project's transport over NATS.
pub type OwnNats = nats::Nats<nats::Own>;

/// Upstream's transport over NATS.
pub type UpstreamNats = nats::Nats<nats::Upstream>;
