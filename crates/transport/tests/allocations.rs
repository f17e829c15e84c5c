//! What a call over a transport that answers at once allocates, on each way that it can take: it
//! does not jitter, where time does.
//!
//! Two allocations are the same on most ways: the call's `Progress`, with the names of the function
//! and its instance in it unless they are long, and the leaf's future. An error is one more.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

mod support;

use core::pin::pin;
use core::task::{self, Poll, Waker};
use core::time::Duration;
use std::backtrace::{Backtrace, BacktraceStatus};

use allocation_counter::{AllocationInfo, measure};
use bytes::Bytes;
use futures::FutureExt as _;
use support::immediate::{Immediate, call};
use support::{FUNC, INSTANCE, assert_rpc};
use tokio::time::{Instant, advance};
use tower::retry::RetryLayer;
use tower::{Layer as _, Service, ServiceBuilder, ServiceExt as _};
use wrpc_middleware_transport::foreign::ForeignLayer;
use wrpc_middleware_transport::limit::ConcurrencyLimitLayer;
use wrpc_middleware_transport::link::{Link, LinkAuthorizationLayer, LinkTable};
use wrpc_middleware_transport::liveness::TargetLivenessLayer;
use wrpc_middleware_transport::retry::RetryPolicy;
use wrpc_middleware_transport::timeout::TimeoutLayer;
use wrpc_middleware_transport::{
    CallContext as _, Context as Cx, Delivery, Invocation, Invoker, RpcError, RpcErrorKind, Stack,
    Target,
};
use wrpc_transport::Invoke as _;

const LIMIT: Duration = Duration::from_secs(2);
const HANDSHAKE: Duration = Duration::from_millis(500);

fn links() -> LinkTable {
    let interface = "test:app/greeter".parse().unwrap();
    let link = Link::new("client", Target::new("greeter").unwrap(), interface);
    LinkTable::new([link]).unwrap()
}

fn stack() -> Stack<LinkTable> {
    Stack::new(links())
        .timeout(LIMIT)
        .handshake_timeout(HANDSHAKE)
}

fn client() -> Cx<()> {
    Cx::new(()).with_source("client")
}

/// Makes the call of a context and drops what comes of it, but for an error.
async fn outcome<S>(service: &S, cx: &Cx<()>) -> Result<(), RpcError>
where
    S: Service<Invocation<Cx<()>>, Error = RpcError> + Clone,
{
    let mut invocation = Invocation::new(cx.clone(), INSTANCE, FUNC, Bytes::new());
    invocation.deadline = cx.deadline();
    service.clone().oneshot(invocation).await.map(drop)
}

#[track_caller]
fn assert_allocations(info: AllocationInfo, expected: u64) {
    assert_eq!(info.count_total, expected, "allocations");
    assert_nothing_stays(info);
}

#[track_caller]
fn assert_nothing_stays(info: AllocationInfo) {
    assert_eq!(info.count_current, 0, "something stays behind");
}

/// Asserts that a call succeeds at once with so many allocations.
#[track_caller]
fn succeeds<S>(service: &S, expected: u64)
where
    S: Service<Invocation<Cx<()>>, Error = RpcError> + Clone,
{
    let cx = client();
    let call = || outcome(service, &cx).now_or_never();
    // The first call makes what stays.
    call().expect("an outcome at once").unwrap();
    let info = measure(|| assert!(matches!(call(), Some(Ok(())))));
    assert_allocations(info, expected);
}

/// Asserts that a call fails at once, so, with so many allocations.
#[track_caller]
fn fails<S>(service: &S, cx: &Cx<()>, (kind, delivery): (RpcErrorKind, Delivery), expected: u64)
where
    S: Service<Invocation<Cx<()>>, Error = RpcError> + Clone,
{
    let call = || outcome(service, cx).now_or_never();
    let error = call().expect("an outcome at once").unwrap_err();
    assert_rpc(&error, kind, delivery);
    let info = measure(|| assert!(matches!(call(), Some(Err(_)))));
    assert_allocations(info, expected);
}

