//! Calls whose fates are heard of in any order.

use std::sync::Arc;

use super::*;
use crate::sync::thread;

const CALLS: &str = "target.wrpc.0.0.1.test:app/echo.echo";

/// What becomes of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Refused,
    Answered,
    /// The NATS client never had it.
    Unsent,
    /// It is sent, and given up before anything was heard of it.
    Silent,
}

use Fate::{Answered, Refused, Silent, Unsent};

const FATES: [[Fate; 3]; 5] = [
    [Refused, Refused, Refused],
    [Refused, Answered, Refused],
    [Refused, Answered, Unsent],
    [Refused, Answered, Silent],
    [Answered, Unsent, Silent],
];

/// Every call by a thread of its own, with another that says that it was sent.
fn calls(fates: [Fate; 3]) {
    let violations = Violations::of_own_connection();
    let published = Mutex::new(Vec::<(Arc<Counted>, Fate)>::new());
    let judge = || {
        let published = published.lock().unwrap();
        for (call, fate) in &*published {
            let has_arrived = matches!(fate, Answered | Silent);
            let is_refused = violations.has_refused(call);
            assert!(!(is_refused && has_arrived), "{fate:?} of {fates:?}");
        }
    };
    thread::scope(|scope| {
        for fate in fates {
            let (violations, published, judge) = (&violations, &published, &judge);
            scope.spawn(move || {
                let call = Arc::new(violations.publish(CALLS));
                published.lock().unwrap().push((Arc::clone(&call), fate));
                if fate == Unsent {
                    return violations.forget(&call);
                }
                thread::scope(|scope| {
                    scope.spawn(|| call.sent());
                    match fate {
                        Refused if violations.refused(CALLS) => judge(),
                        Answered => violations.answered(&call),
                        _ => {}
                    }
                });
                violations.forget(&call);
                judge();
            });
        }
    });
    let published = published.into_inner().unwrap();
    for (call, fate) in &published {
        if *fate == Refused {
            let is_certain = !fates.contains(&Silent);
            assert_eq!(violations.has_refused(call), is_certain, "{fates:?}");
        }
    }
}

#[cfg(not(shuttle))]
#[test]
fn no_call_is_taken_for_refused_that_was_not() {
    for _ in 0..200 {
        FATES.into_iter().for_each(calls);
    }
}

#[cfg(shuttle)]
#[test]
fn no_call_is_taken_for_refused_that_was_not() {
    wrpc_middleware_testing::interleavings::interleave(|| FATES.into_iter().for_each(calls));
}
