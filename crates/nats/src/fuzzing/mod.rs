//! What holds for whatever peers and brokers send. See `docs/FUZZING.md`.
//!
//! Not part of the interface of this crate: it is there for fuzzers and tests alone.

#![expect(
    clippy::expect_used,
    reason = "a property panics where it does not hold"
)]

mod call;
mod headers;
mod input;
mod network;
mod streams;
mod subjects;

pub use self::call::{caller, target};
pub use self::headers::headers;
pub use self::network::network;
pub use self::subjects::subjects;

#[cfg(test)]
mod tests {
    use wrpc_middleware_fuzzing::check;

    #[test]
    fn headers() {
        check("nats_headers", super::headers);
    }

    #[test]
    fn subjects() {
        check("nats_subjects", super::subjects);
    }

    #[test]
    fn caller() {
        check("nats_caller", super::caller);
    }

    #[test]
    fn target() {
        check("nats_target", super::target);
    }

    #[test]
    fn network() {
        check("nats_network", super::network);
    }
}
