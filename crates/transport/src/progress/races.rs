//! One thread that sends a call, one that learns what became of it, and one that asks how far it came.

use super::*;
use crate::sync::thread;

/// Sends an attempt at a call while the broker, which may be quicker, says that it did not take it if it
/// is `refused`, and while somebody asks.
fn send(refused: bool) {
    let call = Progress::new("a:b/c", "f");
    let held = call.hold();
    let attempt = call.attempt();
    let is_sent = AtomicBool::new(false);
    thread::scope(|scope| {
        let (attempt, is_sent) = (&attempt, &is_sent);
        scope.spawn(move || {
            let held = attempt.hold();
            held.send();
            is_sent.store(true, Ordering::Release);
        });
        scope.spawn(move || {
            if refused {
                let error = RpcErrorKind::Transport;
                attempt.fail(RpcError::new(error, Delivery::NotSent, "refused"));
            }
        });
        let call = &call;
        scope.spawn(move || {
            for _ in 0..3 {
                let was_sent = is_sent.load(Ordering::Acquire);
                let known = [call.delivery(), attempt.delivery()];
                assert!(
                    refused || !was_sent || !known.contains(&Delivery::NotSent),
                    "{known:?}"
                );
                thread::yield_now();
            }
        });
    });
    let outer = if refused {
        Delivery::NotSent
    } else {
        Delivery::Unknown
    };
    assert_eq!(call.delivery(), outer);
    assert_eq!(attempt.delivery(), Delivery::Unknown, "it is not held");
    drop(held);
}

#[cfg(not(shuttle))]
#[test]
fn a_call_that_was_sent_counts_until_it_is_refused() {
    for n in 0..2000 {
        send(n % 2 == 0);
    }
}

#[cfg(shuttle)]
#[test]
fn a_call_that_was_sent_counts_until_it_is_refused() {
    wrpc_middleware_testing::interleavings::interleave(|| [false, true].into_iter().for_each(send));
}
