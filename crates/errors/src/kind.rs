//! What happened to the call.

use core::fmt;
use core::str::FromStr;

/// What happened to a call, one kind for each case of the WIT variant `rpc-error`.
///
/// [`as_str`](Self::as_str) is the one name of a kind: the WIT case, the metric label, the wire
/// header and [`Display`](fmt::Display) all use it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum RpcErrorKind {
    /// The deadline passed before the answer was complete.
    Timeout,
    /// No link permits the call. Nothing was sent.
    LinkDenied,
    /// Nobody serves the function, or nobody took the call in time.
    TargetUnavailable,
    /// The target took the call and ended it without a result.
    TargetFailed,
    /// The call was shed by a limit, a full queue or back-pressure.
    Overloaded,
    /// The connection to the broker failed, or the broker refused the message.
    Transport,
    /// Bytes that do not decode as the declared type, or exceed a limit.
    Protocol,
    /// Anything else.
    Other,
}

impl RpcErrorKind {
    /// Every kind, in the order of the WIT cases.
    pub const ALL: [Self; 8] = [
        Self::Timeout,
        Self::LinkDenied,
        Self::TargetUnavailable,
        Self::TargetFailed,
        Self::Overloaded,
        Self::Transport,
        Self::Protocol,
        Self::Other,
    ];

    /// The name of the WIT case.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Timeout => "timeout",
            Self::LinkDenied => "link-denied",
            Self::TargetUnavailable => "target-unavailable",
            Self::TargetFailed => "target-failed",
            Self::Overloaded => "overloaded",
            Self::Transport => "transport",
            Self::Protocol => "protocol",
            Self::Other => "other",
        }
    }
}

impl fmt::Display for RpcErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// The name is no kind of this version.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown kind of RPC error")]
pub struct UnknownKind;

impl FromStr for RpcErrorKind {
    type Err = UnknownKind;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|kind| kind.as_str() == name)
            .ok_or(UnknownKind)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_round_trips_through_its_name() {
        for kind in RpcErrorKind::ALL {
            assert_eq!(kind.as_str().parse(), Ok(kind));
            assert_eq!(kind.to_string(), kind.as_str());
        }
        assert_eq!("time-out".parse::<RpcErrorKind>(), Err(UnknownKind));
    }

    #[test]
    fn kinds_are_the_wit_cases_in_order() {
        let wit = include_str!("../../../wit/errors.wit");
        let variant = wit
            .split_once("variant rpc-error {")
            .and_then(|(_, rest)| rest.split_once('}'))
            .map(|(cases, _)| cases)
            .unwrap();
        let cases: Vec<_> = variant
            .lines()
            .filter_map(|line| line.trim().strip_suffix("(failure),"))
            .collect();
        assert_eq!(cases, RpcErrorKind::ALL.map(RpcErrorKind::as_str));
    }
}
