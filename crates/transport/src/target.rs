//! Where a call goes.

use core::fmt;
use std::sync::Arc;

/// The component that a call goes to, by its id.
///
/// A dotted name whose parts are not empty and hold no `*`, `>`, white space or control character,
/// so that it can stand as a prefix in a NATS subject. Cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Target(pub(crate) Arc<str>);

/// The text can't name a target.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{}` can't name a target: it takes one or more parts joined by `.`, none of them empty \
     and none with `*`, `>`, white space or a control character",
    .0.escape_debug()
)]
pub struct InvalidTarget(String);

impl Target {
    /// A target by its id.
    ///
    /// # Errors
    ///
    /// The id can't be a prefix of a subject.
    pub fn new(id: impl AsRef<str>) -> Result<Self, InvalidTarget> {
        let id = id.as_ref();
        if is_subject(id) {
            Ok(Self(Arc::from(id)))
        } else {
            Err(InvalidTarget(id.to_owned()))
        }
    }

    /// Whether `id` can name a target, which is to say, be a part of a subject.
    #[must_use]
    pub fn is_valid(id: &str) -> bool {
        is_subject(id)
    }

    /// The id.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl AsRef<str> for Target {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl core::str::FromStr for Target {
    type Err = InvalidTarget;

    fn from_str(id: &str) -> Result<Self, Self::Err> {
        Self::new(id)
    }
}

/// Whether `text` is one or more literal tokens of a NATS subject.
#[expect(
    clippy::needless_bitwise_bool,
    reason = "without branches, many bytes are looked at together"
)]
pub(crate) fn is_subject(text: &str) -> bool {
    // Asked for every call.
    let bytes = text.as_bytes();
    let is_literal = bytes.iter().fold(true, |is_literal, byte| {
        is_literal & (*byte > b' ') & (*byte != b'*') & (*byte != b'>') & (*byte != 0x7f)
    });
    let follows = bytes.iter().skip(1);
    let has_empty = bytes
        .iter()
        .zip(follows)
        .fold(false, |has_empty, (byte, next)| {
            has_empty | ((*byte == b'.') & (*next == b'.'))
        });
    let is_open = |end: Option<&u8>| end.is_none_or(|byte| *byte == b'.');
    let forbidden = |c: char| c.is_whitespace() || c.is_control();
    is_literal
        && !has_empty
        && !is_open(bytes.first())
        && !is_open(bytes.last())
        && (text.is_ascii() || !text.contains(forbidden))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_literal_subjects_name_a_target() {
        for good in ["greeter", "default.greeter", "a-b_c", "größe"] {
            assert_eq!(Target::new(good).unwrap().as_str(), good);
        }
        for bad in [
            "",
            ".",
            "a.",
            ".a",
            "a..b",
            "*",
            "a.>",
            "a b",
            "a\tb",
            "a\r\nb",
            "a\u{0}",
            "a\u{7f}",
            "ä\u{a0}b",
            "ä\u{85}b",
        ] {
            let error = Target::new(bad).unwrap_err().to_string();
            assert!(!error.contains(['\r', '\n', '\0']), "{error}");
        }
    }
}
