//! How a property is held against bytes, in a fuzzer and in a test.
//!
//! A property is a function `fn(&[u8])` that panics where it does not hold, next to the code that it
//! is about. `fuzz/` has a target for each, which calls [`bounded`] with it, and its crate has a test
//! for each, which calls [`check`]: so both hold the same property, and what the fuzzer found once is
//! tried in every test run. `docs/FUZZING.md` is the page for who runs the fuzzers.

mod memory;
mod replay;

pub use memory::bounded;
pub use replay::{check, check_in};
