//! Names of buckets.

use core::fmt;
use core::str::FromStr;
use std::sync::Arc;

/// The name of a NATS key-value bucket. Cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BucketName(Arc<str>);

/// The text names no bucket.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{}` names no bucket: it takes 1 to {max} letters, digits, `-` or `_`",
    .0.escape_debug(),
    max = BucketName::MAX_LEN
)]
pub struct InvalidBucketName(String);

impl BucketName {
    /// The longest name, in bytes: the name of its stream has three more, and is a name of a file.
    pub const MAX_LEN: usize = 250;

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The stream that keeps the bucket.
    #[must_use]
    pub fn stream(&self) -> String {
        format!("KV_{}", self.0)
    }

    /// The subjects of all its keys.
    #[must_use]
    pub fn subjects(&self) -> String {
        format!("$KV.{}.>", self.0)
    }

    /// The key that a message on `subject` is for.
    pub(crate) fn key<'a>(&self, subject: &'a str) -> Option<&'a str> {
        let rest = subject.strip_prefix("$KV.")?.strip_prefix(&*self.0)?;
        rest.strip_prefix('.')
    }
}

impl FromStr for BucketName {
    type Err = InvalidBucketName;

    fn from_str(name: &str) -> Result<Self, InvalidBucketName> {
        let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
        if name.is_empty() || name.len() > Self::MAX_LEN || !name.chars().all(legal) {
            return Err(InvalidBucketName(name.to_owned()));
        }
        Ok(Self(name.into()))
    }
}

impl fmt::Display for BucketName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_nats() {
        let name: BucketName = "wrpc-links_1".parse().unwrap();
        assert_eq!(name.stream(), "KV_wrpc-links_1");
        assert_eq!(name.subjects(), "$KV.wrpc-links_1.>");
        assert_eq!(name.key("$KV.wrpc-links_1.a.b"), Some("a.b"));
        assert_eq!(name.key("$KV.wrpc-links_12.a"), None);
        for bad in [
            "",
            "a.b",
            "a b",
            "*",
            ">",
            "größe",
            "a/b",
            "$a",
            &"a".repeat(251),
        ] {
            assert!(bad.parse::<BucketName>().is_err(), "{bad}");
        }
    }
}