/// Asserts that a call fails after `wait`, so, with so many allocations.
async fn fails_after<S>(
    wait: Duration,
    service: &S,
    (kind, delivery): (RpcErrorKind, Delivery),
    expected: u64,
) where
    S: Service<Invocation<Cx<()>>, Error = RpcError> + Clone,
{
    let cx = client();
    let mut info = AllocationInfo::default();
    // The first one makes what stays.
    for _ in 0..2 {
        info = AllocationInfo::default();
        let mut call = pin!(outcome(service, &cx));
        let mut poll = || {
            let mut polled = Poll::Pending;
            info += measure(|| {
                polled = call
                    .as_mut()
                    .poll(&mut task::Context::from_waker(Waker::noop()));
            });
            polled
        };
        assert!(poll().is_pending());
        advance(wait).await;
        let Poll::Ready(Err(error)) = poll() else {
            panic!("it still waits, or has succeeded");
        };
        assert_rpc(&error, kind, delivery);
        info += measure(|| drop(error));
    }
    assert_allocations(info, expected);
}

#[tokio::test]
async fn success_over_no_layer() {
    succeeds(&Immediate::Taken.leaf(), 2);
}

#[tokio::test]
async fn success_with_link_authorization() {
    succeeds(
        &LinkAuthorizationLayer::new(links()).layer(Immediate::Taken.leaf()),
        2,
    );
}

#[tokio::test]
async fn success_with_a_timeout() {
    succeeds(&TimeoutLayer::new(LIMIT).layer(Immediate::Taken.leaf()), 2);
}

#[tokio::test]
async fn success_with_target_liveness() {
    succeeds(
        &TargetLivenessLayer::new(HANDSHAKE).layer(Immediate::Taken.leaf()),
        2,
    );
}

/// Its streams share the permit.
#[tokio::test]
async fn success_with_a_concurrency_limit() {
    succeeds(
        &ConcurrencyLimitLayer::new(1).layer(Immediate::Taken.leaf()),
        3,
    );
}

#[tokio::test]
async fn success_with_foreign_middleware() {
    succeeds(&ForeignLayer::new().layer(Immediate::Taken.leaf()), 2);
}

/// Each attempt has a progress of its own.
#[tokio::test]
async fn success_with_retries() {
    succeeds(
        &RetryLayer::new(RetryPolicy::new(3)).layer(Immediate::Taken.leaf()),
        3,
    );
}

#[tokio::test]
async fn success_over_the_stack() {
    succeeds(&stack().layer(Immediate::Taken.leaf()), 2);
}

#[tokio::test]
async fn a_denial() {
    let service = stack().layer(Immediate::Taken.leaf());
    let denied = (RpcErrorKind::LinkDenied, Delivery::NotSent);
    fails(&service, &Cx::new(()).with_source("other"), denied, 2);
}

/// What nobody asks for is not made; asked for, it is made once.
#[tokio::test]
async fn the_message_of_a_denial() {
    let service = stack().layer(Immediate::Taken.leaf());
    let error = outcome(&service, &Cx::new(())).await.unwrap_err();
    let info = measure(|| assert!(error.message().starts_with(INSTANCE)));
    assert!(info.count_total > 0);
    let info = measure(|| assert!(error.message().contains(FUNC)));
    assert_eq!(info.count_total, 0);
}

/// What a host calls: an error is an `anyhow::Error` there, which is one allocation more, and as
/// many as a backtrace takes where the environment asks for one.
#[tokio::test]
async fn the_stack_as_a_transport() {
    let invoker = Invoker::new(stack().layer(Immediate::Taken.leaf()));
    for (cx, is_ok, expected) in [(client(), true, 2), (Cx::new(()), false, 3)] {
        let call = || {
            call(&invoker, &cx)
                .now_or_never()
                .expect("an outcome at once")
        };
        assert_eq!(call().is_ok(), is_ok);
        let info = measure(|| assert_eq!(call().is_ok(), is_ok));
        if Backtrace::capture().status() == BacktraceStatus::Captured {
            assert_nothing_stays(info);
        } else {
            assert_allocations(info, expected);
        }
    }
}

