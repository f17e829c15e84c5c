//! The harness of the end-to-end tests: a real NATS server, targets that behave and misbehave,
//! hosts of components, and what looks at them from the outside.

pub mod bindings;
pub mod guests;
pub mod host;
pub mod outcome;
pub mod raw_target;
pub mod stack;
pub mod stream_target;
pub mod targets;
#[macro_use]
pub mod transports;
