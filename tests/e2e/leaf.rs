//! The leaf over upstream's client, without layers: what is its own.

use core::fmt;
use core::num::NonZeroUsize;
use core::time::Duration;
use std::future::IntoFuture as _;

use async_nats::Client;
use bytes::Bytes;
use futures::future::join_all;
use futures::{FutureExt as _, StreamExt as _};
use tokio::io::AsyncWriteExt as _;
use tokio::time::timeout;
use tower::{Service, ServiceExt as _};
use wrpc_middleware::upstream_nats::NatsTransport;
use wrpc_middleware::{Context, Delivery, Invocation, RpcError, RpcErrorKind, Target};

use crate::support::raw_target::{Behaviour, RawTarget};
use wrpc_middleware_testing::nats::{NatsServer, connected, disconnected, round_trip};
use wrpc_middleware_testing::wait::{guard, until};

type Cx = Context<Option<async_nats::HeaderMap>>;

fn leaf(client: &Client) -> NatsTransport {
    NatsTransport::builder(client.clone()).build()
}

pub(crate) fn to(target: &str) -> Invocation<Cx> {
    call("echo", target)
}

fn call(func: &str, target: &str) -> Invocation<Cx> {
    Invocation::new(Cx::default(), "test:app/echo", func, Bytes::new())
        .with_target(Target::new(target).expect("a target"))
}

pub(crate) async fn failure<S>(leaf: &S, invocation: Invocation<Cx>) -> RpcError
where
    S: Service<Invocation<Cx>, Response: fmt::Debug, Error = RpcError> + Clone,
{
    let outcome = guard("the call to fail", leaf.clone().oneshot(invocation)).await;
    outcome.expect_err("a failure")
}

#[track_caller]
pub(crate) fn assert_failure(error: &RpcError, kind: RpcErrorKind, delivery: Delivery) {
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
    let before = 2;
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
    let with_client = 3;
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
        let call = leaf.clone().oneshot(call("whole", "a")).await;
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
