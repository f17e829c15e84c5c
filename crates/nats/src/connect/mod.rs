//! Connecting to NATS in a way that loses nothing.

mod error;
mod events;
mod options;

pub use self::error::{ConnectError, Violation};
pub use self::events::EventSink;
pub use self::options::{ConnectOptions, connect};
