//! Names that nobody can guess.

use core::fmt;
use core::hash::{BuildHasherDefault, Hash, Hasher};

/// The characters of an [`Id`].
pub(crate) const LEN: usize = 16;

/// 96 bits of a cryptographic generator, as a token of a subject (base64url).
///
/// Whoever knows the id of a call can speak for one of its ends, so ids are secrets shared by the
/// two.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Id([u8; LEN]);

impl Id {
    pub(crate) fn random() -> Self {
        // Six bits of each byte: what is not moved from one to the next is done for all at once.
        let mut id = [0; LEN];
        rand::fill(&mut id);
        for byte in &mut id {
            *byte = character(*byte & 0x3f);
        }
        Self(id)
    }

    /// The id that `token` is, if it has the form of one.
    pub(crate) fn parse(token: &str) -> Option<Self> {
        let id: [u8; LEN] = token.as_bytes().try_into().ok()?;
        // Without branches: all of them are looked at together.
        let is_id = id
            .iter()
            .fold(true, |is_id, byte| is_id & is_character(*byte));
        is_id.then_some(Self(id))
    }

    pub(crate) fn as_str(&self) -> &str {
        // It is of ASCII.
        core::str::from_utf8(&self.0).unwrap_or_default()
    }

    /// A number below `parts`, the same for the same id.
    pub(crate) fn part(&self, parts: usize) -> usize {
        let [a, b, c, ..] = self.0;
        (usize::from(a) ^ (usize::from(b) << 3) ^ (usize::from(c) << 6)) % parts
    }
}

#[expect(clippy::needless_bitwise_bool, reason = "see where it is used")]
const fn is_character(byte: u8) -> bool {
    byte.is_ascii_digit() | (byte | 0x20).is_ascii_lowercase() | (byte == b'-') | (byte == b'_')
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

/// A map by ids.
pub(crate) type IdMap<T> = hashbrown::HashMap<Id, T, BuildHasherDefault<IdHasher>>;

/// Ids are random, and none that a peer makes up becomes the key of anything: nothing is left for a
/// hash to do but to spread their bits.
#[derive(Default)]
pub(crate) struct IdHasher(u64);

impl Hasher for IdHasher {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64(u64::from(*byte));
        }
    }

    fn write_u64(&mut self, number: u64) {
        // The odd number nearest to 2^64 divided by the golden ratio.
        self.0 = (self.0.rotate_left(26) ^ number).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }

    fn finish(&self) -> u64 {
        self.0.rotate_left(26)
    }
}

impl Hash for Id {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let number = u128::from_le_bytes(self.0);
        // Each half has 48 random bits.
        for half in [number >> 64, number & u128::from(u64::MAX)] {
            state.write_u64(u64::try_from(half).unwrap_or_default());
        }
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
        for other in [
            "short",
            "sixteen.letters-",
            "sixteen-letters~",
            "sixteen byte: é",
        ] {
            assert_eq!(Id::parse(other), None, "{other}");
        }
    }

    #[test]
    fn an_id_is_of_base64url_alone() {
        let letters = (0..128).map(char::from).filter(|letter| {
            let token = format!("{}{letter}", "A".repeat(LEN - 1));
            Id::parse(&token).is_some()
        });
        let letters: HashSet<_> = letters.collect();
        assert_eq!(
            letters,
            (0..64).map(|sextet| character(sextet).into()).collect()
        );
    }

    #[test]
    fn hashes_are_spread() {
        let mut buckets = [[0_u32; 128]; 2];
        for _ in 0..128_000 {
            let mut hasher = IdHasher::default();
            Id::random().hash(&mut hasher);
            let hash = hasher.finish();
            // hashbrown looks for the lowest bits, and compares the highest.
            for (buckets, bits) in buckets.iter_mut().zip([hash & 127, hash >> 57]) {
                buckets[usize::try_from(bits).unwrap()] += 1;
            }
        }
        for count in buckets.into_iter().flatten() {
            assert!((700..1300).contains(&count), "{count} of 1,000");
        }
    }

    #[test]
    fn every_sextet_has_a_character_of_its_own() {
        let all: HashSet<_> = (0..64).map(character).collect();
        assert_eq!(all.len(), 64);
    }
}
