//! The leaf over upstream's client, without layers.

use core::num::NonZeroUsize;
use core::time::Duration;
use std::future::IntoFuture as _;
use std::time::Instant;

use async_nats::Client;
use bytes::Bytes;
use futures::future::join_all;
use futures::{FutureExt as _, StreamExt as _};
use tokio::io::AsyncWriteExt as _;
use tokio::time::timeout;
use tower::{Layer as _, ServiceExt as _};
use wrpc_middleware::liveness::TargetLivenessLayer;
use wrpc_middleware::upstream_nats::NatsTransport;
use wrpc_middleware::{Context, Delivery, Invocation, Invoker, RpcError, RpcErrorKind, Target};
use wrpc_transport::{InvokeExt as _, ServeExt as _};

use crate::support::nats::{NatsServer, connected, disconnected, round_trip};
use crate::support::raw_target::{Behaviour, RawTarget};
use crate::support::tap::Tap;
use crate::support::targets::upstream_client;
use crate::support::wait::{guard, until};

type Cx = Context<Option<async_nats::HeaderMap>>;

fn leaf(client: &Client) -> NatsTransport {
    NatsTransport::builder(client.clone()).build()
}

fn to(target: &str) -> Invocation<Cx> {
    Invocation::new(Cx::default(), "test:app/echo", "echo", Bytes::new())
        .with_target(Target::new(target).expect("a target"))
}

async fn failure(leaf: &NatsTransport, invocation: Invocation<Cx>) -> RpcError {
    let outcome = guard("the call to fail", leaf.clone().oneshot(invocation)).await;
    outcome.expect_err("a failure")
}

