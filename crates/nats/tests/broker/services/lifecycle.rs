//! Beginning and ending to serve.

use core::future::pending;
use core::task::{Context, Poll};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::AsyncWriteExt as _;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tower::{Service, service_fn};
use wrpc_middleware_errors::{Delivery, RpcError, RpcErrorKind};
use wrpc_middleware_nats::serve::{Accepted, Request, handler};

use super::setup::{Counts, Peers, answer, assert_answer, call, half, serve, taken};
use crate::support::errors::{assert_failed, read_to_end, read_to_failure};
use wrpc_middleware_testing::wait::{guard, until};

#[tokio::test(flavor = "multi_thread")]
async fn it_ends_after_a_drain_once_its_calls_have() {
    let peers = Peers::start().await;
    let release = Arc::new(Semaphore::new(0));
    let in_service = Arc::clone(&release);
    let service = handler(move |accepted: Accepted| {
        let release = Arc::clone(&in_service);
        async move {
            release.acquire().await.unwrap().forget();
            answer(accepted, "done").await
        }
    });
    let running = serve(&peers.target, "wait", service).await;
    let (params, mut results) = taken(&peers.client, "wait").await;
    peers.target.drain();
    until("nobody to take calls", async || {
        let (mut params, _results) = call(&peers.client, "wait").await;
        let Err(error) = params.flush().await else {
            return false;
        };
        let error = assert_failed::<()>(
            Err(error),
            RpcErrorKind::TargetUnavailable,
            Delivery::NotSent,
        );
        error.is_safe_to_retry()
    })
    .await;
    assert!(!running.has_ended());
    release.add_permits(Semaphore::MAX_PERMITS / 2);
    assert_eq!(read_to_end(&mut results).await, b"done");
    running.ended().await.unwrap();
    drop((params, results));
    peers.nothing_is_left().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drain_loses_no_call() {
    const CALLERS: usize = 16;
    let peers = Peers::start().await;
    let counts = Counts::default();
    let in_service = counts.clone();
    let service = handler(move |accepted: Accepted| {
        let begun = in_service.begin();
        async {
            let _begun = begun;
            answer(accepted, "done").await
        }
    });
    let running = serve(&peers.target, "work", service).await;
    let mut callers = JoinSet::new();
    for _ in 0..CALLERS {
        let client = peers.client.clone();
        callers.spawn(async move {
            let mut answered = 0;
            loop {
                let (mut params, mut results) = call(&client, "work").await;
                if let Err(error) = guard("a handshake", params.flush()).await {
                    let (kind, delivery) = (RpcErrorKind::TargetUnavailable, Delivery::NotSent);
                    assert_failed::<()>(Err(error), kind, delivery);
                    return answered;
                }
                assert_eq!(read_to_end(&mut results).await, b"done");
                answered += 1;
            }
        });
    }
    until("calls to run", async || counts.ended() > 10 * CALLERS).await;
    peers.target.drain();
    running.ended().await.unwrap();
    let answered: usize = guard("the callers", callers.join_all()).await.iter().sum();
    assert_eq!((counts.begun(), counts.ended()), (answered, answered));
    peers.nothing_is_left().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn dropped_it_leaves_nothing() {
    let peers = Peers::start().await;
    let tasks = || {
        tokio::runtime::Handle::current()
            .metrics()
            .num_alive_tasks()
    };
    let before = tasks();
    let counts = Counts::default();
    let (taking, holding) = (counts.clone(), counts.clone());
    let takes = handler(move |accepted: Accepted| {
        let begun = taking.begin();
        async {
            let _begun = begun;
            half(accepted).await
        }
    });
    let holds = service_fn(move |request: Request| {
        let begun = holding.begin();
        async {
            let _both = (begun, request);
            pending().await
        }
    });
    let takes = serve(&peers.target, "take", takes).await;
    let holds = serve(&peers.target, "hold", holds).await;
    let (mut taken_calls, mut held_calls) = (Vec::new(), Vec::new());
    for _ in 0..8 {
        taken_calls.push(taken(&peers.client, "take").await);
        held_calls.push(call(&peers.client, "hold").await);
    }
    counts.have_begun(16).await;
    drop((takes, holds));
    for (_params, mut results) in taken_calls {
        let (kind, delivery) = (RpcErrorKind::TargetFailed, Delivery::Accepted);
        let (read, _) = read_to_failure(&mut results, kind, delivery).await;
        assert_eq!(read, b"half");
    }
    for (_params, mut results) in held_calls {
        let (kind, delivery) = (RpcErrorKind::Overloaded, Delivery::NotSent);
        read_to_failure(&mut results, kind, delivery).await;
    }
    counts.have_ended(16).await;
    peers.nothing_is_left().await;
    until("no task to be left", async || tasks() == before).await;
}

/// Becomes ready but for the first of its clones.
struct FirstNeverReady<S> {
    inner: S,
    clones: Arc<AtomicUsize>,
    number: usize,
}

impl<S: Clone> Clone for FirstNeverReady<S> {
    fn clone(&self) -> Self {
        Self {
            inner: self.inner.clone(),
            clones: Arc::clone(&self.clones),
            number: self.clones.fetch_add(1, Ordering::Relaxed),
        }
    }
}

impl<S: Service<Request, Error = RpcError>> Service<Request> for FirstNeverReady<S> {
    type Response = S::Response;
    type Error = RpcError;
    type Future = S::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), RpcError>> {
        if self.number == 0 {
            return Poll::Pending;
        }
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request) -> S::Future {
        self.inner.call(request)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_waits_for_readiness_holds_up_no_other() {
    let peers = Peers::start().await;
    let service = FirstNeverReady {
        inner: handler(|accepted| answer(accepted, "done")),
        clones: Arc::default(),
        number: usize::MAX,
    };
    let clones = Arc::clone(&service.clones);
    let running = serve(&peers.target, "ready", service).await;
    let (_params, mut waiting) = call(&peers.client, "ready").await;
    until("the first call to wait", async || {
        clones.load(Ordering::Relaxed) == 1
    })
    .await;
    for _ in 0..3 {
        assert_answer(&peers.client, "ready", b"done").await;
    }
    drop(running);
    let (kind, delivery) = (RpcErrorKind::Overloaded, Delivery::NotSent);
    read_to_failure(&mut waiting, kind, delivery).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_that_have_ended_are_let_go_of() {
    const CALLS: usize = 64;
    let peers = Peers::start().await;
    let tasks = || {
        tokio::runtime::Handle::current()
            .metrics()
            .num_alive_tasks()
    };
    let _running = serve(
        &peers.target,
        "greet",
        handler(|accepted| answer(accepted, "done")),
    )
    .await;
    let before = tasks();
    for _ in 0..16 {
        let calls = (0..CALLS).map(|_| assert_answer(&peers.client, "greet", b"done"));
        futures::future::join_all(calls).await;
    }
    peers.nothing_is_left().await;
    until("no task to be left", async || tasks() == before).await;
}