/// A leaf that knows nothing of the function has its words put behind the function's name.
#[tokio::test]
async fn an_absent_target() {
    let service = stack().layer(Immediate::Absent.leaf());
    let absent = (RpcErrorKind::TargetUnavailable, Delivery::NotSent);
    fails(&service, &client(), absent, 6);
}

#[tokio::test(start_paused = true)]
async fn a_silent_target() {
    let service = stack().layer(Immediate::Silent.leaf());
    let silent = (RpcErrorKind::TargetUnavailable, Delivery::Unknown);
    fails_after(HANDSHAKE, &service, silent, 5).await;
}

#[tokio::test(start_paused = true)]
async fn a_target_that_is_left_alone() {
    let liveness = TargetLivenessLayer::new(HANDSHAKE).silences(2);
    let service = stack()
        .liveness_layer(liveness)
        .layer(Immediate::Silent.leaf());
    let silent = (RpcErrorKind::TargetUnavailable, Delivery::Unknown);
    fails_after(HANDSHAKE, &service, silent, 5).await;
    let refused = (RpcErrorKind::TargetUnavailable, Delivery::NotSent);
    fails(&service, &client(), refused, 2);
}

#[tokio::test(start_paused = true)]
async fn a_deadline_that_has_passed() {
    let service = stack().layer(Immediate::Taken.leaf());
    let late = client().with_deadline(Instant::now());
    let timeout = (RpcErrorKind::Timeout, Delivery::NotSent);
    fails(&service, &late, timeout, 2);
}

#[tokio::test(start_paused = true)]
async fn a_deadline_that_passes_meanwhile() {
    let service = stack().layer(Immediate::Stuck.leaf());
    let timeout = (RpcErrorKind::Timeout, Delivery::Unknown);
    fails_after(LIMIT, &service, timeout, 4).await;
}

#[tokio::test]
async fn a_call_that_is_shed() {
    let limit = ConcurrencyLimitLayer::new(0);
    let layers = ServiceBuilder::new()
        .layer(stack())
        .layer(ForeignLayer::new())
        .load_shed()
        .layer(limit);
    let shed = (RpcErrorKind::Overloaded, Delivery::NotSent);
    fails(&layers.service(Immediate::Taken.leaf()), &client(), shed, 4);
}

/// There is no time left for another attempt.
#[tokio::test(start_paused = true)]
async fn a_call_that_is_not_repeated() {
    let layers = ServiceBuilder::new()
        .layer(TimeoutLayer::new(Duration::from_millis(1)))
        .layer(RetryLayer::new(RetryPolicy::new(3)))
        .layer(TargetLivenessLayer::new(HANDSHAKE));
    let absent = (RpcErrorKind::TargetUnavailable, Delivery::NotSent);
    fails(
        &layers.service(Immediate::Absent.leaf()),
        &client(),
        absent,
        7,
    );
}

/// What a call is made with is as large as it is, once: the future is moved, or allocated, with it.
#[test]
fn a_call_holds_its_arguments_once() {
    const PATHS: [[Option<usize>; 1]; 64] = [[Some(0)]; 64];
    let invoker = Invoker::new(stack().layer(Immediate::Taken.leaf()));
    let paths = PATHS.as_slice();
    let by_reference = invoker.invoke(client(), INSTANCE, FUNC, Bytes::new(), paths);
    let by_value = invoker.invoke(client(), INSTANCE, FUNC, Bytes::new(), PATHS);
    let more = size_of_val(&by_value) - size_of_val(&by_reference);
    assert!(more <= size_of_val(&PATHS), "{more} bytes");
}
