//! Targets that take a call and then break the rules.

use core::time::Duration;

use async_nats::Client;
use wrpc_middleware::{Delivery, RpcErrorKind};

use crate::failures::{caller, upstream_caller};
use crate::support::host::GREETER;
use crate::support::outcome::Outcome;
use crate::support::raw_target::{Behaviour, RawTarget};
use crate::support::stack::{GREETER_PREFIX, LONG, TIMEOUT};
use crate::support::targets::upstream_client;
use crate::support::transports::{NatsWire, Own, Upstream};
use wrpc_middleware_testing::nats::NatsServer;
use wrpc_middleware_testing::process::Process;
use wrpc_middleware_testing::wait::{assert_hangs, guard};

over_both!(
    a_target_that_accepts_and_never_answers_is_a_timeout,
    a_target_that_drips_is_a_timeout,
    bytes_that_do_not_decode_are_a_protocol_failure,
    a_target_that_closes_at_once_has_failed,
);

/// A server, a client of it for the caller, and the target.
async fn rule_breaker(behaviour: Behaviour) -> (NatsServer, Client, RawTarget) {
    let server = NatsServer::start().await;
    let client = server.connect().await;
    let target = RawTarget::start(server.connect().await, GREETER_PREFIX, behaviour).await;
    (server, client, target)
}

async fn a_target_that_accepts_and_never_answers_is_a_timeout<N: NatsWire>() {
    let (_server, client, _target) = rule_breaker(Behaviour::AcceptOnly).await;

    let silent = guard(
        "the timeout",
        caller::<N>(&client, TIMEOUT, TIMEOUT).await.greet("bob"),
    )
    .await;

    silent.assert_failure(RpcErrorKind::Timeout, Delivery::Accepted);
}

#[tokio::test(flavor = "multi_thread")]
async fn control_upstreams_timeout_does_not_bound_a_target_that_never_answers() {
    use wrpc_transport::{Invoke as _, InvokeExt as _};

    let (_server, client, _target) = rule_breaker(Behaviour::AcceptOnly).await;
    let wrpc = upstream_client(&client, GREETER_PREFIX).await;

    let timeout = wrpc.timeout(Duration::from_secs(1));
    let (_outgoing, mut incoming) = timeout
        .invoke(
            None,
            GREETER,
            "greet",
            vec![3, b'b', b'o', b'b'].into(),
            [[]; 0],
        )
        .await
        .expect("no failure so far");

    let read = tokio::io::AsyncReadExt::read_u8(&mut incoming);
    assert_hangs("reading of the result", read).await;
}

/// How a call ends whose target is killed after it has accepted.
async fn killed<N: NatsWire>(timeout: Duration) -> Outcome {
    let server = NatsServer::start().await;
    let client = server.connect().await;
    let args = [
        &*server.url(),
        GREETER_PREFIX,
        &Behaviour::AcceptOnly.name(),
    ];
    let mut target = Process::start("raw", &args);
    target.says("ready").await;
    let caller = caller::<N>(&client, timeout, timeout).await;

    let call = tokio::spawn(async move { caller.greet("bob").await });
    target.says("accepted").await;
    target.kill();
    guard("the call to end", call).await.expect("no panic")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_that_accepts_and_is_killed_has_failed() {
    let killed = killed::<Own>(LONG).await;

    killed.assert_failure(RpcErrorKind::TargetFailed, Delivery::Accepted);
}

#[tokio::test(flavor = "multi_thread")]
async fn over_upstreams_client_a_target_that_accepts_and_is_killed_is_a_timeout() {
    let killed = killed::<Upstream>(TIMEOUT).await;

    killed.assert_failure(RpcErrorKind::Timeout, Delivery::Accepted);
}

#[tokio::test(flavor = "multi_thread")]
async fn control_without_timeout_a_target_that_is_killed_hangs_the_caller() {
    let server = NatsServer::start().await;
    let client = server.connect().await;
    let args = [
        &*server.url(),
        GREETER_PREFIX,
        &Behaviour::AcceptOnly.name(),
    ];
    let mut target = Process::start("raw", &args);
    target.says("ready").await;
    let caller = upstream_caller(&client).await;

    let call = tokio::spawn(async move { caller.greet("bob").await });
    target.says("accepted").await;
    target.kill();

    assert_hangs("a call whose target was killed", call).await;
}

async fn a_target_that_drips_is_a_timeout<N: NatsWire>() {
    let (_server, client, _target) = rule_breaker(Behaviour::Drip).await;

    let dripping = guard(
        "the timeout",
        caller::<N>(&client, TIMEOUT, TIMEOUT).await.greet("bob"),
    )
    .await;

    dripping.assert_failure(RpcErrorKind::Timeout, Delivery::Accepted);
}

#[tokio::test(flavor = "multi_thread")]
async fn control_without_timeout_a_target_that_drips_hangs_the_caller() {
    let (_server, client, _target) = rule_breaker(Behaviour::Drip).await;
    let caller = upstream_caller(&client).await;

    assert_hangs("a call to a target that drips", caller.greet("bob")).await;
}

async fn bytes_that_do_not_decode_are_a_protocol_failure<N: NatsWire>() {
    let (_server, client, _target) = rule_breaker(Behaviour::Garbage).await;

    let garbage = caller::<N>(&client, LONG, LONG).await.greet("bob").await;

    garbage.assert_failure(RpcErrorKind::Protocol, Delivery::Accepted);
}

#[tokio::test(flavor = "multi_thread")]
async fn control_without_the_adapter_bytes_that_do_not_decode_trap_the_caller() {
    let (_server, client, _target) = rule_breaker(Behaviour::Garbage).await;

    let garbage = upstream_caller(&client).await.greet("bob").await;

    garbage.assert_trapped_untyped();
}

async fn a_target_that_closes_at_once_has_failed<N: NatsWire>() {
    let (_server, client, _target) = rule_breaker(Behaviour::CloseAtOnce).await;

    let closed = caller::<N>(&client, LONG, LONG).await.greet("bob").await;

    closed.assert_failure(RpcErrorKind::TargetFailed, Delivery::Accepted);
}

#[tokio::test(flavor = "multi_thread")]
async fn control_without_the_adapter_a_target_that_closes_at_once_traps_the_caller() {
    let (_server, client, _target) = rule_breaker(Behaviour::CloseAtOnce).await;

    let closed = upstream_caller(&client).await.greet("bob").await;

    closed.assert_trapped_untyped();
}
