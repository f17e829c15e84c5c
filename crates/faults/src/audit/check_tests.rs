//! Each kind of lie is found in a history that has it, and none in one that has not.

use super::*;
use crate::audit::history::Failure;

const SLACK: Slack = Slack {
    end: Duration::from_millis(10),
    execution: Duration::from_millis(20),
};
const BEGUN: u64 = 1_000_000;
const LIMIT: u64 = 50_000;

fn id(number: u32) -> CallId {
    CallId::new(1, 2, number)
}

fn failed(kind: RpcErrorKind, delivery: Delivery) -> Outcome {
    Outcome::Failed(Failure { kind, delivery })
}

fn not_sent() -> Failure {
    Failure {
        kind: RpcErrorKind::Transport,
        delivery: Delivery::NotSent,
    }
}

fn call(number: u32, attempts: &[Option<Failure>], outcome: Outcome) -> Call {
    Call {
        id: id(number),
        begun: BEGUN,
        took: LIMIT,
        limit: LIMIT,
        lag: 0,
        attempts: attempts.to_vec(),
        outcome,
    }
}

fn ran(number: u32, attempt: usize) -> Execution {
    Execution {
        attempt: id(number).attempt(attempt),
        at: BEGUN + 1,
    }
}

fn lies(calls: &[Call], executions: &[Execution]) -> Vec<Lie> {
    let history = History {
        begun: calls.len() as u64,
        calls: calls.to_vec(),
        executions: executions.to_vec(),
    };
    check(&history, SLACK).lies
}

#[test]
fn a_true_history_has_no_lies() {
    use Delivery::{Accepted, NotSent, Unknown};
    use RpcErrorKind::{LinkDenied, Timeout, Transport};
    let calls = [
        call(0, &[None], Outcome::Answered),
        // Repeated after what was not sent.
        call(1, &[Some(not_sent()), None], Outcome::Answered),
        call(
            2,
            &[Some(not_sent()), Some(not_sent())],
            failed(Transport, NotSent),
        ),
        call(3, &[], failed(LinkDenied, NotSent)),
        // It may have run, or not.
        call(4, &[None], failed(Timeout, Unknown)),
        call(5, &[None], failed(Timeout, Unknown)),
        call(6, &[None], failed(Transport, Accepted)),
    ];
    let executions = [ran(0, 0), ran(1, 1), ran(5, 0), ran(6, 0)];
    let history = History {
        begun: 7,
        calls: calls.to_vec(),
        executions: executions.to_vec(),
    };
    let verdict = check(&history, SLACK);
    assert_eq!(verdict.lies, []);
    assert_eq!(
        (verdict.calls(), verdict.answered(), verdict.executions),
        (7, 2, 4)
    );
    let unknown = verdict.endings["timeout unknown"];
    assert_eq!(unknown, Count { calls: 2, ran: 1 });
    let attempts = verdict.attempts["transport not-sent"];
    assert_eq!(attempts, Count { calls: 3, ran: 0 });
}

#[test]
fn what_was_not_sent_did_not_run() {
    let failure = failed(RpcErrorKind::Transport, Delivery::NotSent);
    let lie = [Lie::NotSent(id(0).attempt(0))];
    assert_eq!(
        lies(&[call(0, &[Some(not_sent())], failure)], &[ran(0, 0)]),
        lie
    );
    // Nor did it if the call says so, and none of its attempts.
    assert_eq!(lies(&[call(0, &[None], failure)], &[ran(0, 0)]), lie);
    // Nor if another attempt was answered.
    let retried = call(0, &[Some(not_sent()), None], Outcome::Answered);
    let found = lies(&[retried], &[ran(0, 0), ran(0, 1)]);
    assert_eq!(
        found,
        [Lie::Repeated(id(0)), Lie::NotSent(id(0).attempt(0))]
    );
}

#[test]
fn what_was_denied_did_not_run() {
    // Whatever it says of the delivery.
    let denied = failed(RpcErrorKind::LinkDenied, Delivery::Unknown);
    let found = lies(&[call(0, &[None], denied)], &[ran(0, 0)]);
    assert_eq!(found, [Lie::Denied(id(0).attempt(0))]);
    let history = History {
        begun: 1,
        calls: vec![call(0, &[None], denied), call(1, &[None], denied)],
        executions: vec![ran(0, 0)],
    };
    let evidence = found[0].evidence(&history);
    assert_eq!(evidence.matches("called at").count(), 1, "{evidence}");
    assert!(
        evidence.contains("ended in link-denied unknown after 50ms"),
        "{evidence}"
    );
    assert!(evidence.ends_with("1µs after the call"), "{evidence}");
}

