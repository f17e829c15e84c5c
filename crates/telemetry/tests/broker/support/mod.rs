//! What these tests have of their own, beside `wrpc-middleware-testing`.

pub mod chain;
pub mod peers;
#[path = "../../support/recorded.rs"]
pub mod recorded;
pub mod subscriber;
