//! What holds for whatever peers send and guests declare. See `docs/FUZZING.md`.
//!
//! Not part of the interface of this crate: it is there for fuzzers and tests alone.

#![expect(
    clippy::expect_used,
    reason = "a property panics where it does not hold"
)]

mod lower;
mod types;

pub use self::lower::lower_error;
pub(crate) use self::types::{Declared, ENGINE, Types};
pub use crate::codec::fuzzing::{decode_stream, decode_values};

#[cfg(test)]
mod tests {
    use wrpc_middleware_fuzzing::check;

    #[test]
    fn decode_values() {
        check("decode_values", super::decode_values);
    }

    #[test]
    fn decode_stream() {
        check("decode_stream", super::decode_stream);
    }

    #[test]
    fn lower_error() {
        check("lower_error", super::lower_error);
    }
}
