//! What holds for whatever is in a links file or a bucket. See `docs/FUZZING.md`.
//!
//! Not part of the interface of this crate: it is there for fuzzers and tests alone.

#![expect(
    clippy::expect_used,
    reason = "a property panics where it does not hold"
)]

mod entry;
mod file;

pub use self::file::file;
pub use crate::bucket::fuzzing::bucket;

pub(crate) use self::entry::is_sound;

#[cfg(test)]
mod tests {
    use wrpc_middleware_fuzzing::check;

    #[test]
    fn file() {
        check("links_file", super::file);
    }

    #[test]
    fn bucket() {
        check("links_bucket", super::bucket);
    }
}
