//! What holds for the bytes of a peer, whatever they are.

#![expect(
    clippy::expect_used,
    reason = "a property panics where it does not hold"
)]

mod peer;
mod stream;
mod values;

pub use self::stream::decode_stream;
pub use self::values::decode_values;
#[cfg(test)]
pub(super) use self::values::parts;
