//! What the component should get.

use core::time::Duration;

use wrpc_middleware::{Delivery, RpcErrorKind};

use super::caller::Got;

/// The deadline of a call.
pub(super) const TIMEOUT: Duration = Duration::from_secs(2);

/// How long the target has to take it.
pub(super) const HANDSHAKE_TIMEOUT: Duration = Duration::from_millis(500);

/// After how long a silence of the target NATS is asked whether it is still there.
pub(super) const KEEPALIVE: Duration = Duration::from_millis(500);

/// What a call should bring.
pub(super) struct Expected {
    /// The failure; `None` for `ok`.
    failure: Option<(RpcErrorKind, Delivery)>,
    /// The least it takes.
    at_least: Duration,
    /// What it has to stay below.
    below: Duration,
}

impl Expected {
    pub(super) const OK: Self = Self {
        failure: None,
        at_least: Duration::ZERO,
        below: TIMEOUT,
    };
    pub(super) const DENIED: Self = Self::at_once(RpcErrorKind::LinkDenied);
    pub(super) const GONE: Self = Self::at_once(RpcErrorKind::TargetUnavailable);
    pub(super) const CUT_OFF: Self = Self::at_once(RpcErrorKind::Transport);
    pub(super) const LATE: Self = Self {
        failure: Some((RpcErrorKind::Timeout, Delivery::Accepted)),
        at_least: TIMEOUT,
        below: TIMEOUT.saturating_add(HANDSHAKE_TIMEOUT),
    };

    /// Known within two of its intervals, and not only at the deadline.
    pub(super) const KILLED: Self = Self {
        failure: Some((RpcErrorKind::TargetFailed, Delivery::Accepted)),
        at_least: Duration::ZERO,
        below: TIMEOUT,
    };

    /// A failure that is known without waiting for anybody.
    const fn at_once(kind: RpcErrorKind) -> Self {
        Self {
            failure: Some((kind, Delivery::NotSent)),
            at_least: Duration::ZERO,
            below: HANDSHAKE_TIMEOUT,
        }
    }

    /// Whether the call brought that.
    pub(super) fn is_met_by(&self, got: &Got, took: Duration) -> bool {
        let same = match (got, self.failure) {
            (Got::Ok(value), None) => value == "ok(\"hello, bob\")",
            (Got::Err { case, delivery, .. }, Some((kind, expected))) => {
                case == kind.as_str() && delivery == expected.as_str()
            }
            _ => false,
        };
        same && took >= self.at_least && took < self.below
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failed(case: &str, delivery: &str) -> Got {
        Got::Err {
            case: case.into(),
            delivery: delivery.into(),
            message: String::new(),
        }
    }

    #[test]
    fn case_delivery_and_time_all_have_to_fit() {
        let quick = Duration::from_millis(1);
        let denied = Expected::DENIED;
        assert!(denied.is_met_by(&failed("link-denied", "not-sent"), quick));
        assert!(!denied.is_met_by(&failed("link-denied", "unknown"), quick));
        assert!(!denied.is_met_by(&failed("timeout", "not-sent"), quick));
        assert!(!denied.is_met_by(&failed("link-denied", "not-sent"), TIMEOUT));
        assert!(!denied.is_met_by(&Got::Ok("ok(\"hello, bob\")".into()), quick));
        let late = failed("timeout", "accepted");
        assert!(Expected::LATE.is_met_by(&late, TIMEOUT));
        assert!(!Expected::LATE.is_met_by(&late, quick));
        assert!(Expected::OK.is_met_by(&Got::Ok("ok(\"hello, bob\")".into()), quick));
        assert!(!Expected::OK.is_met_by(&Got::Ok("ok(\"\")".into()), quick));
        assert!(!Expected::OK.is_met_by(&Got::Failed("ok".into()), quick));
    }
}
