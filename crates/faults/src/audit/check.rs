//! Whether what callers were told is what targets did: a pure function of what both wrote down.

use core::fmt;
use core::time::Duration;
use std::collections::{BTreeMap, HashMap, HashSet};

use wrpc_middleware_errors::{Delivery, RpcErrorKind};

use super::history::{Call, Execution, Outcome};
use super::id::{AttemptId, CallId};
use super::lie::Lie;

/// Everything that was written down of some time, after which nothing was under way any more.
#[derive(Clone, Debug, Default)]
pub struct History {
    /// How many calls were begun.
    pub begun: u64,
    /// The calls that ended, in any order.
    pub calls: Vec<Call>,
    /// What was run, in any order.
    pub executions: Vec<Execution>,
}

/// How late something may be, on a machine that has other things to do.
#[derive(Clone, Copy, Debug)]
pub struct Slack {
    /// The end of a call, after its deadline.
    pub end: Duration,
    /// The beginning of an execution, after the deadline of its call.
    pub execution: Duration,
}

/// How many calls ended in one way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    /// How many did.
    pub calls: u64,
    /// Of how many of them an attempt ran.
    pub ran: u64,
}

/// What an audit found.
#[derive(Clone, Debug, Default)]
pub struct Verdict {
    /// How calls ended.
    pub endings: BTreeMap<String, Count>,
    /// How single attempts ended that were not the end of their call, or failed before it.
    pub attempts: BTreeMap<String, Count>,
    /// How many executions there were.
    pub executions: u64,
    /// The longest that a call took beyond its deadline, but for what its caller was kept from
    /// ending it.
    pub latest: Duration,
    /// The longest that a caller was kept from what it had to do, during a call.
    pub longest_lag: Duration,
    /// What does not hold.
    pub lies: Vec<Lie>,
}

/// Holds what callers were told against what targets did.
#[must_use]
pub fn check(history: &History, slack: Slack) -> Verdict {
    let mut verdict = Verdict {
        executions: u64::try_from(history.executions.len()).unwrap_or(u64::MAX),
        ..Verdict::default()
    };
    let mut ran: HashMap<AttemptId, u64> = HashMap::new();
    for execution in &history.executions {
        let times = ran.entry(execution.attempt).or_default();
        *times += 1;
        if *times == 2 {
            verdict.lies.push(Lie::RanTwice(execution.attempt));
        }
    }
    let mut ran_of: HashMap<CallId, Vec<AttemptId>> = HashMap::new();
    for attempt in ran.keys() {
        ran_of.entry(attempt.call()).or_default().push(*attempt);
    }

    let mut deadlines = HashMap::new();
    for call in &history.calls {
        let deadline = call.begun.saturating_add(call.limit);
        if deadlines.insert(call.id, deadline).is_some() {
            verdict.lies.push(Lie::Ambiguous(call.id));
        }
        let ran = ran_of.get(&call.id).map_or(&[][..], Vec::as_slice);
        verdict.judge(call, ran, slack);
    }
    let ended = u64::try_from(deadlines.len()).unwrap_or(u64::MAX);
    if ended != history.begun {
        verdict.lies.push(Lie::Lost(history.begun.abs_diff(ended)));
    }
    let mut unasked = HashSet::new();
    for execution in &history.executions {
        let attempt = execution.attempt;
        match deadlines.get(&attempt.call()) {
            Some(deadline) => {
                let late = micros(execution.at.saturating_sub(*deadline));
                if late > slack.execution {
                    let late = late.saturating_sub(slack.execution);
                    verdict.lies.push(Lie::RanLate(attempt, late));
                }
            }
            None if unasked.insert(attempt) => verdict.lies.push(Lie::Unasked(attempt)),
            None => {}
        }
    }
    verdict
}

impl Verdict {
    /// Judges one call, of which these attempts ran.
    fn judge(&mut self, call: &Call, ran: &[AttemptId], slack: Slack) {
        count(&mut self.endings, &call.outcome, !ran.is_empty());
        if ran.len() > 1 {
            self.lies.push(Lie::Repeated(call.id));
        }
        for (number, failure) in call.attempts.iter().enumerate() {
            let attempt = call.id.attempt(number);
            let ran = ran.contains(&attempt);
            if let Some(failure) = failure {
                count(&mut self.attempts, failure, ran);
                if ran && failure.delivery == Delivery::NotSent {
                    self.lies.push(Lie::NotSent(attempt));
                }
            }
        }
        match call.outcome {
            Outcome::Answered if ran.is_empty() => self.lies.push(Lie::NeverRan(call.id)),
            Outcome::Answered => {}
            Outcome::WrongAnswer => self.lies.push(Lie::WrongAnswer(call.id)),
            Outcome::Failed(failure) => {
                for attempt in ran {
                    if failure.kind == RpcErrorKind::LinkDenied {
                        self.lies.push(Lie::Denied(*attempt));
                    }
                    if failure.delivery == Delivery::NotSent
                        && !self.lies.contains(&Lie::NotSent(*attempt))
                    {
                        self.lies.push(Lie::NotSent(*attempt));
                    }
                }
            }
            Outcome::Untyped => self.lies.push(Lie::Untyped(call.id)),
            Outcome::Hung => self.lies.push(Lie::Hung(call.id)),
        }
        self.longest_lag = self.longest_lag.max(micros(call.lag));
        let late = micros(
            call.took
                .saturating_sub(call.limit.saturating_add(call.lag)),
        );
        if call.outcome != Outcome::Hung {
            self.latest = self.latest.max(late);
            if late > slack.end {
                let late = late.saturating_sub(slack.end);
                self.lies.push(Lie::EndedLate(call.id, late));
            }
        }
    }

    /// Adds what another audit found.
    pub fn add(&mut self, other: Self) {
        for (sum, counts) in [
            (&mut self.endings, other.endings),
            (&mut self.attempts, other.attempts),
        ] {
            for (name, count) in counts {
                let sum = sum.entry(name).or_default();
                sum.calls += count.calls;
                sum.ran += count.ran;
            }
        }
        self.executions += other.executions;
        self.latest = self.latest.max(other.latest);
        self.longest_lag = self.longest_lag.max(other.longest_lag);
        self.lies.extend(other.lies);
    }

    /// How many calls ended.
    #[must_use]
    pub fn calls(&self) -> u64 {
        self.endings.values().map(|count| count.calls).sum()
    }

    /// How many of them were answered.
    #[must_use]
    pub fn answered(&self) -> u64 {
        let answered = self.endings.get(&Outcome::Answered.to_string());
        answered.map_or(0, |count| count.calls)
    }
}

fn count(counts: &mut BTreeMap<String, Count>, ending: &dyn fmt::Display, ran: bool) {
    let count = counts.entry(ending.to_string()).or_default();
    count.calls += 1;
    count.ran += u64::from(ran);
}

pub(super) fn micros(micros: u64) -> Duration {
    Duration::from_micros(micros)
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Answered => f.write_str("answered"),
            Self::WrongAnswer => f.write_str("wrong answer"),
            Self::Failed(failure) => failure.fmt(f),
            Self::Untyped => f.write_str("an error without a type"),
            Self::Hung => f.write_str("never"),
        }
    }
}

#[cfg(test)]
#[path = "check_tests.rs"]
mod tests;
