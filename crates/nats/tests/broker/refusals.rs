//! Calls that are not taken, and what old peers see of it.

use core::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use futures::StreamExt as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::{Semaphore, mpsc};
use wrpc_middleware_errors::{Delivery, RpcError, RpcErrorKind};
use wrpc_middleware_nats::serve::Request;
use wrpc_middleware_nats::{Client, Incoming, Options, Outgoing};
use wrpc_transport::{Index as _, Invoke as _};
use wrpc_transport_nats::{ParamWriter, Reader};

use crate::support::both::{Caller, Peer, new, new_with, old};
use crate::support::errors::{assert_failed, read_to_end, read_to_failure};
use crate::support::peers::{INSTANCE, context};
use crate::support::raw::{RawCaller, header, headers};
use crate::support::serving::{Serving, paths, requests};
use wrpc_middleware_testing::nats::NatsServer;
use wrpc_middleware_testing::wait::{guard, until};

/// Serves a function that refuses as its parameters say.
async fn refusing(target: &Peer<Client>) -> Serving {
    let serving = requests(&target.wrpc, "refuse", |request: Request| async move {
        // What is sent with a call can't be looked at before it was taken, its headers can.
        let headers = request.context().headers().expect("headers").clone();
        let text = |name| headers.get(name).expect("a header").as_str();
        let (kind, delivery) = (text("Kind").parse(), text("Delivery").parse());
        let message = "not today: 100 % größer";
        request.refuse(&RpcError::new(kind.unwrap(), delivery.unwrap(), message));
    })
    .await;
    target.settled().await;
    serving
}

const STREAM: [[Option<usize>; 1]; 1] = [[Some(0)]];

