//! Streams that end in an error, and what old peers see of it.

use bytes::Bytes;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::oneshot;
use wrpc_middleware_errors::{Delivery, RpcError, RpcErrorKind};
use wrpc_middleware_nats::{Client, Incoming, Outgoing};
use wrpc_transport::{Index as _, Invoke as _};

use crate::support::both::{Caller, Peer, new, old};
use crate::support::errors::{assert_failed, read_to_end, read_to_failure};
use crate::support::peers::{INSTANCE, NO_PATHS, context};
use crate::support::serving::{Serving, paths, serve};
use wrpc_middleware_testing::nats::NatsServer;
use wrpc_middleware_testing::wait::guard;

const FUNCTION: &str = "test:app/echo@0.1.0#fail";

/// Serves a function that ends as its parameters say: the kind and delivery of the error, or
/// neither, and how many bytes of results come first.
async fn failing(target: &Peer<Client>) -> Serving {
    let serving = serve(
        &target.wrpc,
        "fail",
        paths(&[]),
        |_, mut results, mut params| async move {
            let params = read_to_end(&mut params).await;
            let how = str::from_utf8(&params).unwrap();
            let (at, how) = how.split_once(' ').unwrap();
            let (first, how) = how.split_once(' ').unwrap();
            let mut stream = if at == "root" {
                results
            } else {
                results.write_all(b"root").await.unwrap();
                let stream = results.index(&[3]).unwrap();
                results.shutdown().await.unwrap();
                stream
            };
            for byte in first.bytes() {
                // A message each.
                stream.write_all(&[byte]).await.unwrap();
            }
            match how.split_once(' ') {
                Some((kind, delivery)) => {
                    let (kind, delivery) = (kind.parse().unwrap(), delivery.parse().unwrap());
                    stream.fail(&RpcError::new(kind, delivery, "said so: größer\n100 %"));
                }
                None if how == "drop" => drop(stream),
                None => panic!("the handler panics"),
            }
        },
    )
    .await;
    target.settled().await;
    serving
}

const STREAM: [[Option<usize>; 1]; 1] = [[Some(3)]];

/// Makes a call that fails in that way.
async fn call<C: Caller>(caller: &Peer<C>, how: &str) -> (C::Outgoing, C::Incoming) {
    let params = Bytes::from(how.to_owned());
    let call = caller
        .wrpc
        .invoke(C::context(), INSTANCE, "fail", params, STREAM);
    let (mut params, results) = guard("a call", call).await.unwrap();
    guard("the handshake", params.shutdown()).await.unwrap();
    (params, results)
}

/// What is written before the end.
const PARTS: [&str; 3] = ["", "x", "half"];

