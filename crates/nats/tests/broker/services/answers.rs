//! How a call ends that a service has.

use bytes::Bytes;
use futures::{FutureExt as _, StreamExt as _};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::mpsc;
use tower::service_fn;
use wrpc_middleware_errors::{Delivery, RpcError, RpcErrorKind};
use wrpc_middleware_nats::Client;
use wrpc_middleware_nats::serve::{Accepted, Request, handler};
use wrpc_transport::{Index as _, Invoke as _};

use super::setup::{
    Peers, answer, assert_answer, assert_fails, assert_refuses, assert_refuses_old, call,
    call_with, echo, serve, taken,
};
use crate::support::both::Caller;
use crate::support::errors::{assert_failed, read_to_end, read_to_failure};
use crate::support::peers::{INSTANCE, call_echo, context};
use crate::support::raw::headers;
use crate::support::serving::paths;
use wrpc_middleware_testing::wait::guard;

fn error(kind: RpcErrorKind, delivery: Delivery) -> RpcError {
    RpcError::new(kind, delivery, "the service says so")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_answers_both_kinds_of_callers() {
    let peers = Peers::start().await;
    let _running = serve(&peers.target, "echo", handler(echo)).await;
    for len in [0, 1, 100_000, 3 << 20] {
        let bytes = Bytes::from(vec![7; len]);
        let own = call_echo(&peers.client, context(), bytes.clone());
        assert!(guard("an echo", own).await.unwrap() == bytes, "{len}");
        let old = call_echo(&peers.old, None, bytes.clone());
        assert!(guard("an echo", old).await.unwrap() == bytes, "{len}");
    }
    peers.nothing_is_left().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_before_the_call_was_taken_refuses_it() {
    let peers = Peers::start().await;
    // What is let go of before the error is there is not refused before either.
    let service = service_fn(async |request: Request| {
        let headers = request.context().headers().expect("headers").clone();
        drop(request);
        tokio::task::yield_now().await;
        let text = |name| headers.get(name).expect("a header").as_str();
        let (kind, delivery) = (text("Kind").parse(), text("Delivery").parse());
        Err(error(kind.unwrap(), delivery.unwrap()))
    });
    let _running = serve(&peers.target, "refuse", service).await;
    for kind in RpcErrorKind::ALL {
        for delivery in Delivery::ALL {
            let headers = headers(&[("Kind", kind.as_str()), ("Delivery", delivery.as_str())]);
            let own = Client::context_with(headers.clone());
            let (mut params, mut results) = call_with(&peers.client, own, "refuse").await;
            let (read, error) = read_to_failure(&mut results, kind, delivery).await;
            assert_eq!(read, b"");
            let message = "test:app/echo@0.1.0#refuse: the service says so";
            assert_eq!(error.message(), message);
            assert_failed(params.flush().await, kind, delivery);
            let (mut params, mut results) = call_with(&peers.old, headers, "refuse").await;
            let failed = guard("the writer", params.flush()).await.unwrap_err();
            assert_eq!(failed.to_string(), "peer did not specify a reply subject");
            assert_eq!(read_to_end(&mut results).await, b"");
        }
    }
    peers.nothing_is_left().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_lets_go_of_a_call_turns_it_away() {
    let peers = Peers::start().await;
    let service = service_fn(async |request: Request| {
        drop(request);
        Ok(())
    });
    let _running = serve(&peers.target, "drop", service).await;
    let (kind, delivery) = (RpcErrorKind::Overloaded, Delivery::NotSent);
    let error = assert_refuses(&peers.client, "drop", kind, delivery).await;
    assert!(error.message().ends_with("the call was turned away"));
    assert_refuses_old(&peers.old, "drop").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_afterwards_ends_the_results() {
    let peers = Peers::start().await;
    let service = handler(async |(_, mut results, _): Accepted| {
        results.write_all(b"half").await.unwrap();
        // As `?` does, which drops the results first.
        drop(results);
        tokio::task::yield_now().await;
        Err(error(RpcErrorKind::Protocol, Delivery::NotSent))
    });
    let _running = serve(&peers.target, "fail", service).await;
    let (kind, delivery) = (RpcErrorKind::Protocol, Delivery::Accepted);
    let error = assert_fails(&peers.client, "fail", kind, delivery, b"half").await;
    let message = "test:app/echo@0.1.0#fail: the service says so";
    assert_eq!(error.message(), message);
    assert_answer(&peers.old, "fail", b"half").await;
    peers.nothing_is_left().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn control_without_an_error_it_ended_without_a_result() {
    let peers = Peers::start().await;
    let service = handler(async |(_, mut results, _): Accepted| {
        results.write_all(b"half").await.unwrap();
        Ok(())
    });
    let _running = serve(&peers.target, "end", service).await;
    let (kind, delivery) = (RpcErrorKind::TargetFailed, Delivery::Accepted);
    let error = assert_fails(&peers.client, "end", kind, delivery, b"half").await;
    assert!(error.message().ends_with("ended without a result"));
    assert_answer(&peers.old, "end", b"half").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn results_that_are_complete_stay_complete() {
    let peers = Peers::start().await;
    let service = handler(async |accepted: Accepted| {
        answer(accepted, "done").await?;
        Err(error(RpcErrorKind::Other, Delivery::Accepted))
    });
    let _running = serve(&peers.target, "late", service).await;
    assert_answer(&peers.client, "late", b"done").await;
    assert_answer(&peers.old, "late", b"done").await;
    peers.nothing_is_left().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_that_are_elsewhere_fail_with_the_error() {
    let peers = Peers::start().await;
    let (failures, mut failed) = mpsc::unbounded_channel();
    let service = handler(move |(context, mut results, mut params): Accepted| {
        let failures = failures.clone();
        tokio::spawn(async move {
            let why = context.given_up().await;
            let written = results.write_all(b"late").await;
            let read = params.read_u8().await;
            failures.send((why, written, read)).unwrap();
        });
        async { Err(error(RpcErrorKind::Protocol, Delivery::Unknown)) }
    });
    let _running = serve(&peers.target, "spawn", service).await;
    let (kind, delivery) = (RpcErrorKind::Protocol, Delivery::Accepted);
    assert_fails(&peers.client, "spawn", kind, delivery, b"").await;
    let (why, written, read) = guard("the task", failed.recv()).await.unwrap();
    assert_eq!((why.kind(), why.delivery()), (kind, Delivery::Unknown));
    assert_failed(written, kind, Delivery::Unknown);
    assert_failed(read, kind, Delivery::Unknown);
    peers.nothing_is_left().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nested_streams_end_when_they_are_dropped() {
    let peers = Peers::start().await;
    let service = handler(async |(_, mut results, _): Accepted| {
        let mut nested = results.index(&[0]).unwrap();
        nested.write_all(b"x").await.unwrap();
        drop(nested);
        results.write_all(b"root").await.unwrap();
        Err(error(RpcErrorKind::Protocol, Delivery::Accepted))
    });
    let _running = serve(&peers.target, "nest", service).await;
    let stream = [[Some(0)]];
    let call = peers
        .client
        .invoke(context(), INSTANCE, "nest", Bytes::new(), stream);
    let (params, mut results) = guard("a call", call).await.unwrap();
    let mut nested = results.index(&[0]).unwrap();
    let kind = RpcErrorKind::TargetFailed;
    let (read, _) = read_to_failure(&mut nested, kind, Delivery::Accepted).await;
    assert_eq!(read, b"x");
    let kind = RpcErrorKind::Protocol;
    let (read, _) = read_to_failure(&mut results, kind, Delivery::Accepted).await;
    assert_eq!(read, b"root");
    drop((params, results, nested));
    peers.nothing_is_left().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_panic_ends_its_call_and_no_other() {
    let peers = Peers::start().await;
    let before = service_fn(async |_: Request| panic!("the service panics"));
    let after = handler(async |_: Accepted| panic!("the handler panics"));
    let waits = handler(async |(context, results, params): Accepted| {
        context.given_up().await;
        drop((results, params));
        Ok(())
    });
    let _waits = serve(&peers.target, "wait", waits).await;
    let (_params, mut waiting) = taken(&peers.client, "wait").await;
    let _before = serve(&peers.target, "before", before).await;
    let _after = serve(&peers.target, "after", after).await;
    for _ in 0..3 {
        let (kind, delivery) = (RpcErrorKind::Overloaded, Delivery::NotSent);
        assert_refuses(&peers.client, "before", kind, delivery).await;
        let (kind, delivery) = (RpcErrorKind::TargetFailed, Delivery::Accepted);
        assert_fails(&peers.client, "after", kind, delivery, b"").await;
    }
    assert!(waiting.read_u8().now_or_never().is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn results_end_when_it_is_known_how() {
    let peers = Peers::start().await;
    let requests = peers.target.requests(INSTANCE, "respond", paths(&[])).await;
    let mut requests = requests.unwrap();
    for answered in [true, false] {
        let (_params, mut read) = call(&peers.client, "respond").await;
        let mut request = guard("a call", requests.next()).await.unwrap().unwrap();
        let (first, second) = (request.responder(), request.responder());
        assert!(!first.is_accepted());
        let (context, mut results, params) = request.accept();
        assert!(second.is_accepted());
        results.write_all(b"half").await.unwrap();
        drop((context, results, params));
        let mut half = [0; 4];
        guard("half", read.read_exact(&mut half)).await.unwrap();
        // Whatever was sent is here.
        peers.target.round_trip().await.unwrap();
        peers.client.round_trip().await.unwrap();
        assert!(read.read_u8().now_or_never().is_none());
        // The first that says something is heard.
        let kind = if answered {
            first.fail(&error(RpcErrorKind::Protocol, Delivery::Accepted));
            second.fail(&error(RpcErrorKind::Other, Delivery::Accepted));
            RpcErrorKind::Protocol
        } else {
            drop(first);
            peers.target.round_trip().await.unwrap();
            peers.client.round_trip().await.unwrap();
            assert!(read.read_u8().now_or_never().is_none());
            drop(second);
            RpcErrorKind::TargetFailed
        };
        read_to_failure(&mut read, kind, Delivery::Accepted).await;
    }
    peers.nothing_is_left().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_a_responder_refused_is_not_run() {
    let peers = Peers::start().await;
    let requests = peers.target.requests(INSTANCE, "respond", paths(&[])).await;
    let mut requests = requests.unwrap();
    let (params, mut read) = call(&peers.client, "respond").await;
    let mut request = guard("a call", requests.next()).await.unwrap().unwrap();
    let (kind, delivery) = (RpcErrorKind::Protocol, Delivery::NotSent);
    request.responder().fail(&error(kind, delivery));
    read_to_failure(&mut read, kind, delivery).await;
    let refusal = request.try_accept().unwrap_err();
    assert_eq!((refusal.kind(), refusal.delivery()), (kind, delivery));
    drop((params, read));
    peers.nothing_is_left().await;
}
