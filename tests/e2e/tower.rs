//! Middleware of others in one stack with ours.

use core::time::Duration;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_nats::Client;
use tokio::task::JoinSet;
use tower::buffer::BufferLayer;
use tower::limit::ConcurrencyLimitLayer as TowerConcurrencyLimitLayer;
use tower::retry::RetryLayer;
use tower::retry::budget::TpsBudget;
use tower::{ServiceBuilder, ServiceExt as _};
use wrpc_middleware::foreign::ForeignLayer;
use wrpc_middleware::limit::ConcurrencyLimitLayer;
use wrpc_middleware::link::LinkAuthorizationLayer;
use wrpc_middleware::liveness::TargetLivenessLayer;
use wrpc_middleware::retry::RetryPolicy;
use wrpc_middleware::timeout::TimeoutLayer;
use wrpc_middleware::{Delivery, Invocation, Invoker, RpcErrorKind, Target};
use wrpc_transport::Invoke;

use crate::support::guests;
use crate::support::raw_target::{Behaviour, RawTarget};
use crate::support::stack::{Cx, GREETER_PREFIX, LONG, TIMEOUT, context, host, links};
use crate::support::targets;
use crate::support::transports::NatsWire;
use wrpc_middleware_testing::nats::{NatsServer, round_trip};
use wrpc_middleware_testing::wait::{guard, until};

over_both!(
    towers_retry_repeats_what_was_not_sent_until_the_target_is_there,
    towers_retry_ends_with_the_last_failure,
    towers_timeout_bounds_the_handshake_and_ours_the_rest,
    towers_load_shed_sheds_what_the_limit_and_the_buffer_have_no_room_for,
    calls_that_are_open_after_the_handshake_keep_the_next_one_waiting,
    control_towers_limit_ends_at_the_handshake,
);

/// How a [`stack`] differs between tests.
struct Options {
    /// `tower`'s timeout.
    handshake: Duration,
    /// Our timeout.
    call: Duration,
    /// Our limit of calls that run at a time.
    calls: usize,
    /// How often `tower::retry` repeats a call.
    retries: u32,
}

const RELAXED: Options = Options {
    handshake: LONG,
    call: LONG,
    calls: 64,
    retries: 0,
};

/// `load_shed`, `timeout`, `buffer` and `retry` of `tower` between our authorization and our
/// other layers. Counts in `attempts` what passes all of `tower`'s.
async fn stack<N: NatsWire>(
    client: &Client,
    options: &Options,
    attempts: &Arc<AtomicUsize>,
) -> impl Invoke<Context = Cx> + Clone + use<N> {
    let leaf = N::leaf(client).await;
    let attempts = Arc::clone(attempts);
    let retry = RetryPolicy::new(options.retries)
        .backoff(Duration::from_millis(10), Duration::from_millis(50))
        .budget(Arc::new(TpsBudget::new(Duration::from_secs(1), 1_000, 1.0)));
    Invoker::new(
        ServiceBuilder::new()
            .layer(LinkAuthorizationLayer::new(links()))
            .layer(ForeignLayer::new())
            .load_shed()
            .timeout(options.handshake)
            .layer(BufferLayer::new(1))
            .layer(RetryLayer::new(retry))
            .layer(ConcurrencyLimitLayer::new(options.calls))
            .map_request(move |invocation: Invocation<Cx>| {
                attempts.fetch_add(1, Ordering::Relaxed);
                invocation
            })
            .layer(TimeoutLayer::new(options.call))
            .layer(TargetLivenessLayer::new(LONG))
            .service(leaf),
    )
}

