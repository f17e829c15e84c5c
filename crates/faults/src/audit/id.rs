//! What tells calls and attempts apart.

use core::fmt;
use core::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The bits that tell the attempts at one call apart.
const ATTEMPTS: u64 = 0xf;

/// One attempt at a call. It travels at the beginning of the parameters, and is what a target
/// records.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AttemptId(u64);

/// One call of one worker of one caller, numbered from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CallId(u64);

impl CallId {
    /// The call with this number, of this worker of this caller.
    #[must_use]
    pub fn new(caller: u8, worker: u16, number: u32) -> Self {
        Self(u64::from(caller) << 56 | u64::from(worker) << 40 | u64::from(number) << 4)
    }

    /// The caller's number.
    #[must_use]
    pub fn caller(self) -> u8 {
        self.0.to_be_bytes()[0]
    }

    /// The worker and its caller, as one.
    #[must_use]
    pub fn worker(self) -> u64 {
        self.0 >> 40
    }

    /// The number among the worker's calls.
    #[must_use]
    pub fn number(self) -> u64 {
        self.0 >> 4 & u64::from(u32::MAX)
    }

    /// One of the attempts at the call. Those past the sixteenth would be one.
    #[must_use]
    pub fn attempt(self, number: usize) -> AttemptId {
        AttemptId(self.0 | u64::try_from(number).map_or(ATTEMPTS, |number| number.min(ATTEMPTS)))
    }
}

impl AttemptId {
    /// How many bytes it takes at the beginning of the parameters.
    pub const LEN: usize = size_of::<u64>();

    /// The call that this is an attempt at.
    #[must_use]
    pub fn call(self) -> CallId {
        CallId(self.0 & !ATTEMPTS)
    }

    /// Which attempt it is, counted from 0.
    #[must_use]
    pub fn number(self) -> u64 {
        self.0 & ATTEMPTS
    }

    /// As it travels.
    #[must_use]
    pub fn to_bytes(self) -> [u8; Self::LEN] {
        self.0.to_be_bytes()
    }

    /// The one at the beginning of these parameters.
    #[must_use]
    pub fn of_params(params: &[u8]) -> Option<Self> {
        let bytes = params.first_chunk::<{ Self::LEN }>()?;
        Some(Self(u64::from_be_bytes(*bytes)))
    }
}

impl fmt::Display for AttemptId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl FromStr for AttemptId {
    type Err = core::num::ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        u64::from_str_radix(text, 16).map(Self)
    }
}

impl fmt::Display for CallId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl Serialize for CallId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for CallId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        u64::deserialize(deserializer).map(|id| AttemptId(id).call())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_of_an_id_are_told_apart() {
        let call = CallId::new(7, 300, 70_000);
        assert_eq!((call.caller(), call.number()), (7, 70_000));
        assert_eq!(call.worker(), CallId::new(7, 300, 1).worker());
        assert_ne!(call.worker(), CallId::new(7, 301, 1).worker());
        assert_ne!(call.worker(), CallId::new(8, 300, 1).worker());
        for number in 0..16 {
            let attempt = call.attempt(number);
            assert_eq!(attempt.call(), call);
            assert_eq!(attempt.number(), number as u64);
        }
    }

    #[test]
    fn an_id_is_read_as_it_was_written() {
        let attempt = CallId::new(u8::MAX, u16::MAX, u32::MAX).attempt(3);
        assert_eq!(attempt.to_string().parse(), Ok(attempt));
        assert_eq!(AttemptId::of_params(&attempt.to_bytes()), Some(attempt));
        assert_eq!(AttemptId::of_params(&attempt.to_bytes()[1..]), None);
    }
}
