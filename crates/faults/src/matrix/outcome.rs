//! How a call ends.

use core::fmt;
use core::str::FromStr;

use wrpc_middleware_errors::{Delivery, RpcErrorKind};

/// How a call may end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// With the right answer.
    Ok,
    /// With a typed error.
    Failed(RpcErrorKind, Delivery),
}

/// What is no [`Outcome`]: an answer that is not the right one, above all.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a call must not end as `{0}`")]
pub struct NoOutcome(String);

impl FromStr for Outcome {
    type Err = NoOutcome;

    fn from_str(text: &str) -> Result<Self, NoOutcome> {
        if text == "ok" {
            return Ok(Self::Ok);
        }
        let parts = text.split_once('/');
        let parse = |(kind, delivery): (&str, &str)| {
            Some(Self::Failed(kind.parse().ok()?, delivery.parse().ok()?))
        };
        parts
            .and_then(parse)
            .ok_or_else(|| NoOutcome(text.to_owned()))
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ok => f.pad("ok"),
            Self::Failed(kind, delivery) => f.pad(&format!("{kind}/{delivery}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outcomes_are_read_as_they_are_written() {
        let failed = Outcome::Failed(RpcErrorKind::TargetFailed, Delivery::Accepted);
        for outcome in [Outcome::Ok, failed] {
            assert_eq!(outcome.to_string().parse(), Ok(outcome));
        }
        for text in ["wrong", "", "ok/ok", "timeout", "timeout/never"] {
            assert!(text.parse::<Outcome>().is_err(), "{text}");
        }
    }
}