#[track_caller]
fn assert_failure(error: &RpcError, kind: RpcErrorKind, delivery: Delivery) {
    assert_eq!(
        (error.kind(), error.delivery()),
        (kind, delivery),
        "{error}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_first_calls_to_a_target_share_one_subscription() {
    let server = NatsServer::start().await;
    let client = server.connect().await;
    let _target = RawTarget::start(client.clone(), "a", Behaviour::AcceptOnly).await;
    // The target's own; it also had one for a round trip.
    let before = 1;
    server.subscriptions_return_to(before).await;
    let leaf = leaf(&client);
    let calls = (0..100).map(|_| tokio::spawn(leaf.clone().oneshot(to("a")).into_future()));
    let calls = guard("the calls", join_all(calls)).await;
    assert!(calls.iter().all(|call| matches!(call, Ok(Ok(_)))));
    server.subscriptions_return_to(before + 1).await;
    drop((calls, leaf));
    server.subscriptions_return_to(before).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_number_of_clients_is_bounded() {
    let server = NatsServer::start().await;
    let client = server.connect().await;
    let before = server.subscriptions().await;
    let leaf = NatsTransport::builder(client.clone())
        .max_clients(NonZeroUsize::new(3).expect("a number"))
        .build();
    for target in 0..20 {
        let call = leaf.clone().oneshot(to(&format!("t{target}"))).await;
        drop(call.expect("a call that is on its way"));
        round_trip(&client).await;
        let most = before + 3;
        until("the client not used for longest to go", async || {
            server.subscriptions().await <= most
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disconnected_client_fails_at_once_or_after_the_wait() {
    let mut server = NatsServer::start().await;
    let client = server.connect().await;
    let _target = RawTarget::start(client.clone(), "a", Behaviour::AcceptOnly).await;
    let at_once = leaf(&client);
    let wait = Duration::from_millis(300);
    let waiting = NatsTransport::builder(client.clone())
        .reconnect_wait(wait)
        .build();
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

    let patient = NatsTransport::builder(client.clone())
        .reconnect_wait(Duration::from_mins(1))
        .build();
    let call = tokio::spawn(
        TargetLivenessLayer::new(Duration::from_mins(1))
            .layer(patient)
            .oneshot(to("a")),
    );
    server.restart().await;
    let call = guard("the call to go through after the reconnect", call).await;
    call.expect("no panic")
        .expect("a call that the target took");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wait_that_the_deadline_ends_is_not_sent() {
    let mut server = NatsServer::start().await;
    let client = server.connect().await;
    let patient = NatsTransport::builder(client.clone())
        .reconnect_wait(Duration::from_mins(1))
        .build();
    server.kill();
    disconnected(&client).await;
    let layer = wrpc_middleware::timeout::TimeoutLayer::new(Duration::from_millis(100));
    let outcome = guard("the deadline", layer.layer(patient).oneshot(to("a"))).await;
    assert_failure(
        &outcome.expect_err("a timeout"),
        RpcErrorKind::Timeout,
        Delivery::NotSent,
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn names_that_no_subject_can_have_are_refused_at_the_door() {
    let server = NatsServer::start().await;
    let client = server.connect().await;
    let mut tap = Tap::start(&server).await;
    let leaf = leaf(&client);
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
    assert_eq!(tap.subjects_up_to_now(&client).await, [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn parameters_and_results_of_several_messages_arrive_whole() {
    let server = NatsServer::start().await;
    let client = server.connect().await;
    let target = upstream_client(&client, "a").await;
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
    let layer = TargetLivenessLayer::new(Duration::from_secs(30));
    let invoker = Invoker::<_, Cx>::new(layer.layer(leaf(&client)));
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

#[tokio::test(flavor = "multi_thread")]
async fn calls_that_are_given_up_leave_no_subscription_or_task_behind() {
    let server = NatsServer::start().await;
    let client = server.connect().await;
    let _target = RawTarget::start(client.clone(), "a", Behaviour::NeverAccept).await;
    let leaf = leaf(&client);
    let give_up_after = async |wait| {
        let call = async {
            let mut call = leaf.clone().oneshot(to("a")).await.expect("a call");
            call.outgoing.flush().await.expect("the handshake");
        };
        timeout(wait, call)
            .await
            .expect_err("nobody takes the call");
    };
    // The first call makes the client, which stays.
    give_up_after(Duration::from_millis(100)).await;
    let with_client = 2;
    server.subscriptions_return_to(with_client).await;
    let tasks = || {
        tokio::runtime::Handle::current()
            .metrics()
            .num_alive_tasks()
    };
    let before = tasks();
    for micros in 0..100 {
        give_up_after(Duration::from_micros(micros * 20)).await;
    }
    until("the tasks to end", async || tasks() <= before).await;
    server.subscriptions_return_to(with_client).await;
}

/// On one thread, so that nothing else runs while a call is polled.
#[tokio::test]
async fn a_client_in_which_calls_were_given_up_is_replaced() {
    let mut server = NatsServer::start().await;
    let client = server.connect().await;
    let mut calls = client.subscribe("a.>").await.expect("subscribe");
    round_trip(&client).await;
    let leaf = leaf(&client);
    let mut inbox = async || {
        let mut invocation = to("a");
        invocation.func = "whole".into();
        let call = leaf.clone().oneshot(invocation).await;
        drop(call.expect("a call that is on its way"));
        loop {
            let call = guard("the call", calls.next()).await.expect("a message");
            if call.subject.ends_with(".whole") {
                let reply = call.reply.expect("a reply subject").to_string();
                let (inbox, _) = reply.rsplit_once('.').expect("an inbox");
                break inbox.to_owned();
            }
        }
    };
    let mut last = inbox().await;
    for _ in 0..3 {
        assert_eq!(inbox().await, last, "whole calls wear nothing out");
        for _ in 0..16 {
            let call = leaf.clone().oneshot(to("a")).now_or_never();
            assert!(call.is_none(), "the call waits for its flush");
        }
        let next = inbox().await;
        assert_ne!(next, last);
        last = next;
    }
    server.kill();
    disconnected(&client).await;
    for _ in 0..40 {
        let error = failure(&leaf, to("a")).await;
        assert_failure(&error, RpcErrorKind::Transport, Delivery::NotSent);
    }
    server.restart().await;
    connected(&client).await;
    assert_eq!(inbox().await, last, "calls that are never sent neither");
    // The replaced clients are gone.
    server.subscriptions_return_to(2).await;
}
