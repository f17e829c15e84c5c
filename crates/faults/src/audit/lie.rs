//! What does not hold.

use core::fmt::{self, Write as _};
use core::time::Duration;

use super::check::{History, micros};
use super::id::{AttemptId, CallId};

/// What was claimed and does not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lie {
    /// An attempt ran more than once.
    RanTwice(AttemptId),
    /// More than one attempt at a call ran.
    Repeated(CallId),
    /// It was said not to be sent, and ran.
    NotSent(AttemptId),
    /// It was denied, and an attempt at it ran.
    Denied(AttemptId),
    /// It was answered, and nobody ran it.
    NeverRan(CallId),
    /// It was answered with something else.
    WrongAnswer(CallId),
    /// It failed with an error that is none of ours.
    Untyped(CallId),
    /// It ended after its deadline, by this much more than is tolerated.
    EndedLate(CallId, Duration),
    /// It did not end.
    Hung(CallId),
    /// It ran after its deadline, by this much more than is tolerated.
    RanLate(AttemptId, Duration),
    /// Something ran that nobody called, or nobody any more.
    Unasked(AttemptId),
    /// A call is written down twice.
    Ambiguous(CallId),
    /// Of so many calls that were begun there is nothing.
    Lost(u64),
}

impl Lie {
    /// The call that it is about.
    fn call(self) -> Option<CallId> {
        match self {
            Self::RanTwice(attempt)
            | Self::NotSent(attempt)
            | Self::Denied(attempt)
            | Self::RanLate(attempt, _)
            | Self::Unasked(attempt) => Some(attempt.call()),
            Self::Repeated(call)
            | Self::NeverRan(call)
            | Self::WrongAnswer(call)
            | Self::Untyped(call)
            | Self::EndedLate(call, _)
            | Self::Hung(call)
            | Self::Ambiguous(call) => Some(call),
            Self::Lost(_) => None,
        }
    }

    /// What was written down about it.
    #[must_use]
    pub fn evidence(self, history: &History) -> String {
        let is_of_it = |call: CallId| self.call() == Some(call);
        let mut evidence = self.to_string();
        let mut begun = None;
        for call in history.calls.iter().filter(|call| is_of_it(call.id)) {
            begun = Some(call.begun);
            // Writing to a string does not fail.
            let _ = write!(
                evidence,
                "; called at {}, ended in {} after {:?}, attempts {:?}",
                call.begun,
                call.outcome,
                micros(call.took),
                call.attempts,
            );
        }
        let executions = history.executions.iter();
        for execution in executions.filter(|execution| is_of_it(execution.attempt.call())) {
            let after = execution.at.saturating_sub(begun.unwrap_or_default());
            let _ = write!(
                evidence,
                "; attempt {} ran at {}, {:?} after the call",
                execution.attempt,
                execution.at,
                micros(after)
            );
        }
        evidence
    }
}

impl fmt::Display for Lie {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::RanTwice(attempt) => write!(f, "attempt {attempt} ran more than once"),
            Self::Repeated(call) => write!(f, "more than one attempt at call {call} ran"),
            Self::NotSent(attempt) => write!(f, "attempt {attempt} was `not-sent`, and ran"),
            Self::Denied(attempt) => write!(f, "attempt {attempt} was `link-denied`, and ran"),
            Self::NeverRan(call) => write!(f, "call {call} was answered, and did not run"),
            Self::WrongAnswer(call) => write!(f, "call {call} got the answer to something else"),
            Self::Untyped(call) => write!(f, "call {call} failed with an error without a type"),
            Self::EndedLate(call, late) => {
                write!(f, "call {call} ended {late:?} later than is tolerated")
            }
            Self::Hung(call) => write!(f, "call {call} did not end"),
            Self::RanLate(attempt, late) => {
                write!(f, "attempt {attempt} ran {late:?} later than is tolerated")
            }
            Self::Unasked(attempt) => write!(f, "attempt {attempt} ran, and nobody waited for it"),
            Self::Ambiguous(call) => write!(f, "call {call} is written down twice"),
            Self::Lost(calls) => write!(f, "of {calls} calls it is not known how they ended"),
        }
    }
}
