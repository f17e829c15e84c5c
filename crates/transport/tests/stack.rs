//! The whole stack over a mock transport.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use core::task::{Context, Poll};
use core::time::Duration;

use bytes::Bytes;
use support::{FUNC, INSTANCE, Mock, assert_rpc, drop_at_every_await};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::{Instant, timeout};
use tower::{Layer as _, Service, ServiceExt};
use wrpc_middleware_transport::limit::ConcurrencyLimitLayer;
use wrpc_middleware_transport::link::{Link, LinkTable};
use wrpc_middleware_transport::liveness::TargetLivenessLayer;
use wrpc_middleware_transport::timeout::TimeoutLayer;
use wrpc_middleware_transport::{
    Context as Cx, Delivery, Invocation, Invoker, RpcError, RpcErrorKind, Stack, Target,
};
use wrpc_transport::Invoke;

const TIMEOUT: Duration = Duration::from_secs(2);
const HANDSHAKE: Duration = Duration::from_millis(500);
const NO_PATHS: &[[Option<usize>; 0]] = &[];

fn links() -> LinkTable {
    let target = Target::new("greeter").unwrap();
    LinkTable::new([Link::new(
        "client",
        target,
        "test:app/greeter".parse().unwrap(),
    )])
    .unwrap()
}

fn stack() -> Stack<LinkTable> {
    Stack::new(links())
        .timeout(TIMEOUT)
        .handshake_timeout(HANDSHAKE)
}

/// A call as a host makes it.
async fn call<T: Invoke>(
    invoker: &T,
    cx: T::Context,
) -> anyhow::Result<(T::Outgoing, T::Incoming)> {
    invoker
        .invoke(cx, INSTANCE, FUNC, Bytes::new(), NO_PATHS)
        .await
}

fn cx() -> Cx<()> {
    Cx::new(()).with_source("client")
}

#[tokio::test(start_paused = true)]
async fn a_denied_call_spends_no_time_and_sends_nothing() {
    let mock = Mock::silent();
    let invoker = Invoker::new(stack().layer(mock.leaf()));
    let start = Instant::now();
    // Expired too: the denial comes first.
    let stranger = Cx::new(())
        .with_source("stranger")
        .with_deadline(start + TIMEOUT);
    let error = call(&invoker, stranger).await.unwrap_err();
    assert_rpc(
        &RpcError::classify(error),
        RpcErrorKind::LinkDenied,
        Delivery::NotSent,
    );
    assert_eq!((mock.count(), start.elapsed()), (0, Duration::ZERO));
}

#[tokio::test(start_paused = true)]
async fn silence_ends_before_the_deadline_and_slowness_at_it() {
    let mock = Mock::silent();
    let invoker = Invoker::new(stack().layer(mock.leaf()));
    let start = Instant::now();
    let error = call(&invoker, cx()).await.unwrap_err();
    assert_rpc(
        &RpcError::classify(error),
        RpcErrorKind::TargetUnavailable,
        Delivery::Unknown,
    );
    assert_eq!(start.elapsed(), HANDSHAKE);

    let mock = Mock::accepting();
    let invoker = Invoker::new(stack().layer(mock.leaf()));
    let start = Instant::now();
    let (mut outgoing, mut incoming) = call(&invoker, cx()).await.unwrap();
    outgoing.shutdown().await.unwrap();
    let error = incoming.read_u8().await.unwrap_err();
    assert_rpc(
        &RpcError::classify(error),
        RpcErrorKind::Timeout,
        Delivery::Accepted,
    );
    assert_eq!(start.elapsed(), TIMEOUT);
}

#[tokio::test(start_paused = true)]
async fn a_deadline_before_the_handshake_timeout_is_a_timeout() {
    let mock = Mock::silent();
    let invoker = Invoker::new(stack().layer(mock.leaf()));
    let deadline = Instant::now() + HANDSHAKE / 2;
    let error = call(&invoker, cx().with_deadline(deadline))
        .await
        .unwrap_err();
    assert_rpc(
        &RpcError::classify(error),
        RpcErrorKind::Timeout,
        Delivery::Unknown,
    );
    assert_eq!(Instant::now(), deadline);
}

#[tokio::test(start_paused = true)]
async fn the_callers_deadline_bounds_readiness_without_a_timeout_layer() {
    let mock = Mock::accepting();
    let invoker = Invoker::new(ConcurrencyLimitLayer::new(1).layer(mock.leaf()));
    let held = call(&invoker, cx()).await.unwrap();
    let late = || cx().with_deadline(Instant::now() + TIMEOUT);
    let start = Instant::now();
    let error = call(&invoker, late()).await.unwrap_err();
    assert_rpc(
        &RpcError::classify(error),
        RpcErrorKind::Timeout,
        Delivery::NotSent,
    );
    assert_eq!(start.elapsed(), TIMEOUT);
    let control = call(&invoker, cx());
    assert!(timeout(TIMEOUT * 9, control).await.is_err());
    drop(held);
}

