//! As long as a call may take.

use core::future::pending;
use core::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::mpsc;
use tokio::time::Instant;
use tower::{Layer as _, service_fn};
use wrpc_middleware_errors::{Delivery, RpcErrorKind};
use wrpc_middleware_nats::Options;
use wrpc_middleware_nats::serve::deadline::DeadlineLayer;
use wrpc_middleware_nats::serve::{Accepted, Request, handler};
use wrpc_transport::Invoke as _;

use super::setup::{
    Counts, Peers, assert_answer, assert_fails, assert_refuses, assert_refuses_old, call_with,
    half, serve, taken,
};
use crate::support::calls::SHORT;
use crate::support::errors::{read_to_end, read_to_failure};
use crate::support::peers::{INSTANCE, NO_PATHS, context, ours};
use wrpc_middleware_testing::wait::{assert_hangs, guard};

#[tokio::test(flavor = "multi_thread")]
async fn a_call_past_its_deadline_is_dropped() {
    let peers = Peers::start().await;
    let counts = Counts::default();
    let in_service = counts.clone();
    let service = DeadlineLayer::new(SHORT).layer(handler(move |accepted: Accepted| {
        let begun = in_service.begin();
        async {
            let _begun = begun;
            half(accepted).await
        }
    }));
    let _running = serve(&peers.target, "half", service).await;
    let (kind, delivery) = (RpcErrorKind::Timeout, Delivery::Accepted);
    let start = Instant::now();
    let error = assert_fails(&peers.client, "half", kind, delivery, b"half").await;
    assert!(start.elapsed() >= SHORT);
    let message = "test:app/echo@0.1.0#half: the deadline passed before the call was over";
    assert_eq!(error.message(), message);
    assert_answer(&peers.old, "half", b"half").await;
    assert_eq!((counts.begun(), counts.ended()), (2, 2));
    peers.nothing_is_left().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn control_without_a_deadline_it_goes_on() {
    let peers = Peers::start().await;
    let _running = serve(&peers.target, "half", handler(half)).await;
    let (_params, mut results) = taken(&peers.client, "half").await;
    let mut bytes = Vec::new();
    let read = results.read_to_end(&mut bytes);
    assert_hangs("a call without a deadline", read).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_waits_past_its_deadline_is_refused() {
    let peers = Peers::start().await;
    let service = DeadlineLayer::new(SHORT).layer(service_fn(async |request: Request| {
        let _request = request;
        pending().await
    }));
    let _running = serve(&peers.target, "wait", service).await;
    let (kind, delivery) = (RpcErrorKind::Timeout, Delivery::NotSent);
    let error = assert_refuses(&peers.client, "wait", kind, delivery).await;
    let message = "test:app/echo@0.1.0#wait: the deadline passed before the call was taken";
    assert_eq!(error.message(), message);
    assert_refuses_old(&peers.old, "wait").await;
    peers.nothing_is_left().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_callers_deadline_ends_the_service() {
    let peers = Peers::start().await;
    let service = DeadlineLayer::new(Duration::from_hours(1)).layer(handler(half));
    let _running = serve(&peers.target, "half", service).await;
    // Nothing on the caller's side bounds the call.
    let context = context().with_deadline(Instant::now() + SHORT);
    let (params, mut results) = call_with(&peers.client, context, "half").await;
    let (kind, delivery) = (RpcErrorKind::Timeout, Delivery::Accepted);
    let (read, _) = read_to_failure(&mut results, kind, delivery).await;
    assert_eq!(read, b"half");
    drop((params, results));
    peers.nothing_is_left().await;
}

/// `client` calls the target, which has half a minute for it, and the target calls `last`: what is
/// left there.
#[tokio::test(flavor = "multi_thread")]
async fn nested_calls_inherit_the_deadline() {
    const LIMIT: Duration = Duration::from_secs(30);
    let peers = Peers::start().await;
    let last = ours(&peers.server, Options::new().id("last")).await;
    let (seen, mut deadlines) = mpsc::unbounded_channel();
    let leaf = handler(move |(context, mut results, _): Accepted| {
        seen.send(context.deadline()).unwrap();
        async move {
            results.shutdown().await.unwrap();
            Ok(())
        }
    });
    let _leaf = serve(&last, "leaf", leaf).await;
    let client = peers.target.clone();
    let forward = handler(move |(served, mut results, _): Accepted| {
        let client = client.clone();
        async move {
            let target = wrpc_middleware_transport::Target::new("last").unwrap();
            let context = served.nested(context().with_target(target));
            let call = client.invoke(context, INSTANCE, "leaf", Bytes::new(), NO_PATHS);
            let (_params, mut nested) = call.await.unwrap();
            read_to_end(&mut nested).await;
            results.shutdown().await.unwrap();
            Ok(())
        }
    });
    let _bounded = serve(
        &peers.target,
        "bounded",
        DeadlineLayer::new(LIMIT).layer(forward.clone()),
    )
    .await;
    // The control: without the layer there is nothing to inherit.
    let _unbounded = serve(&peers.target, "unbounded", forward).await;
    let start = Instant::now();
    assert_answer(&peers.client, "bounded", b"").await;
    let deadline = guard("a call", deadlines.recv()).await.unwrap().unwrap();
    assert!(deadline > start);
    assert!(deadline <= Instant::now() + LIMIT);
    assert_answer(&peers.client, "unbounded", b"").await;
    assert_eq!(guard("a call", deadlines.recv()).await.unwrap(), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_whose_caller_gave_up_is_dropped() {
    let peers = Peers::start().await;
    let counts = Counts::default();
    let in_service = counts.clone();
    let (told, mut knows) = mpsc::unbounded_channel();
    let hang = handler(move |(context, results, params): Accepted| {
        let (begun, told) = (in_service.begin(), told.clone());
        async move {
            let _all = (begun, results, params);
            told.send(context.given_up().await).unwrap();
            pending().await
        }
    });
    let with = DeadlineLayer::callers().layer(hang.clone());
    let _with = serve(&peers.target, "with", with).await;
    drop(taken(&peers.client, "with").await);
    counts.have_ended(1).await;
    // The control: it knows, and nobody stops it.
    while knows.try_recv().is_ok() {}
    let running = serve(&peers.target, "without", hang).await;
    drop(taken(&peers.client, "without").await);
    guard("it to know", knows.recv()).await.unwrap();
    peers.target.round_trip().await.unwrap();
    assert_eq!((counts.begun(), counts.ended()), (2, 1));
    drop(running);
    counts.have_ended(2).await;
    peers.nothing_is_left().await;
}
