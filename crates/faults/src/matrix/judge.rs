//! What is wrong with what happened in a cell.

use core::time::Duration;
use std::collections::HashMap;

use wrpc_middleware_errors::Delivery;

use super::outcome::Outcome;
use super::stage::{BOUND, SLACK};
use crate::caller::HANDSHAKE_TIMEOUT;
use crate::speech::Ended;

/// What happened in a cell.
#[derive(Clone, Debug, Default)]
pub struct Observed {
    /// The end of the call that met the fault, if it ended.
    pub ended: Option<Ended>,
    /// Whether that call could only arrive after its deadline.
    pub is_expired: bool,
    /// The end of a call that no link permits, made at the same time.
    pub denied: Option<Ended>,
    /// The ends of all other calls: before, beside and after the fault.
    pub others: Vec<Ended>,
    /// How often each call was run.
    pub executions: HashMap<String, usize>,
    /// What was left behind.
    pub leftovers: Vec<String>,
}

/// What is wrong, `permits` being what is expected of the call that met the fault. Nothing, for a
/// cell that is as it should be.
pub fn judge(observed: &Observed, permits: impl Fn(Outcome) -> bool) -> Vec<String> {
    let mut wrong = Vec::new();
    match &observed.ended {
        None => wrong.push(format!("the call does not end within {BOUND:?}")),
        Some(ended) => {
            if let Ok(outcome) = ended.outcome.parse() {
                if Duration::from_millis(ended.millis) > bound(outcome) {
                    wrong.push(format!("{outcome} took {} ms", ended.millis));
                }
                if !permits(outcome) {
                    wrong.push(format!("{outcome} is not expected"));
                }
            }
        }
    }
    if let Some(Ended { id, .. }) = observed.ended.as_ref().filter(|_| observed.is_expired)
        && observed.executions.contains_key(id)
    {
        wrong.push("the call was run after its deadline".into());
    }
    match &observed.denied {
        None => wrong.push("the call that no link permits does not end".into()),
        Some(denied) if denied.outcome != "link-denied/not-sent" => {
            wrong.push(format!("the call that no link permits: {}", denied.outcome));
        }
        Some(_) => {}
    }
    let calls = observed.others.iter();
    for ended in calls.chain(&observed.ended).chain(&observed.denied) {
        let runs = observed.executions.get(&ended.id).copied();
        wrong.extend(contradiction(ended, runs.unwrap_or_default()));
    }
    wrong.extend(observed.leftovers.iter().cloned());
    wrong
}

/// How long a call may take that ends so: what was not accepted is known before the time for that is
/// over.
fn bound(outcome: Outcome) -> Duration {
    match outcome {
        Outcome::Failed(_, Delivery::NotSent | Delivery::Unknown) => HANDSHAKE_TIMEOUT + SLACK,
        Outcome::Ok | Outcome::Failed(_, Delivery::Accepted) => BOUND,
    }
}

/// What the caller was told that is not so, of a call that was run so often.
fn contradiction(ended: &Ended, runs: usize) -> Option<String> {
    let Ended { id, outcome, .. } = ended;
    let outcome = match outcome.parse::<Outcome>() {
        Ok(outcome) => outcome,
        Err(error) => return Some(format!("{id}: {error}: {}", ended.message)),
    };
    let is_possible = match outcome {
        Outcome::Ok => runs == 1,
        Outcome::Failed(_, Delivery::NotSent) => runs == 0,
        Outcome::Failed(..) => runs <= 1,
    };
    (!is_possible).then(|| format!("{id}: {outcome}, and was run {runs} times"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ended(id: &str, outcome: &str) -> Ended {
        Ended {
            id: id.into(),
            outcome: outcome.into(),
            message: String::new(),
            millis: 1,
        }
    }

    fn fine() -> Observed {
        Observed {
            ended: Some(ended("main", "timeout/accepted")),
            is_expired: false,
            denied: Some(ended("denied", "link-denied/not-sent")),
            others: vec![ended("warm-up", "ok")],
            executions: [("main".into(), 1), ("warm-up".into(), 1)].into(),
            leftovers: Vec::new(),
        }
    }

    /// What is wrong with a cell that would be fine without this change.
    fn wrong(change: impl FnOnce(&mut Observed)) -> String {
        let mut observed = fine();
        change(&mut observed);
        let is_late = |outcome: Outcome| outcome.to_string() == "timeout/accepted";
        judge(&observed, is_late).join("; ")
    }

    #[test]
    fn a_cell_that_is_as_it_should_be_passes() {
        assert_eq!(wrong(|_| ()), "");
    }

    #[test]
    fn each_lie_is_found() {
        let runs = |id: &'static str, runs| {
            move |observed: &mut Observed| {
                observed.executions.insert(id.into(), runs);
            }
        };
        let ends = |outcome: &'static str| {
            move |observed: &mut Observed| observed.ended = Some(ended("main", outcome))
        };
        let cases: [(String, &str); 12] = [
            (wrong(|cell| cell.ended = None), "does not end within"),
            (
                wrong(|cell| {
                    cell.ended.as_mut().unwrap().millis = 60_000;
                }),
                "took 60000 ms",
            ),
            (wrong(ends("transport/accepted")), "is not expected"),
            (wrong(ends("wrong")), "must not end as `wrong`"),
            (wrong(ends("timeout/not-sent")), "and was run 1 times"),
            (wrong(runs("main", 2)), "and was run 2 times"),
            (wrong(runs("warm-up", 0)), "ok, and was run 0 times"),
            (wrong(runs("warm-up", 2)), "ok, and was run 2 times"),
            (wrong(runs("denied", 1)), "not-sent, and was run 1 times"),
            (wrong(|cell| cell.is_expired = true), "after its deadline"),
            (wrong(|cell| cell.denied = None), "no link permits"),
            (wrong(|cell| cell.leftovers.push("a task".into())), "a task"),
        ];
        for (wrong, expected) in cases {
            assert!(wrong.contains(expected), "{wrong}: {expected}");
        }
    }
}
