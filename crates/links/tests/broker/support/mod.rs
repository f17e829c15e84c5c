//! What these tests have of their own, beside `wrpc-middleware-testing`.

pub mod links;
pub mod peers;
