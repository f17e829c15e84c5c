//! What becomes of calls while what they run on breaks.

pub mod audit;
pub mod soak;
