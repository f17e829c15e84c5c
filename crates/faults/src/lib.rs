//! What becomes of calls while what they run on breaks.
//!
//! [`matrix`] plays every fault in every phase of a call, over real processes: NATS servers
//! ([`cluster`]), a [`target`] and a [`caller`], with a [`network`] that breaks in between. [`audit`]
//! holds what many callers were told against what their targets ran, and [`soak`] counts, for as
//! long as it takes, that nothing is left behind.

pub mod audit;
pub mod caller;
pub mod cluster;
pub mod connect;
pub mod matrix;
mod names;
pub mod network;
pub mod soak;
pub mod speech;
pub mod target;
pub mod work;
