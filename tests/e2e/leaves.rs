//! Either leaf, without layers.

use core::time::Duration;
use std::time::Instant;

use bytes::Bytes;
use futures::StreamExt as _;
use tower::{Layer as _, ServiceExt as _};
use wrpc_middleware::liveness::TargetLivenessLayer;
use wrpc_middleware::timeout::TimeoutLayer;
use wrpc_middleware::{Delivery, Invocation, Invoker, RpcErrorKind, Target};
use wrpc_transport::{InvokeExt as _, ServeExt as _};

use crate::leaf::{assert_failure, failure, to};
use crate::support::raw_target::{Behaviour, RawTarget};
use crate::support::stack::{Cx, LONG};
use crate::support::transports::NatsWire;
use wrpc_middleware_testing::nats::{NatsServer, disconnected, round_trip};
use wrpc_middleware_testing::tap::Tap;
use wrpc_middleware_testing::wait::guard;

over_both!(
    a_disconnected_client_fails_at_once_or_after_the_wait,
    a_wait_that_the_deadline_ends_is_not_sent,
    names_that_no_subject_can_have_are_refused_at_the_door,
    parameters_and_results_of_several_messages_arrive_whole,
);

/// The subject prefix of the target `a`.
const PREFIX: &str = "default.a";

async fn a_disconnected_client_fails_at_once_or_after_the_wait<N: NatsWire>() {
    let mut server = NatsServer::start().await;
    let client = server.connect().await;
    let _target = RawTarget::start(client.clone(), PREFIX, Behaviour::AcceptOnly).await;
    let at_once = N::leaf(&client).await;
    let wait = Duration::from_millis(300);
    let waiting = N::patient_leaf(&client, wait).await;
    let patient = N::patient_leaf(&client, LONG).await;
    server.kill();
    disconnected(&client).await;

    assert_failure(
        &failure(&at_once, to("a")).await,
        RpcErrorKind::Transport,
        Delivery::NotSent,
    );
    let start = Instant::now();
    assert_failure(
        &failure(&waiting, to("a")).await,
        RpcErrorKind::Transport,
        Delivery::NotSent,
    );
    assert!(start.elapsed() >= wait);

    let call = tokio::spawn(
        TargetLivenessLayer::new(LONG)
            .layer(patient)
            .oneshot(to("a")),
    );
    server.restart().await;
    let call = guard("the call to go through after the reconnect", call).await;
    call.expect("no panic")
        .expect("a call that the target took");
}

async fn a_wait_that_the_deadline_ends_is_not_sent<N: NatsWire>() {
    let mut server = NatsServer::start().await;
    let client = server.connect().await;
    let patient = N::patient_leaf(&client, LONG).await;
    server.kill();
    disconnected(&client).await;
    let layer = TimeoutLayer::new(Duration::from_millis(100));
    let outcome = guard("the deadline", layer.layer(patient).oneshot(to("a"))).await;
    assert_failure(
        &outcome.expect_err("a timeout"),
        RpcErrorKind::Timeout,
        Delivery::NotSent,
    );
}

async fn names_that_no_subject_can_have_are_refused_at_the_door<N: NatsWire>() {
    let server = NatsServer::start().await;
    let client = server.connect().await;
    let mut tap = Tap::start(&server).await;
    let leaf = N::leaf(&client).await;
    for (instance, func) in [
        ("a:b/*", "f"),
        ("a:b/c", ">"),
        ("a:b/c d", "f"),
        ("a:b/c", ""),
        ("a:b/c", "f\r\nPUB x 0\r\n\r\n"),
        ("a..b", "f"),
    ] {
        let invocation = Invocation::new(Cx::default(), instance, func, Bytes::new())
            .with_target(Target::new("a").expect("a target"));
        let error = failure(&leaf, invocation).await;
        assert_failure(&error, RpcErrorKind::Other, Delivery::NotSent);
        assert!(!error.message().contains(['\r', '\n']), "{error}");
    }
    let nowhere = Invocation::new(Cx::default(), "a:b/c", "f", Bytes::new());
    assert_failure(
        &failure(&leaf, nowhere).await,
        RpcErrorKind::Other,
        Delivery::NotSent,
    );
    assert_eq!(tap.calls_up_to_now(&client).await, [""; 0]);
}

async fn parameters_and_results_of_several_messages_arrive_whole<N: NatsWire>() {
    let server = NatsServer::start().await;
    let client = server.connect().await;
    let target = N::server(&client, PREFIX).await;
    let mut calls = Box::pin(
        target
            .serve_values::<(Bytes,), (Bytes,)>("test:app/echo", "echo", [])
            .await
            .expect("serve"),
    );
    round_trip(&client).await;
    let target = tokio::spawn(async move {
        while let Some(Ok((_, (bytes,), _, answer))) = calls.next().await {
            answer((bytes,)).await.expect("answer");
        }
    });
    let layer = TargetLivenessLayer::new(LONG);
    let invoker = Invoker::<_, Cx>::new(layer.layer(N::leaf(&client).await));
    let max_payload = client.max_payload();
    for len in [0, 1, max_payload - 1000, max_payload, 5 * max_payload / 2] {
        let sent: Bytes = (0..len).map(|n| n.to_le_bytes()[0]).collect();
        let cx = Cx::default().with_target(Target::new("a").expect("a target"));
        let call = invoker.invoke_values_blocking::<[Option<usize>; 0], _, (Bytes,)>(
            cx,
            "test:app/echo",
            "echo",
            (sent.clone(),),
            [],
        );
        let (received,) = guard("the echo", call).await.expect("the echo");
        assert!(received == sent, "{len} bytes differ");
    }
    target.abort();
}
