//! The functions that targets serve, and what they answer.

use rand::RngExt as _;
use rand::rngs::Xoshiro256PlusPlus;
use rand::seq::IndexedRandom as _;

use super::id::AttemptId;

/// The instance that exports them.
pub const INSTANCE: &str = "audit:calls/run@0.1.0";

/// Its interface, as links name it.
pub const INTERFACE: &str = "audit:calls/run";

/// What the parameters begin with: the attempt, and how much follows.
pub const HEAD: usize = AttemptId::LEN + size_of::<u32>();

/// A function of a target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Function {
    /// Answers at once: usually in a single message.
    Quick,
    /// Works for some milliseconds first.
    Slow,
    /// Takes parameters of many messages, and answers with as many.
    Bulk,
    /// Works until nobody wants the answer any more.
    Endless,
}

impl Function {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Quick, Self::Slow, Self::Bulk, Self::Endless];

    /// The name that it is called by.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Quick => "quick",
            Self::Slow => "slow",
            Self::Bulk => "bulk",
            Self::Endless => "endless",
        }
    }

    /// Out of a thousand calls, how many call it.
    const fn weight(self) -> u32 {
        match self {
            Self::Quick => 850,
            Self::Slow => 128,
            Self::Bulk => 20,
            Self::Endless => 2,
        }
    }

    /// Draws one.
    #[must_use]
    pub fn draw(rng: &mut Xoshiro256PlusPlus) -> Self {
        let drawn = Self::ALL.choose_weighted(rng, |function| function.weight());
        drawn.copied().unwrap_or(Self::Quick)
    }

    /// Parameters of a call of it, but for the attempt, which is 0.
    #[must_use]
    pub fn params(self, attempt: AttemptId, rng: &mut Xoshiro256PlusPlus) -> Vec<u8> {
        let len = match self {
            Self::Bulk => rng.random_range(50_000..200_000),
            _ => rng.random_range(1_u32..64),
        };
        let mut params = attempt.to_bytes().to_vec();
        params.extend(len.to_be_bytes());
        let payload = params.len();
        params.resize(payload + usize::try_from(len).unwrap_or_default(), 0);
        if let Some(payload) = params.get_mut(payload..) {
            rng.fill(payload);
        }
        params
    }
}

/// How many bytes follow the head of these parameters.
#[must_use]
pub fn payload_len(params: &[u8]) -> Option<usize> {
    let len = params.get(AttemptId::LEN..)?.first_chunk()?;
    usize::try_from(u32::from_be_bytes(*len)).ok()
}

/// What a target makes of parameters: neither they nor the answer to other ones.
pub fn answer(bytes: &mut [u8]) {
    for byte in bytes {
        *byte = !*byte;
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng as _;

    use super::super::id::CallId;
    use super::*;

    #[test]
    fn parameters_say_their_attempt_and_length() {
        let rng = &mut Xoshiro256PlusPlus::seed_from_u64(1);
        for function in Function::ALL {
            let attempt = CallId::new(1, 2, 3).attempt(0);
            let params = function.params(attempt, rng);
            assert_eq!(AttemptId::of_params(&params), Some(attempt));
            assert_eq!(payload_len(&params), Some(params.len() - HEAD));
        }
        assert_eq!(payload_len(&[0; HEAD - 1]), None);
    }

    #[test]
    fn weights_are_out_of_a_thousand() {
        assert_eq!(
            Function::ALL.map(Function::weight).iter().sum::<u32>(),
            1_000
        );
    }
}