/// Makes a call that is refused with this.
async fn call<C: Caller>(
    caller: &Peer<C>,
    kind: RpcErrorKind,
    delivery: Delivery,
) -> (C::Outgoing, C::Incoming) {
    let headers = headers(&[("Kind", kind.as_str()), ("Delivery", delivery.as_str())]);
    let context = C::context_with(headers);
    let call = caller
        .wrpc
        .invoke(context, INSTANCE, "refuse", Bytes::new(), STREAM);
    guard("a call", call).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_reaches_our_caller_as_it_is() {
    let server = NatsServer::start().await;
    let (caller, target) = (new(&server).await, new(&server).await);
    let _serving = refusing(&target).await;
    for kind in RpcErrorKind::ALL {
        for delivery in Delivery::ALL {
            for waits in [false, true] {
                let (mut params, mut results) = call(&caller, kind, delivery).await;
                let mut stream = results.index(&[0]).unwrap();
                if waits {
                    // The handshake's answer is here, and the end of the results with it.
                    target.settled().await;
                    caller.wrpc.round_trip().await.unwrap();
                }
                let (read, error) = read_to_failure(&mut results, kind, delivery).await;
                assert_eq!(read, b"");
                let message = "test:app/echo@0.1.0#refuse: not today: 100 % größer";
                assert_eq!(error.message(), message);
                assert_eq!(error.is_safe_to_retry(), delivery == Delivery::NotSent);
                read_to_failure(&mut stream, kind, delivery).await;
                assert_failed(params.flush().await, kind, delivery);
                assert_failed(params.write_all(b"x").await, kind, delivery);
                assert_failed(params.shutdown().await, kind, delivery);
            }
        }
    }
    until("nothing to be left", async || caller.wrpc.calls() == 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn upstreams_writer_fails_and_its_reader_ends() {
    let server = NatsServer::start().await;
    let (caller, target) = (old(&server).await, new(&server).await);
    let _serving = refusing(&target).await;
    for kind in RpcErrorKind::ALL {
        let (mut params, mut results) = call(&caller, kind, Delivery::NotSent).await;
        let failed = guard("the writer", params.flush()).await.unwrap_err();
        assert_eq!(failed.to_string(), "peer did not specify a reply subject");
        assert_eq!(read_to_end(&mut results).await, b"");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn upstream_sees_the_same_of_every_refusal() {
    let server = NatsServer::start().await;
    let options = Options::new().max_running(NonZeroUsize::new(1).unwrap());
    let (caller, target) = (old(&server).await, new_with(&server, options).await);
    let requests = target.wrpc.requests(INSTANCE, "none", paths(&[])).await;
    let mut requests = requests.unwrap();
    let call = async |headers| {
        let params = Bytes::new();
        let call = caller
            .wrpc
            .invoke(headers, INSTANCE, "none", params, STREAM);
        let call = guard("a call", call).await.unwrap();
        caller.settled().await;
        call
    };
    let assert_refused = async |(mut params, mut results): (ParamWriter, Reader)| {
        let failed = guard("the writer", params.flush()).await.unwrap_err();
        assert_eq!(failed.to_string(), "peer did not specify a reply subject");
        assert_eq!(read_to_end(&mut results).await, b"");
    };
    // It was given out, and dropped.
    let dropped = call(None).await;
    drop(guard("a call", requests.next()).await);
    assert_refused(dropped).await;
    // It is too late, or one too many: it is not given out.
    let late = call(headers(&[("Wrpc-Timeout-Ms", "0")])).await;
    let _running = call(None).await;
    let request = guard("a call", requests.next()).await.unwrap();
    let _streams = request.unwrap().accept();
    assert_refused(late).await;
    let one_more = call(None).await;
    tokio::select! {
        biased;
        request = requests.next() => panic!("given out: {request:?}"),
        () = assert_refused(one_more) => {}
    }
    // It was never given out.
    let left = call(None).await;
    target.settled().await;
    drop(requests);
    assert_refused(left).await;
}

/// Reads a call's two streams, and asserts that it was refused with this.
async fn assert_refused(
    call: (Outgoing, Incoming),
    kind: RpcErrorKind,
    delivery: Delivery,
) -> RpcError {
    let (mut params, mut results) = call;
    let (read, error) = read_to_failure(&mut results, kind, delivery).await;
    assert_eq!(read, b"");
    assert_failed(params.flush().await, kind, delivery);
    error
}

async fn call_plain(caller: &Peer<Client>, func: &str) -> (Outgoing, Incoming) {
    let call = caller
        .wrpc
        .invoke(context(), INSTANCE, func, Bytes::new(), STREAM);
    guard("a call", call).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn one_call_more_than_may_run_is_refused() {
    let server = NatsServer::start().await;
    let options = Options::new().max_running(NonZeroUsize::new(2).unwrap());
    let (caller, target) = (new(&server).await, new_with(&server, options).await);
    let (release, run) = (Arc::new(Semaphore::new(0)), Arc::new(AtomicUsize::new(0)));
    let (released, ran) = (Arc::clone(&release), Arc::clone(&run));
    let _serving = requests(&target.wrpc, "wait", move |request| {
        ran.fetch_add(1, Ordering::Relaxed);
        let (release, (_, mut results, _)) = (Arc::clone(&released), request.accept());
        async move {
            release.acquire().await.unwrap().forget();
            results.write_all(b"done").await.unwrap();
            results.shutdown().await.unwrap();
        }
    })
    .await;
    let mut calls = Vec::new();
    for _ in 0..2 {
        let (mut params, results) = call_plain(&caller, "wait").await;
        guard("the handshake", params.flush()).await.unwrap();
        calls.push((params, results));
    }
    for _ in 0..3 {
        let refused = call_plain(&caller, "wait").await;
        let error = assert_refused(refused, RpcErrorKind::Overloaded, Delivery::NotSent).await;
        assert!(error.is_safe_to_retry());
    }
    assert_eq!(run.load(Ordering::Relaxed), 2);
    // As many as end may start.
    release.add_permits(1);
    until("one of the calls to be over", async || {
        target.wrpc.calls() == 1
    })
    .await;
    let (mut params, results) = call_plain(&caller, "wait").await;
    guard("the handshake", params.flush()).await.unwrap();
    calls.push((params, results));
    release.add_permits(2);
    for (_params, mut results) in calls {
        assert_eq!(read_to_end(&mut results).await, b"done");
    }
    assert_eq!(run.load(Ordering::Relaxed), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_not_looked_at_is_refused() {
    let server = NatsServer::start().await;
    let (caller, target) = (new(&server).await, new(&server).await);
    let mut requests = target
        .wrpc
        .requests(INSTANCE, "none", paths(&[]))
        .await
        .unwrap();
    let mut calls = Vec::new();
    for _ in 0..4 {
        calls.push(call_plain(&caller, "none").await);
    }
    caller.settled().await;
    let request = guard("a call", requests.next()).await.unwrap().unwrap();
    assert_eq!(request.function().to_string(), "test:app/echo@0.1.0#none");
    drop(request);
    assert_refused(calls.remove(0), RpcErrorKind::Overloaded, Delivery::NotSent).await;
    // The others have arrived too.
    target.settled().await;
    drop(requests);
    for call in calls {
        assert_refused(call, RpcErrorKind::Overloaded, Delivery::NotSent).await;
    }
    // Nobody is there for those that come later.
    until("nobody to serve the function", async || {
        let (_params, mut results) = call_plain(&caller, "none").await;
        let error = results.read_u8().await.unwrap_err();
        let error = RpcError::find_in(&error.into())
            .expect("an RpcError")
            .clone();
        error.kind() == RpcErrorKind::TargetUnavailable && error.delivery() == Delivery::NotSent
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_is_too_late_is_refused_and_not_run() {
    let server = NatsServer::start().await;
    let (caller, target) = (new(&server).await, new(&server).await);
    let (sender, mut run) = mpsc::unbounded_channel();
    let _serving = requests(&target.wrpc, "late", move |request| {
        sender.send(()).unwrap();
        drop(request);
        core::future::ready(())
    })
    .await;
    let context = context().with_deadline(tokio::time::Instant::now());
    let call = caller
        .wrpc
        .invoke(context, INSTANCE, "late", Bytes::new(), STREAM);
    let call = guard("a call", call).await.unwrap();
    assert_refused(call, RpcErrorKind::Timeout, Delivery::NotSent).await;
    run.try_recv().unwrap_err();
}

/// Byte for byte, for those who read it without a library.
#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_is_two_messages() {
    let server = NatsServer::start().await;
    let target = new(&server).await;
    let _serving = refusing(&target).await;
    for (kind, code) in [
        ("timeout", "408"),
        ("link-denied", "403"),
        ("target-unavailable", "503"),
        ("target-failed", "500"),
        ("overloaded", "503"),
        ("transport", "500"),
        ("protocol", "400"),
        ("other", "500"),
    ] {
        let mut caller = RawCaller::start(&server).await;
        let said = headers(&[("Kind", kind), ("Delivery", "unknown")]);
        caller.call("refuse", said, "").await;
        for subject in [caller.inbox.clone(), format!("{}.results", caller.inbox)] {
            let message = caller.next().await;
            assert_eq!(
                (&*message.subject, &*message.payload),
                (&*subject, &b""[..])
            );
            assert_eq!(message.reply, None);
            for (name, value) in [
                ("Wrpc-Error", kind),
                ("Wrpc-Error-Delivery", "unknown"),
                ("Wrpc-Error-Message", "not today: 100 %25 gr%C3%B6%C3%9Fer"),
                ("Nats-Service-Error", kind),
                ("Nats-Service-Error-Code", code),
            ] {
                assert_eq!(header(&message, name), Some(value));
            }
        }
    }
}