#[tokio::test(start_paused = true)]
async fn a_denied_call_waits_for_no_readiness() {
    let mock = Mock::accepting();
    let limit = ConcurrencyLimitLayer::new(1);
    let invoker = Invoker::new(stack().layer(limit.layer(mock.leaf())));
    let _held = call(&invoker, cx()).await.unwrap();
    let start = Instant::now();
    let stranger = Cx::new(()).with_source("stranger");
    let error = call(&invoker, stranger).await.unwrap_err();
    assert_rpc(
        &RpcError::classify(error),
        RpcErrorKind::LinkDenied,
        Delivery::NotSent,
    );
    assert_eq!(start.elapsed(), Duration::ZERO);
    // One that is permitted waits, up to its deadline.
    let error = call(&invoker, cx()).await.unwrap_err();
    assert_rpc(
        &RpcError::classify(error),
        RpcErrorKind::Timeout,
        Delivery::NotSent,
    );
    assert_eq!(start.elapsed(), TIMEOUT);
}

/// Repeats every failure once.
#[derive(Clone)]
struct Once(bool);

impl<C: Clone, T> tower::retry::Policy<Invocation<C>, T, RpcError> for Once {
    type Future = core::future::Ready<()>;

    fn retry(
        &mut self,
        _: &mut Invocation<C>,
        result: &mut Result<T, RpcError>,
    ) -> Option<Self::Future> {
        (result.is_err() && !core::mem::replace(&mut self.0, true)).then(|| core::future::ready(()))
    }

    fn clone_request(&mut self, invocation: &Invocation<C>) -> Option<Invocation<C>> {
        Some(invocation.clone())
    }
}

#[tokio::test(start_paused = true)]
async fn the_last_attempt_does_not_make_an_earlier_one_unsent() {
    for (first, expected) in [(None, Delivery::Unknown), (Some(()), Delivery::NotSent)] {
        let mock = Mock::new(move |call, n| {
            call.publish();
            if n == 1 || first.is_some() {
                call.fail(std::io::ErrorKind::NotConnected);
            }
        });
        let service = tower::ServiceBuilder::new()
            .layer(TimeoutLayer::new(TIMEOUT))
            .retry(Once(false))
            .layer(TargetLivenessLayer::new(HANDSHAKE))
            .service(mock.leaf());
        let invoker = Invoker::new(service);
        let error = call(&invoker, cx()).await.unwrap_err();
        assert_rpc(
            &RpcError::classify(error),
            RpcErrorKind::TargetUnavailable,
            expected,
        );
        assert_eq!(mock.count(), 2);
    }
}

/// Insists on being asked for readiness, each clone for itself.
#[derive(Debug, Default)]
struct Readied<S> {
    inner: S,
    ready: bool,
}

impl<S: Clone> Clone for Readied<S> {
    fn clone(&self) -> Self {
        Self {
            inner: self.inner.clone(),
            ready: false,
        }
    }
}

impl<S, R> Service<R> for Readied<S>
where
    S: Service<R>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        let ready = self.inner.poll_ready(cx);
        self.ready = ready.is_ready();
        ready
    }

    fn call(&mut self, request: R) -> S::Future {
        assert!(
            core::mem::take(&mut self.ready),
            "called before it was ready"
        );
        self.inner.call(request)
    }
}

#[tokio::test(start_paused = true)]
async fn readiness_is_not_cloned() {
    let mock = Mock::accepting();
    let leaf = Readied {
        inner: mock.leaf(),
        ready: false,
    };
    let mut service = tower::ServiceBuilder::new()
        .layer(stack().source("client"))
        .layer(ConcurrencyLimitLayer::new(8))
        .service(leaf);
    for _ in 0..3 {
        let invocation = || Invocation::new((), INSTANCE, FUNC, Bytes::new());
        ServiceExt::<Invocation<()>>::ready(&mut service)
            .await
            .unwrap()
            .call(invocation())
            .await
            .unwrap();
        service.clone().oneshot(invocation()).await.unwrap();
    }
    assert_eq!(mock.count(), 6);
    let invoker = Invoker::new(service);
    for _ in 0..3 {
        call(&invoker, ()).await.unwrap();
    }
    assert_eq!(mock.count(), 9);
}

#[tokio::test(start_paused = true)]
async fn dropping_a_call_at_any_await_leaves_nothing_behind() {
    let mock = Mock::new(|call, _| {
        let call = call.clone();
        tokio::spawn(async move {
            tokio::task::yield_now().await;
            call.publish();
            tokio::task::yield_now().await;
            call.accept();
            tokio::task::yield_now().await;
            call.send(&[], b"results");
            tokio::task::yield_now().await;
            call.close(&[]);
        });
    });
    let limit = ConcurrencyLimitLayer::new(1);
    let invoker = Invoker::new(
        tower::ServiceBuilder::new()
            .layer(stack())
            .layer(limit.clone())
            .service(mock.leaf()),
    );
    drop_at_every_await(
        || async {
            let (mut outgoing, mut incoming) = call(&invoker, cx()).await.unwrap();
            outgoing.shutdown().await.unwrap();
            incoming.read_to_end(&mut Vec::new()).await.unwrap();
        },
        |polls| {
            assert_eq!(
                (mock.alive(), limit.available()),
                (0, 1),
                "dropped after {polls} polls"
            );
        },
    )
    .await;
}

#[tokio::test]
async fn a_loop_of_calls_that_fail_at_once_gives_way_to_other_tasks() {
    let invoker = Invoker::new(Stack::new(LinkTable::default()).layer(Mock::silent().leaf()));
    let other = tokio::spawn(async {});
    for _ in 0..10_000 {
        call(&invoker, cx()).await.unwrap_err();
        if other.is_finished() {
            return;
        }
    }
    panic!("the other task never ran");
}
