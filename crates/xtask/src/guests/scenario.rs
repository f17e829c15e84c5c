//! What is broken, in which order, and what the guest should answer.
//!
//! The guests differ in nothing that can be seen from outside, so there is one table for all.

use std::ops::RangeInclusive;

use anyhow::Result;

use super::stage::{Answer, Pending, Stage, Target, until};

/// How often a guest tries at most.
const ATTEMPTS: usize = 4;

/// The cases in the order of the WIT, the status that a guest answers for each, and whether it
/// tries again where the call was not sent.
const CASES: [(&str, u16, bool); 8] = [
    ("timeout", 504, true),
    ("link-denied", 403, false),
    ("target-unavailable", 503, true),
    ("target-failed", 502, true),
    ("overloaded", 503, true),
    ("transport", 502, true),
    ("protocol", 502, false),
    ("other", 500, true),
];

/// In the order of the WIT.
const DELIVERIES: [&str; 3] = ["not-sent", "unknown", "accepted"];

/// A line of the table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Row {
    /// What was done.
    pub(super) what: String,
    /// What should come of it.
    pub(super) expected: Expected,
    /// What came of it instead, if it did.
    pub(super) instead: Option<String>,
}

/// What should come of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Expected {
    pub(super) status: u16,
    pub(super) body: String,
    /// The calls that reach the NATS server for it, those of others at the same time included.
    pub(super) calls: RangeInclusive<usize>,
}

/// Plays all of it.
///
/// # Errors
///
/// Something can't be started, or a request gets no answer at all. That an answer is not as
/// expected is a [`Row`].
pub(super) fn play(stage: &mut Stage) -> Result<Vec<Row>> {
    let mut rows = Rows(Vec::new());

    stage.start_target(Target::Greeter)?;
    rows.settle(stage, "everything is up", "name=bob", value("hello, bob"))?;
    rows.ask(
        stage,
        "a name that has to be encoded",
        "name=J%C3%BCrgen+%26+Zo%C3%AB",
        value("hello, Jürgen & Zoë"),
    )?;
    rows.ask(
        stage,
        "no name in the request",
        "",
        answer(400, "whom to greet? /?name=bob", 0),
    )?;

    // What the target returns is as good as what the host makes of a failure.
    for (number, (case, ..)) in CASES.iter().enumerate() {
        for (delivery_number, delivery) in DELIVERIES.iter().enumerate() {
            rows.ask(
                stage,
                &format!("the target returns {case}, {delivery}"),
                &format!("name=!{number}{delivery_number}"),
                failure(case, delivery),
            )?;
        }
    }

    rows.ask(
        stage,
        "the target traps",
        "name=!trap",
        failure("target-failed", "accepted"),
    )?;
    rows.ask(
        stage,
        "the target is too slow",
        "name=!slow",
        failure("timeout", "accepted"),
    )?;

    stage.unlink()?;
    let denied = failure("link-denied", "not-sent").calls(0..=0);
    rows.settle(stage, "the link is removed", "name=bob", denied)?;
    rows.ask(
        stage,
        "the same, with a default",
        "name=bob&default=hi",
        value("hi").calls(0..=0),
    )?;
    stage.link()?;
    rows.settle(
        stage,
        "the link is there again",
        "name=bob",
        value("hello, bob"),
    )?;

    stage.start_target(Target::Serial)?;
    let busy = occupy(stage)?;
    rows.ask(
        stage,
        "the target is busy",
        "name=bob",
        failure("overloaded", "not-sent"),
    )?;
    rows.push(
        "the target is busy at first",
        value("hello, bob").calls(2..=ATTEMPTS),
        &freed_after_first_attempt(stage, busy)?,
    );

    stage.start_target(Target::Misfit)?;
    rows.ask(
        stage,
        "the target has another interface",
        "name=bob",
        failure("protocol", "accepted"),
    )?;

    stage.start_target(Target::Greeter)?;
    stage.freeze_target()?;
    rows.ask(
        stage,
        "the target hangs",
        "name=bob",
        failure("target-unavailable", "unknown"),
    )?;
    stage.kill_target();

    let gone = failure("target-unavailable", "not-sent");
    rows.settle(stage, "there is no target", "name=bob", gone)?;
    rows.ask(
        stage,
        "the same, with a default",
        "name=bob&default=hi",
        value("hi").calls(ATTEMPTS..=ATTEMPTS),
    )?;

    stage.start_target(Target::Greeter)?;
    rows.ask(stage, "the target is back", "name=bob", value("hello, bob"))?;

    stage.kill_nats();
    let cut_off = failure("transport", "not-sent").calls(0..=0);
    rows.settle(stage, "NATS is killed", "name=bob", cut_off)?;
    stage.restart_nats()?;
    rows.settle(stage, "NATS is back", "name=bob", value("hello, bob"))?;
    Ok(rows.0)
}

fn answer(status: u16, body: &str, calls: usize) -> Expected {
    Expected {
        status,
        body: body.into(),
        calls: calls..=calls,
    }
}