#[tokio::test(flavor = "multi_thread")]
async fn a_function_that_ends_without_a_result_has_failed() {
    let server = NatsServer::start().await;
    let (caller, target) = (new(&server).await, new(&server).await);
    let _serving = failing(&target).await;
    for part in PARTS {
        for end in ["drop", "panic"] {
            let (_params, mut results) = call(&caller, &format!("root {part} {end}")).await;
            let kind = RpcErrorKind::TargetFailed;
            let (read, error) = read_to_failure(&mut results, kind, Delivery::Accepted).await;
            assert_eq!(read, part.as_bytes());
            assert_eq!(
                error.message(),
                format!("{FUNCTION}: the function ended without a result")
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_is_dropped_has_failed_and_no_other() {
    let server = NatsServer::start().await;
    let (caller, target) = (new(&server).await, new(&server).await);
    let _serving = failing(&target).await;
    for part in PARTS {
        for end in ["drop", "panic"] {
            let (_params, mut results) = call(&caller, &format!("stream {part} {end}")).await;
            let mut stream = results.index(&[3]).unwrap();
            if (part, end) == ("", "drop") {
                // What upstream's encoder makes of a future without a value.
                assert_eq!(read_to_end(&mut stream).await, b"");
            } else {
                let kind = RpcErrorKind::TargetFailed;
                let (read, _) = read_to_failure(&mut stream, kind, Delivery::Accepted).await;
                assert_eq!(read, part.as_bytes());
            }
            assert_eq!(read_to_end(&mut results).await, b"root");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn upstream_sees_the_end_of_its_input() {
    let server = NatsServer::start().await;
    let (caller, target) = (old(&server).await, new(&server).await);
    let _serving = failing(&target).await;
    for part in PARTS {
        for end in [
            "drop",
            "panic",
            "timeout not-sent",
            "target-failed accepted",
        ] {
            let (_params, mut results) = call(&caller, &format!("root {part} {end}")).await;
            assert_eq!(read_to_end(&mut results).await, part.as_bytes());
            let (_params, mut results) = call(&caller, &format!("stream {part} {end}")).await;
            let mut stream = results.index(&[3]).unwrap();
            assert_eq!(read_to_end(&mut stream).await, part.as_bytes());
            assert_eq!(read_to_end(&mut results).await, b"root");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_error_is_told_as_it_is_but_that_the_call_was_taken() {
    let server = NatsServer::start().await;
    let (caller, target) = (new(&server).await, new(&server).await);
    let _serving = failing(&target).await;
    for kind in RpcErrorKind::ALL {
        for delivery in Delivery::ALL {
            for part in PARTS {
                let how = format!("root {part} {kind} {delivery}");
                let (_params, mut results) = call(&caller, &how).await;
                let (read, error) = read_to_failure(&mut results, kind, Delivery::Accepted).await;
                assert_eq!(read, part.as_bytes());
                let said = format!("{FUNCTION}: said so: größer 100 %");
                assert_eq!(error.message(), said);

                let how = format!("stream {part} {kind} {delivery}");
                let (_params, mut results) = call(&caller, &how).await;
                let mut stream = results.index(&[3]).unwrap();
                let (read, error) = read_to_failure(&mut stream, kind, Delivery::Accepted).await;
                assert_eq!((&*read, error.message()), (part.as_bytes(), &*said));
                assert_eq!(read_to_end(&mut results).await, b"root");
            }
        }
    }
}

/// A call that gives its two ends out.
async fn ends(
    caller: &Peer<Client>,
    target: &Peer<Client>,
) -> (
    Serving,
    (Outgoing, Incoming),
    oneshot::Receiver<(Outgoing, Incoming)>,
) {
    let (sender, receiver) = oneshot::channel();
    let sender = std::sync::Mutex::new(Some(sender));
    let serving = serve(
        &target.wrpc,
        "ends",
        paths(&[&[Some(0)]]),
        move |_, results, params| {
            let sender = sender.lock().unwrap().take().unwrap();
            assert!(sender.send((results, params)).is_ok());
            core::future::ready(())
        },
    )
    .await;
    let params = Bytes::from_static(b"first");
    let call = caller
        .wrpc
        .invoke(context(), INSTANCE, "ends", params, NO_PATHS);
    let call = guard("a call", call).await.unwrap();
    (serving, call, receiver)
}

#[tokio::test(flavor = "multi_thread")]
async fn parameters_that_are_given_up_have_no_clean_end() {
    let server = NatsServer::start().await;
    let (caller, target) = (new(&server).await, new(&server).await);
    for after_handshake in [false, true] {
        let (_serving, (mut params, _results), end) = ends(&caller, &target).await;
        let mut expected = b"first".to_vec();
        if after_handshake {
            params.write_all(b" second").await.unwrap();
            expected.extend(b" second");
            let mut stream = params.index(&[0]).unwrap();
            stream.write_all(b"indexed").await.unwrap();
        }
        // Nothing is waited for: the handshake may be under way.
        drop(params);
        let (_results, mut params) = guard("the call to arrive", end).await.unwrap();
        let kind = RpcErrorKind::Other;
        let (read, _) = read_to_failure(&mut params, kind, Delivery::Accepted).await;
        assert_eq!(read, expected);
        if after_handshake {
            let mut stream = params.index(&[0]).unwrap();
            let (read, _) = read_to_failure(&mut stream, kind, Delivery::Accepted).await;
            assert_eq!(read, b"indexed");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_says_why_its_parameters_end() {
    let server = NatsServer::start().await;
    let (caller, target) = (new(&server).await, new(&server).await);
    for kind in RpcErrorKind::ALL {
        let (_serving, (mut params, _results), end) = ends(&caller, &target).await;
        guard("the handshake", params.flush()).await.unwrap();
        params.fail(&RpcError::new(kind, Delivery::Unknown, "the source broke"));
        let (_results, mut params) = guard("the call to arrive", end).await.unwrap();
        let (read, error) = read_to_failure(&mut params, kind, Delivery::Accepted).await;
        assert_eq!(read, b"first");
        assert!(error.message().ends_with("the source broke"), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn upstreams_target_sees_the_end_of_parameters_that_are_given_up() {
    let server = NatsServer::start().await;
    let (caller, target) = (new(&server).await, old(&server).await);
    let (sender, mut seen) = tokio::sync::mpsc::unbounded_channel();
    let _serving = serve(
        &target.wrpc,
        "ends",
        paths(&[]),
        move |_, results, mut params| {
            let sender = sender.clone();
            async move {
                sender.send(read_to_end(&mut params).await).unwrap();
                drop(results);
            }
        },
    )
    .await;
    target.settled().await;
    let params = Bytes::from_static(b"first");
    let call = caller
        .wrpc
        .invoke(context(), INSTANCE, "ends", params, NO_PATHS);
    let (params, mut results) = guard("a call", call).await.unwrap();
    drop(params);
    assert_eq!(guard("parameters", seen.recv()).await.unwrap(), b"first");
    // Neither does upstream tell a result from none.
    assert_eq!(read_to_end(&mut results).await, b"");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_written_after_the_end() {
    let server = NatsServer::start().await;
    let (caller, target) = (new(&server).await, new(&server).await);
    let (_serving, (mut params, mut results), end) = ends(&caller, &target).await;
    params.shutdown().await.unwrap();
    params.shutdown().await.unwrap();
    params.write_all(b"more").await.unwrap_err();
    let (mut answers, mut params) = guard("the call to arrive", end).await.unwrap();
    assert_eq!(read_to_end(&mut params).await, b"first");
    assert_eq!(params.read(&mut [0]).await.unwrap(), 0);
    answers.write_all(b"").await.unwrap();
    answers.write_all(b"all").await.unwrap();
    answers.shutdown().await.unwrap();
    answers.write_all(b"more").await.unwrap_err();
    // Closed is closed.
    answers.fail(&RpcError::new(
        RpcErrorKind::Other,
        Delivery::Accepted,
        "late",
    ));
    assert_eq!(read_to_end(&mut results).await, b"all");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_call_fails_at_both_ends() {
    let server = NatsServer::start().await;
    let (caller, target) = (new(&server).await, new(&server).await);
    let _serving = failing(&target).await;
    let (mut params, mut results) = {
        let params = Bytes::from_static(b"root  timeout accepted");
        let call = caller
            .wrpc
            .invoke(context(), INSTANCE, "fail", params, NO_PATHS);
        guard("a call", call).await.unwrap()
    };
    params.flush().await.unwrap();
    let mut child = params.index(&[0]).unwrap();
    params.shutdown().await.unwrap();
    read_to_failure(&mut results, RpcErrorKind::Timeout, Delivery::Accepted).await;
    // Nobody reads what goes on being written.
    for _ in 0..3 {
        let written = child.write_all(b"more").await;
        assert_failed(written, RpcErrorKind::Timeout, Delivery::Accepted);
    }
}
