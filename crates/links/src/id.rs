//! Names that become a token of a NATS subject.

use core::fmt;
use core::str::FromStr;
use std::sync::Arc;

use wrpc_middleware_transport::{InvalidTarget, Target};

/// A component id or the name of a lattice: exactly one token of a NATS subject.
///
/// Everything is checked where the name enters the program, so that nothing that a person, a file
/// or an entry says can address other subjects than it seems to.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Id(Target);

/// Why a name can't be one token of a NATS subject.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidId {
    /// There is nothing in it.
    #[error("it is empty")]
    Empty,
    /// It is longer than [`Id::MAX_LEN`] bytes.
    #[error("it is {0} bytes long, {max} are allowed", max = Id::MAX_LEN)]
    TooLong(usize),
    /// A character separates tokens, is a wildcard, a blank or a control character.
    #[error("`{}` is not allowed in one token of a NATS subject (nor are blanks, control characters, `.`, `*`, `>`)", .0.escape_debug())]
    Forbidden(char),
    /// Subjects that start with `$` belong to the NATS server.
    #[error("it starts with `$`, which is reserved for the NATS server")]
    Reserved,
    /// The transport can't address it.
    #[error(transparent)]
    Target(#[from] InvalidTarget),
}

impl Id {
    /// The longest name, in bytes. NATS limits the whole line of a message to 4 KiB.
    pub const MAX_LEN: usize = 255;

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// The name as the source of calls.
    #[must_use]
    pub fn to_shared(&self) -> Arc<str> {
        self.as_str().into()
    }

    /// The component of this name as the target of calls.
    #[must_use]
    pub fn to_target(&self) -> Target {
        self.0.clone()
    }
}

impl FromStr for Id {
    type Err = InvalidId;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        if name.is_empty() {
            return Err(InvalidId::Empty);
        }
        if name.len() > Self::MAX_LEN {
            return Err(InvalidId::TooLong(name.len()));
        }
        if let Some(c) = name
            .chars()
            .find(|&c| matches!(c, '.' | '*' | '>') || c.is_whitespace() || c.is_control())
        {
            return Err(InvalidId::Forbidden(c));
        }
        if name.starts_with('$') {
            return Err(InvalidId::Reserved);
        }
        Ok(Self(Target::new(name)?))
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_token_is_an_id() {
        for name in ["a", "greeter-2", "größe", "a_b", "A:b/c@1", "a$"] {
            assert_eq!(name.parse::<Id>().unwrap().as_str(), name);
        }
        assert!("a".repeat(Id::MAX_LEN).parse::<Id>().is_ok());
    }

    #[test]
    fn anything_else_is_refused_with_its_reason() {
        let table = [
            ("", InvalidId::Empty),
            ("a.b", InvalidId::Forbidden('.')),
            ("*", InvalidId::Forbidden('*')),
            ("a>", InvalidId::Forbidden('>')),
            ("a b", InvalidId::Forbidden(' ')),
            ("a\u{a0}b", InvalidId::Forbidden('\u{a0}')),
            ("a\tb", InvalidId::Forbidden('\t')),
            ("a\r\nPUB x", InvalidId::Forbidden('\r')),
            ("a\0", InvalidId::Forbidden('\0')),
            ("a\u{7f}", InvalidId::Forbidden('\u{7f}')),
            ("$SYS", InvalidId::Reserved),
        ];
        for (name, expected) in table {
            assert_eq!(name.parse::<Id>(), Err(expected), "{name:?}");
        }
        assert_eq!(
            "a".repeat(Id::MAX_LEN + 1).parse::<Id>(),
            Err(InvalidId::TooLong(256))
        );
        assert_eq!(
            InvalidId::Forbidden('\n').to_string(),
            "`\\n` is not allowed in one token of a NATS subject (nor are blanks, control characters, `.`, `*`, `>`)"
        );
    }
}
