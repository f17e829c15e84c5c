//! What each layer makes of what the leaf alone sees.

use core::time::Duration;

use wrpc_middleware_errors::{Delivery, RpcErrorKind};

use crate::case::{Case, Reach};
use crate::clock::{HANDSHAKE, TIMEOUT};
use crate::{Layering, Outcome, Scenario, Testbed, Verdict};

/// How a call has to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Expectation {
    pub(crate) outcome: Outcome,
    /// How far the clock has to be moved for that, once the call has come as far as it is to.
    pub(crate) after: Option<Duration>,
    /// How many of the calls reach the transport.
    pub(crate) reached: usize,
}

impl Expectation {
    /// What is expected of `T` in `scenario` under `layering`.
    pub(crate) fn of<T: Testbed>(scenario: Scenario, layering: Layering) -> Self {
        let case = Case::of(scenario);
        let acceptance = is_acceptance_proven::<T>();
        let leaf = Verdict::of(T::CANNOT_TELL, scenario).outcome(scenario);
        let calls = calls(scenario, case);
        let awaits_handshake = layering.awaits_handshake() && acceptance;
        let (outcome, after, stopped) = match (scenario, leaf) {
            (Scenario::LinkDenied, _) if layering.authorizes() => (denied(), None, true),
            (Scenario::ConcurrencyLimit, _) if layering.limits() => (shed(), None, true),
            (Scenario::FailFast, Outcome::Waits) if awaits_handshake => (left_alone(), None, true),
            // It is what is known of the call that is looked at, and not how it ends.
            (Scenario::Acceptance, _) => (leaf, None, false),
            (_, Outcome::Waits) if case.reach == Reach::Sent && awaits_handshake => {
                (silent(), Some(HANDSHAKE), false)
            }
            (_, Outcome::Waits) if layering.times_out() => {
                (timed_out(case.reach, acceptance), Some(TIMEOUT), false)
            }
            // The control has as much time.
            (_, Outcome::Waits) => (leaf, Some(TIMEOUT), false),
            _ => (leaf, None, false),
        };
        Self {
            outcome,
            after,
            reached: calls - usize::from(stopped),
        }
    }
}

/// Whether `T` declares that its leaf shows when the target has taken a call.
pub(crate) fn is_acceptance_proven<T: Testbed>() -> bool {
    Verdict::of(T::CANNOT_TELL, Scenario::Acceptance) == Verdict::Proves
}

/// How many calls are made.
fn calls(scenario: Scenario, case: Case) -> usize {
    match scenario {
        Scenario::ErrorValue => crate::value::error_values().count(),
        Scenario::FailFast => 2,
        _ => 1 + usize::from(case.before.is_some()),
    }
}

const fn denied() -> Outcome {
    Outcome::Fails(RpcErrorKind::LinkDenied, Delivery::NotSent)
}

const fn shed() -> Outcome {
    Outcome::Fails(RpcErrorKind::Overloaded, Delivery::NotSent)
}

const fn left_alone() -> Outcome {
    Outcome::Fails(RpcErrorKind::TargetUnavailable, Delivery::NotSent)
}

pub(crate) const fn silent() -> Outcome {
    Outcome::Fails(RpcErrorKind::TargetUnavailable, Delivery::Unknown)
}

const fn timed_out(reach: Reach, acceptance: bool) -> Outcome {
    Outcome::Fails(RpcErrorKind::Timeout, reach.delivery(acceptance))
}