/// The greeting, at the first attempt.
fn value(greeting: &str) -> Expected {
    answer(200, greeting, 1)
}

/// The case, after as many attempts as it is worth.
fn failure(case: &str, delivery: &str) -> Expected {
    let known = CASES.iter().find(|(name, ..)| *name == case);
    let (status, worth_it) = known.map_or((0, false), |(_, status, worth_it)| (*status, *worth_it));
    let again = worth_it && delivery == "not-sent";
    answer(
        status,
        &format!("{case}, {delivery}"),
        if again { ATTEMPTS } else { 1 },
    )
}

impl Expected {
    fn calls(self, calls: RangeInclusive<usize>) -> Self {
        Self { calls, ..self }
    }

    /// What is not as it should be, if anything.
    fn instead(&self, got: &Got) -> Option<String> {
        let Answer {
            status,
            retry_after,
            body,
        } = &got.answer;
        let retry_after_expected = (self.status == 503).then_some("1");
        if *status != self.status || *body != self.body {
            Some(format!("answered {status} {body}"))
        } else if retry_after.as_deref() != retry_after_expected {
            Some(format!("Retry-After is {retry_after:?}"))
        } else if !self.calls.contains(&got.calls) {
            Some(format!("{} calls were sent", got.calls))
        } else {
            None
        }
    }
}

/// What came of a request.
#[derive(Debug)]
struct Got {
    answer: Answer,
    calls: usize,
}

/// Holds the one call that the target takes at a time, until what is returned is dropped.
fn occupy(stage: &Stage) -> Result<Pending> {
    let before = stage.calls();
    let busy = stage.ask("name=!slow")?;
    until("the target to be busy", || {
        Ok((stage.calls() > before).then_some(()))
    })?;
    Ok(busy)
}

/// A request whose first attempt meets a busy target, which is freed after that.
fn freed_after_first_attempt(stage: &Stage, busy: Pending) -> Result<Got> {
    let before = stage.calls();
    let pending = stage.ask("name=bob")?;
    until("the first attempt", || {
        Ok((stage.calls() > before).then_some(()))
    })?;
    drop(busy);
    let answer = pending.answer()?;
    let calls = stage.calls() - before;
    Ok(Got { answer, calls })
}

/// The table so far.
struct Rows(Vec<Row>);

impl Rows {
    fn push(&mut self, what: &str, expected: Expected, got: &Got) {
        let instead = expected.instead(got);
        self.0.push(Row {
            what: what.into(),
            expected,
            instead,
        });
    }

    /// Asks once.
    fn ask(&mut self, stage: &Stage, what: &str, query: &str, expected: Expected) -> Result<()> {
        let got = ask(stage, query)?;
        self.push(what, expected, &got);
        Ok(())
    }

    /// Asks until the answer is as expected: the host notices by itself, and soon, what has
    /// happened to links and to NATS, and NATS what has happened to the target.
    fn settle(&mut self, stage: &Stage, what: &str, query: &str, expected: Expected) -> Result<()> {
        let mut last = None;
        let settled = until(what, || {
            let got = ask(stage, query)?;
            let fits = expected.instead(&got).is_none();
            last = Some(got);
            Ok(fits.then_some(()))
        });
        match last {
            Some(got) => self.push(what, expected, &got),
            None => settled?,
        }
        Ok(())
    }
}

fn ask(stage: &Stage, query: &str) -> Result<Got> {
    let before = stage.calls();
    let answer = stage.ask(query)?.answer()?;
    let calls = stage.calls() - before;
    Ok(Got { answer, calls })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn got(status: u16, retry_after: Option<&str>, body: &str, calls: usize) -> Got {
        let answer = Answer {
            status,
            retry_after: retry_after.map(Into::into),
            body: body.into(),
        };
        Got { answer, calls }
    }

    #[test]
    fn status_body_header_and_calls_all_have_to_fit() {
        let busy = failure("overloaded", "not-sent");
        let body = "overloaded, not-sent";
        assert_eq!(busy.instead(&got(503, Some("1"), body, 4)), None);
        for wrong in [
            got(500, Some("1"), body, 4),
            got(503, None, body, 4),
            got(503, Some("1"), "overloaded, unknown", 4),
            got(503, Some("1"), body, 3),
        ] {
            assert!(busy.instead(&wrong).is_some(), "{wrong:?}");
        }
        let failed = failure("target-failed", "accepted");
        let body = "target-failed, accepted";
        assert_eq!(failed.instead(&got(502, None, body, 1)), None);
        assert!(failed.instead(&got(502, Some("1"), body, 1)).is_some());
        assert!(failed.instead(&got(502, None, body, 2)).is_some());
    }

    #[test]
    fn the_cases_are_those_of_the_wit() {
        let wit = include_str!("../../../../wit/errors.wit");
        let (_, variant) = wit.split_once("variant rpc-error {").unwrap();
        let cases: Vec<_> = variant
            .lines()
            .filter_map(|line| line.trim().strip_suffix("(failure),"))
            .collect();
        assert_eq!(cases, CASES.map(|(case, ..)| case));
    }
}
