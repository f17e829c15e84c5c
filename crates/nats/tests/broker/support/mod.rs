//! What these tests have of their own, beside `wrpc-middleware-testing`.

pub mod both;
pub mod calls;
pub mod capture;
pub mod errors;
pub mod peers;
pub mod raw;
pub mod record;
pub mod serving;
pub mod target;
