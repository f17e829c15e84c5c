//! Names that become a token of a NATS subject.

pub use wrpc_middleware::links::{Id, InvalidId};