#[test]
fn what_was_answered_ran_once() {
    let answered = call(0, &[None], Outcome::Answered);
    let answered = core::slice::from_ref(&answered);
    assert_eq!(lies(answered, &[]), [Lie::NeverRan(id(0))]);
    let twice = [ran(0, 0), ran(0, 0), ran(0, 0)];
    assert_eq!(
        lies(answered, &twice),
        [Lie::RanTwice(id(0).attempt(0))],
        "told once"
    );
}

#[test]
fn nothing_ran_twice_however_it_ended() {
    let unknown = failed(RpcErrorKind::Timeout, Delivery::Unknown);
    let unknown = call(0, &[None, None], unknown);
    let unknown = core::slice::from_ref(&unknown);
    let once = Lie::RanTwice(id(0).attempt(0));
    assert_eq!(lies(unknown, &[ran(0, 0), ran(0, 0)]), [once]);
    // Nor did two attempts at it.
    let found = lies(unknown, &[ran(0, 0), ran(0, 1)]);
    assert_eq!(found, [Lie::Repeated(id(0))]);
}

#[test]
fn an_answer_is_that_to_the_call() {
    let wrong = call(0, &[None], Outcome::WrongAnswer);
    assert_eq!(lies(&[wrong], &[ran(0, 0)]), [Lie::WrongAnswer(id(0))]);
}

#[test]
fn every_call_ends_typed_and_in_time() {
    let untyped = call(0, &[None], Outcome::Untyped);
    assert_eq!(lies(&[untyped], &[]), [Lie::Untyped(id(0))]);
    let hung = call(0, &[None], Outcome::Hung);
    assert_eq!(lies(&[hung], &[]), [Lie::Hung(id(0))]);

    let mut late = call(0, &[None], Outcome::Answered);
    late.took += 10_000;
    assert_eq!(
        lies(core::slice::from_ref(&late), &[ran(0, 0)]),
        [],
        "tolerated"
    );
    late.took += 1;
    let found = lies(core::slice::from_ref(&late), &[ran(0, 0)]);
    assert_eq!(found, [Lie::EndedLate(id(0), micros(1))]);
    // Its caller had no chance to end it in time.
    late.lag = 1;
    assert_eq!(lies(&[late], &[ran(0, 0)]), []);
}

#[test]
fn a_call_that_is_not_written_down_is_missed() {
    let history = History {
        begun: 2,
        calls: vec![call(0, &[], Outcome::Answered)],
        executions: vec![ran(0, 0)],
    };
    assert_eq!(check(&history, SLACK).lies, [Lie::Lost(1)]);
    // Nor is one that is there twice two.
    let denied = failed(RpcErrorKind::LinkDenied, Delivery::NotSent);
    let twice = [call(0, &[], denied), call(0, &[], denied)];
    let found = lies(&twice, &[]);
    assert_eq!(found, [Lie::Ambiguous(id(0)), Lie::Lost(1)]);
}

#[test]
fn what_runs_was_called_and_is_still_wanted() {
    let found = lies(&[], &[ran(0, 0), ran(0, 0)]);
    let attempt = id(0).attempt(0);
    assert_eq!(found, [Lie::RanTwice(attempt), Lie::Unasked(attempt)]);

    let unknown = failed(RpcErrorKind::Timeout, Delivery::Unknown);
    let unknown = call(0, &[None], unknown);
    let mut late = ran(0, 0);
    late.at = BEGUN + LIMIT + 20_000;
    assert_eq!(
        lies(core::slice::from_ref(&unknown), &[late]),
        [],
        "tolerated"
    );
    late.at += 1;
    assert_eq!(
        lies(&[unknown], &[late]),
        [Lie::RanLate(attempt, micros(1))]
    );
}

#[test]
fn verdicts_add_up() {
    let one = History {
        begun: 1,
        calls: vec![call(0, &[None], Outcome::Answered)],
        executions: vec![ran(0, 0)],
    };
    let other = History {
        begun: 1,
        calls: vec![call(1, &[None], Outcome::Answered)],
        executions: vec![],
    };
    let mut sum = check(&one, SLACK);
    sum.add(check(&other, SLACK));
    assert_eq!((sum.calls(), sum.executions), (2, 1));
    assert_eq!(sum.endings["answered"], Count { calls: 2, ran: 1 });
    assert_eq!(sum.lies, [Lie::NeverRan(id(1))]);
}