async fn towers_retry_repeats_what_was_not_sent_until_the_target_is_there<N: NatsWire>() {
    let server = NatsServer::start().await;
    let client = server.connect().await;
    let attempts = Arc::default();
    let options = Options {
        retries: u32::MAX,
        ..RELAXED
    };
    let caller = host(
        &guests::caller(),
        stack::<N>(&client, &options, &attempts).await,
    );

    let call = tokio::spawn(async move { caller.greet("bob").await });
    until("some attempts without a target", async || {
        attempts.load(Ordering::Relaxed) >= 3
    })
    .await;
    let _target = targets::native::<N>(server.connect().await, GREETER_PREFIX).await;

    let answered = guard("the call", call).await.expect("no panic");
    assert_eq!(answered.wave(), r#"ok("hello, bob")"#);
}

async fn towers_retry_ends_with_the_last_failure<N: NatsWire>() {
    let server = NatsServer::start().await;
    let client = server.connect().await;
    let attempts = Arc::default();
    let options = Options {
        retries: 3,
        ..RELAXED
    };
    let caller = host(
        &guests::caller(),
        stack::<N>(&client, &options, &attempts).await,
    );

    let absent = guard("the call", caller.greet("bob")).await;

    absent.assert_failure(RpcErrorKind::TargetUnavailable, Delivery::NotSent);
    assert_eq!(attempts.load(Ordering::Relaxed), 4);
}

async fn towers_timeout_bounds_the_handshake_and_ours_the_rest<N: NatsWire>() {
    let server = NatsServer::start().await;
    let client = server.connect().await;
    let silent = Behaviour::NeverAccept;
    let silent = RawTarget::start(server.connect().await, GREETER_PREFIX, silent).await;
    let attempts = Arc::default();

    let options = Options {
        handshake: Duration::from_millis(500),
        ..RELAXED
    };
    let caller = host(
        &guests::caller(),
        stack::<N>(&client, &options, &attempts).await,
    );
    let unanswered = guard("tower's timeout", caller.greet("bob")).await;
    unanswered.assert_failure(RpcErrorKind::Timeout, Delivery::Unknown);

    drop(silent);
    let _target = targets::native::<N>(server.connect().await, GREETER_PREFIX).await;
    let options = Options {
        call: TIMEOUT,
        ..RELAXED
    };
    let caller = host(
        &guests::caller(),
        stack::<N>(&client, &options, &attempts).await,
    );
    let slow = guard("our timeout", caller.greet("slow")).await;
    slow.assert_failure(RpcErrorKind::Timeout, Delivery::Accepted);
}

async fn towers_load_shed_sheds_what_the_limit_and_the_buffer_have_no_room_for<N: NatsWire>() {
    let server = NatsServer::start().await;
    let client = server.connect().await;
    let accepted = Arc::new(AtomicUsize::new(0));
    let _target = counting_target(&server, &accepted).await;
    let options = Options {
        calls: 1,
        ..RELAXED
    };
    let caller = host(
        &guests::caller(),
        stack::<N>(&client, &options, &Arc::default()).await,
    );

    // At most one runs, one is held by the worker of the buffer, and one is in the buffer.
    let mut calls = JoinSet::new();
    for _ in 0..8 {
        let caller = caller.clone();
        calls.spawn(async move { caller.greet("bob").await });
    }
    for _ in 3..8 {
        let shed = guard("a call to be shed", calls.join_next()).await;
        let shed = shed.expect("a call").expect("no panic");
        shed.assert_failure(RpcErrorKind::Overloaded, Delivery::NotSent);
    }
    until("the first call to be taken", async || {
        accepted.load(Ordering::Relaxed) == 1
    })
    .await;
}

/// Accepts calls, counts them, and never answers.
async fn counting_target(server: &NatsServer, accepted: &Arc<AtomicUsize>) -> RawTarget {
    let accepted = Arc::clone(accepted);
    let client = server.connect().await;
    let behaviour = Behaviour::AcceptOnly;
    RawTarget::start_with(client, GREETER_PREFIX, behaviour, move || {
        accepted.fetch_add(1, Ordering::Relaxed);
    })
    .await
}

fn invocation() -> Invocation<Cx> {
    let greeter = Target::new("greeter").expect("a target");
    Invocation::new(context(), "test:app/greeter", "greet", vec![0].into()).with_target(greeter)
}

async fn calls_that_are_open_after_the_handshake_keep_the_next_one_waiting<N: NatsWire>() {
    let server = NatsServer::start().await;
    let client = server.connect().await;
    let accepted = Arc::new(AtomicUsize::new(0));
    let _target = counting_target(&server, &accepted).await;
    let service = ServiceBuilder::new()
        .layer(ConcurrencyLimitLayer::new(2))
        .layer(TargetLivenessLayer::new(LONG))
        .service(N::leaf(&client).await);

    let first = service.clone().oneshot(invocation()).await.expect("taken");
    let _second = service.clone().oneshot(invocation()).await.expect("taken");
    let mut third = core::pin::pin!(service.oneshot(invocation()));

    assert!(futures::poll!(&mut third).is_pending());
    // Whatever it sent would have been taken by now.
    round_trip(&client).await;
    until("both to be counted", async || {
        accepted.load(Ordering::Relaxed) == 2
    })
    .await;

    drop(first);
    guard("the third call to be taken", third)
        .await
        .expect("taken");
    until("three calls to be taken", async || {
        accepted.load(Ordering::Relaxed) == 3
    })
    .await;
}

async fn control_towers_limit_ends_at_the_handshake<N: NatsWire>() {
    let server = NatsServer::start().await;
    let client = server.connect().await;
    let accepted = Arc::new(AtomicUsize::new(0));
    let _target = counting_target(&server, &accepted).await;
    let service = ServiceBuilder::new()
        .layer(TowerConcurrencyLimitLayer::new(2))
        .layer(TargetLivenessLayer::new(LONG))
        .service(N::leaf(&client).await);

    let mut open = Vec::new();
    for _ in 0..3 {
        let call = service.clone().oneshot(invocation());
        open.push(guard("the call to be taken", call).await.expect("taken"));
    }

    until("three calls to be taken", async || {
        accepted.load(Ordering::Relaxed) == 3
    })
    .await;
}
