//! The retry policy alone, on paused time.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use core::time::Duration;
use std::sync::{Arc, Mutex};

use support::{INSTANCE, invocation};
use tokio::time::Instant;
use tower::retry::RetryLayer;
use tower::retry::budget::TpsBudget;
use tower::{Layer as _, Service, ServiceExt as _, service_fn};
use wrpc_middleware_transport::retry::RetryPolicy;
use wrpc_middleware_transport::timeout::TimeoutLayer;
use wrpc_middleware_transport::{Channels, Delivery, Invocation, Progress, RpcError, RpcErrorKind};

type Times = Arc<Mutex<Vec<Duration>>>;

fn error(kind: RpcErrorKind, delivery: Delivery) -> RpcError {
    RpcError::new(kind, delivery, "f: no")
}

/// Fails the first `failures` calls, then succeeds; notes when it was called.
fn failing(
    failures: usize,
    kind: RpcErrorKind,
    delivery: Delivery,
) -> (
    Times,
    impl Service<Invocation<()>, Response = Channels<(), ()>, Error = RpcError, Future: Send> + Clone,
) {
    let start = Instant::now();
    let times = Times::default();
    let service = service_fn({
        let times = Arc::clone(&times);
        move |_: Invocation<()>| {
            let mut times = times.lock().unwrap();
            times.push(start.elapsed());
            core::future::ready(if times.len() <= failures {
                Err(error(kind, delivery))
            } else {
                Ok(Channels {
                    outgoing: (),
                    incoming: (),
                    progress: Progress::new(INSTANCE, "f"),
                })
            })
        }
    });
    (times, service)
}

#[tokio::test(start_paused = true)]
async fn only_what_is_safe_and_of_use_is_repeated() {
    for kind in RpcErrorKind::ALL {
        for delivery in Delivery::ALL {
            let (times, service) = failing(1, kind, delivery);
            let result = RetryLayer::new(RetryPolicy::new(3))
                .layer(service)
                .oneshot(invocation())
                .await;
            let repeated = times.lock().unwrap().len() == 2;
            let expected = delivery == Delivery::NotSent
                && matches!(
                    kind,
                    RpcErrorKind::TargetUnavailable
                        | RpcErrorKind::Overloaded
                        | RpcErrorKind::Transport
                );
            assert_eq!(
                (repeated, result.is_ok()),
                (expected, expected),
                "{kind} {delivery}"
            );
        }
    }
}

#[tokio::test(start_paused = true)]
async fn waits_grow_up_to_the_longest_and_are_shortened_by_half_at_most() {
    let (times, service) = failing(usize::MAX, RpcErrorKind::Transport, Delivery::NotSent);
    let policy =
        RetryPolicy::new(5).backoff(Duration::from_millis(100), Duration::from_millis(400));
    let result = RetryLayer::new(policy)
        .layer(service)
        .oneshot(invocation())
        .await;
    assert_eq!(result.unwrap_err().kind(), RpcErrorKind::Transport);
    let times = times.lock().unwrap();
    let waits: Vec<_> = times
        .windows(2)
        .map(|pair| pair[1].saturating_sub(pair[0]))
        .collect();
    assert_eq!(waits.len(), 5);
    for (wait, full) in waits
        .into_iter()
        .zip([100, 200, 400, 400, 400].map(Duration::from_millis))
    {
        // The clock ticks in milliseconds.
        let tick = Duration::from_millis(1);
        assert!(
            wait >= full / 2 && wait <= full + tick,
            "{wait:?} of {full:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn no_wait_goes_beyond_the_deadline() {
    let (times, service) = failing(usize::MAX, RpcErrorKind::Transport, Delivery::NotSent);
    let policy = RetryPolicy::new(9).backoff(Duration::from_secs(1), Duration::from_secs(1));
    let service = TimeoutLayer::new(Duration::from_millis(1600))
        .layer(RetryLayer::new(policy).layer(service));
    let start = Instant::now();
    let error = service.oneshot(invocation()).await.unwrap_err();
    assert_eq!(
        (error.kind(), error.delivery()),
        (RpcErrorKind::Transport, Delivery::NotSent)
    );
    assert!(start.elapsed() < Duration::from_millis(1600));
    assert!(times.lock().unwrap().len() >= 2);
}

#[tokio::test(start_paused = true)]
async fn an_empty_budget_ends_it() {
    let (times, service) = failing(usize::MAX, RpcErrorKind::Transport, Delivery::NotSent);
    let budget = Arc::new(TpsBudget::new(Duration::from_secs(10), 0, 0.0));
    let policy = RetryPolicy::new(9).budget(budget);
    RetryLayer::new(policy)
        .layer(service)
        .oneshot(invocation())
        .await
        .unwrap_err();
    assert_eq!(times.lock().unwrap().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn each_call_has_attempts_of_its_own() {
    let (times, service) = failing(usize::MAX, RpcErrorKind::Transport, Delivery::NotSent);
    let service = RetryLayer::new(RetryPolicy::new(1)).layer(service);
    for calls in 1..=3 {
        service.clone().oneshot(invocation()).await.unwrap_err();
        assert_eq!(times.lock().unwrap().len(), 2 * calls);
    }
}

#[tokio::test(start_paused = true)]
async fn a_timeout_outside_knows_that_a_second_attempt_was_sent() {
    let attempts = Arc::new(Mutex::new(0));
    let service = service_fn(move |invocation: Invocation<()>| {
        let attempt = {
            let mut attempts = attempts.lock().unwrap();
            *attempts += 1;
            *attempts
        };
        async move {
            if attempt == 1 {
                return Err(error(RpcErrorKind::Transport, Delivery::NotSent));
            }
            invocation.progress().accepted();
            core::future::pending::<Result<Channels<(), ()>, RpcError>>().await
        }
    });
    let service = TimeoutLayer::new(Duration::from_secs(9))
        .layer(RetryLayer::new(RetryPolicy::new(1)).layer(service));
    let error = service.oneshot(invocation()).await.unwrap_err();
    assert_eq!(
        (error.kind(), error.delivery()),
        (RpcErrorKind::Timeout, Delivery::Accepted)
    );
}
