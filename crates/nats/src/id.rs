//! Names that nobody can guess.

use core::fmt;

/// The characters of an [`Id`].
pub(crate) const LEN: usize = 16;

/// 96 bits of a cryptographic generator, as a token of a subject (base64url).
///
/// Whoever knows the id of a call can speak for one of its ends, so ids are secrets shared by the
/// two.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Id([u8; LEN]);

impl Id {
    pub(crate) fn random() -> Self {
        let mut bits: u128 = rand::random();
        Self([(); LEN].map(|()| {
            let sextet = bits.to_le_bytes()[0] & 0x3f;
            bits >>= 6;
            character(sextet)
        }))
    }

    /// The id that `token` is, if it has the form of one.
    pub(crate) fn parse(token: &str) -> Option<Self> {
        token.as_bytes().try_into().ok().map(Self)
    }

    pub(crate) fn as_str(&self) -> &str {
        // Made of ASCII, or of a whole `str`.
        core::str::from_utf8(&self.0).unwrap_or_default()
    }

    /// A number below `parts`, the same for the same id.
    pub(crate) fn part(&self, parts: usize) -> usize {
        let [a, b, c, ..] = self.0.map(usize::from);
        (a ^ (b << 3) ^ (c << 6)) % parts
    }
}

fn character(sextet: u8) -> u8 {
    match sextet {
        0..=25 => b'A' + sextet,
        26..=51 => b'a' + (sextet - 26),
        52..=61 => b'0' + (sextet - 52),
        62 => b'-',
        _ => b'_',
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// An id is a secret.
impl fmt::Debug for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Id")
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn an_id_is_a_token_and_never_the_same() {
        let ids: HashSet<_> = (0..10_000).map(|_| Id::random()).collect();
        assert_eq!(ids.len(), 10_000);
        for id in ids {
            assert!(wrpc_middleware_transport::Target::is_valid(id.as_str()));
            assert!(!id.as_str().contains('.'));
            assert_eq!(Id::parse(id.as_str()), Some(id));
        }
        assert_eq!(Id::parse("short"), None);
    }

    #[test]
    fn every_sextet_has_a_character_of_its_own() {
        let all: HashSet<_> = (0..64).map(character).collect();
        assert_eq!(all.len(), 64);
    }
}
