//! As many calls as may run.

use std::sync::Arc;

use tokio::io::AsyncWriteExt as _;
use tokio::sync::{Semaphore, mpsc};
use tower::{Layer as _, Service, ServiceBuilder};
use wrpc_middleware_errors::{Delivery, RpcError, RpcErrorKind};
use wrpc_middleware_nats::serve::foreign::ForeignLayer;
use wrpc_middleware_nats::serve::limit::ConcurrencyLimitLayer;
use wrpc_middleware_nats::serve::{Accepted, Request, handler};

use super::setup::{Counts, Peers, answer, assert_refuses, assert_refuses_old, call, serve, taken};
use crate::support::errors::read_to_end;
use wrpc_middleware_testing::wait::{guard, until};

/// Answers once there is a permit.
fn waiting(
    release: &Arc<Semaphore>,
    counts: &Counts,
) -> impl Service<Request, Response = (), Error = RpcError, Future: Send> + Clone + Send + 'static + use<>
{
    let (release, counts) = (Arc::clone(release), counts.clone());
    handler(move |accepted: Accepted| {
        let (release, begun) = (Arc::clone(&release), counts.begin());
        async move {
            let _begun = begun;
            release.acquire().await.unwrap().forget();
            answer(accepted, "done").await
        }
    })
}

/// Two calls of `wait` run at a time, and one more is refused.
async fn two_run<S>(layer: impl Fn(Arc<Semaphore>, Counts) -> S)
where
    S: Service<Request, Response = (), Error = RpcError> + Clone + Send + 'static,
    S::Future: Send,
{
    let peers = Peers::start().await;
    let (release, counts) = (Arc::new(Semaphore::new(0)), Counts::default());
    let service = layer(Arc::clone(&release), counts.clone());
    let _running = serve(&peers.target, "wait", service).await;
    let mut calls = vec![
        taken(&peers.client, "wait").await,
        taken(&peers.client, "wait").await,
    ];
    for _ in 0..3 {
        let (kind, delivery) = (RpcErrorKind::Overloaded, Delivery::NotSent);
        let error = assert_refuses(&peers.client, "wait", kind, delivery).await;
        assert!(error.is_safe_to_retry());
        assert_refuses_old(&peers.old, "wait").await;
    }
    assert_eq!(counts.begun(), 2);
    // As many as end may start.
    release.add_permits(1);
    until("one of the calls to be over", async || {
        peers.target.calls() == 1
    })
    .await;
    calls.push(taken(&peers.client, "wait").await);
    release.add_permits(2);
    for (_params, mut results) in calls {
        assert_eq!(read_to_end(&mut results).await, b"done");
    }
    assert_eq!(counts.begun(), 3);
    peers.nothing_is_left().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_call_more_is_refused() {
    two_run(|release, counts| ConcurrencyLimitLayer::new(2).layer(waiting(&release, &counts)))
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_call_more_is_refused_by_towers_own_layers() {
    two_run(|release, counts| {
        ServiceBuilder::new()
            .layer(ForeignLayer::new())
            .layer(tower::load_shed::LoadShedLayer::new())
            .layer(tower::limit::ConcurrencyLimitLayer::new(2))
            .service(waiting(&release, &counts))
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn control_without_a_limit_all_run() {
    let peers = Peers::start().await;
    let (release, counts) = (Arc::new(Semaphore::new(0)), Counts::default());
    let _running = serve(&peers.target, "wait", waiting(&release, &counts)).await;
    let mut calls = Vec::new();
    for _ in 0..8 {
        calls.push(taken(&peers.client, "wait").await);
    }
    counts.have_begun(8).await;
    release.add_permits(8);
    for (_params, mut results) in calls {
        assert_eq!(read_to_end(&mut results).await, b"done");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_whose_streams_are_elsewhere_counts() {
    let peers = Peers::start().await;
    let (calls, mut running) = mpsc::unbounded_channel();
    let elsewhere = handler(move |accepted: Accepted| {
        calls.send(accepted).unwrap();
        async { Ok(()) }
    });
    let limit = ConcurrencyLimitLayer::new(1);
    let _ours = serve(&peers.target, "ours", limit.layer(elsewhere.clone())).await;
    // The control gives the permit back too soon.
    let towers = ServiceBuilder::new()
        .layer(ForeignLayer::new())
        .layer(tower::load_shed::LoadShedLayer::new())
        .layer(tower::limit::ConcurrencyLimitLayer::new(1))
        .service(elsewhere);
    let _towers = serve(&peers.target, "towers", towers).await;

    let first = taken(&peers.client, "ours").await;
    let first_runs = guard("a call", running.recv()).await.unwrap();
    let (kind, delivery) = (RpcErrorKind::Overloaded, Delivery::NotSent);
    assert_refuses(&peers.client, "ours", kind, delivery).await;
    answer(first_runs, "done").await.unwrap();
    until("the permit to be back", async || limit.available() == 1).await;
    assert_eq!(read_to_end(&mut { first.1 }).await, b"done");

    let mut both = vec![taken(&peers.client, "towers").await];
    // Its response future has ended some time.
    while both.len() < 2 {
        let (mut params, results) = call(&peers.client, "towers").await;
        if guard("an answer", params.flush()).await.is_ok() {
            both.push((params, results));
        }
    }
    assert_eq!(peers.target.calls(), 2);
}
