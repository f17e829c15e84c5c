//! Every failure reaches the component as its own case, and what happens without the layers.

use core::time::Duration;
use std::time::Instant;

use async_nats::Client;
use wrpc_middleware::link::LinkTable;
use wrpc_middleware::{Delivery, RpcErrorKind};

use crate::support::guests;
use crate::support::host::{GREETER, Host};
use crate::support::stack::{GREETER_PREFIX, LONG, Ours, SOON, TIMEOUT, host, link, links, ours};
use crate::support::targets::{self, upstream_client};
use crate::support::transports::{NatsWire, Upstream};
use wrpc_middleware_testing::nats::{NatsServer, connected, disconnected};
use wrpc_middleware_testing::process::Process;
use wrpc_middleware_testing::tap::Tap;
use wrpc_middleware_testing::wait::{assert_hangs, guard};

over_both!(
    a_call_works,
    a_call_without_a_link_is_denied_before_anything_is_sent,
    an_absent_target_is_unavailable_at_once,
    a_frozen_target_is_unavailable_after_the_handshake_timeout,
    a_slow_target_is_a_timeout,
    a_killed_broker_is_a_transport_failure_until_it_is_back,
    behind_a_subscription_on_everything_an_absent_target_is_silent,
);

/// The project's host of a caller.
pub(crate) async fn caller<N: NatsWire>(
    client: &Client,
    timeout: Duration,
    handshake: Duration,
) -> Host<Ours<N>> {
    let ours = ours::<N>(client, &links(), timeout, handshake).await;
    host(&guests::caller(), ours)
}

/// The control: upstream's host of the same component, over upstream's client.
pub(crate) async fn upstream_caller(client: &Client) -> Host<wrpc_transport_nats::Client> {
    let wrpc = upstream_client(client, GREETER_PREFIX).await;
    Host::upstream(&guests::caller(), wrpc, None)
}

/// A well-behaved target in a process of its own.
async fn native_process<N: NatsWire>(server: &NatsServer) -> Process {
    let mut target = Process::start("native", &[&server.url(), GREETER_PREFIX, N::NAME]);
    target.says("ready").await;
    target
}

async fn a_call_works<N: NatsWire>() {
    let server = NatsServer::start().await;
    let client = server.connect().await;
    let _target = native_process::<N>(&server).await;
    let caller = caller::<N>(&client, LONG, LONG).await;

    assert_eq!(caller.greet("bob").await.wave(), r#"ok("hello, bob")"#);
}

async fn a_call_without_a_link_is_denied_before_anything_is_sent<N: NatsWire>() {
    let server = NatsServer::start().await;
    let client = server.connect().await;
    let _target = native_process::<N>(&server).await;
    let links = LinkTable::default();
    let caller = host(
        &guests::caller(),
        ours::<N>(&client, &links, LONG, LONG).await,
    );
    let mut tap = Tap::start(&server).await;

    let denied = caller.greet("bob").await;

    denied.assert_failure(RpcErrorKind::LinkDenied, Delivery::NotSent);
    assert_eq!(tap.calls_up_to_now(&client).await, [""; 0]);

    // The tap would have seen it: with the link, in the same process, the call goes through.
    links.insert(&link("test:app/greeter"));
    assert_eq!(caller.greet("bob").await.wave(), r#"ok("hello, bob")"#);
    let seen = tap.calls_up_to_now(&client).await;
    let call = format!("{GREETER_PREFIX}.wrpc.0.0.1.{GREETER}.greet");
    assert_eq!(seen, [call]);
}

#[tokio::test(flavor = "multi_thread")]
async fn control_without_authorization_every_call_is_sent() {
    let server = NatsServer::start().await;
    let client = server.connect().await;
    let _target = native_process::<Upstream>(&server).await;
    let caller = upstream_caller(&client).await;

    assert_eq!(caller.greet("bob").await.wave(), r#"ok("hello, bob")"#);
}

async fn an_absent_target_is_unavailable_at_once<N: NatsWire>() {
    let server = NatsServer::start().await;
    let client = server.connect().await;
    let caller = caller::<N>(&client, LONG, LONG).await;

    let start = Instant::now();
    let absent = caller.greet("bob").await;

    absent.assert_failure(RpcErrorKind::TargetUnavailable, Delivery::NotSent);
    assert!(start.elapsed() < SOON, "{:?}", start.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn control_without_liveness_an_absent_target_traps_the_caller() {
    let server = NatsServer::start().await;
    let client = server.connect().await;

    let absent = upstream_caller(&client).await.greet("bob").await;

    absent.assert_trapped_untyped();
}

async fn a_frozen_target_is_unavailable_after_the_handshake_timeout<N: NatsWire>() {
    let server = NatsServer::start().await;
    let client = server.connect().await;
    let target = native_process::<N>(&server).await;
    let caller = caller::<N>(&client, LONG, Duration::from_millis(500)).await;
    target.freeze().await;

    let start = Instant::now();
    let frozen = caller.greet("bob").await;

    frozen.assert_failure(RpcErrorKind::TargetUnavailable, Delivery::Unknown);
    assert!(start.elapsed() < SOON, "{:?}", start.elapsed());

    // Nothing of the caller's has to be restarted.
    target.thaw();
    wrpc_middleware_testing::wait::until("calls to work again", async || {
        caller.greet("bob").await.failure().is_none()
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn control_without_liveness_a_frozen_target_hangs_the_caller() {
    let server = NatsServer::start().await;
    let client = server.connect().await;
    let target = native_process::<Upstream>(&server).await;
    let caller = upstream_caller(&client).await;
    target.freeze().await;

    assert_hangs("a call to a frozen target", caller.greet("bob")).await;
}

async fn a_slow_target_is_a_timeout<N: NatsWire>() {
    let server = NatsServer::start().await;
    let client = server.connect().await;
    let _target = native_process::<N>(&server).await;
    let caller = caller::<N>(&client, TIMEOUT, TIMEOUT).await;
    assert_eq!(caller.greet("bob").await.wave(), r#"ok("hello, bob")"#);

    let slow = guard("the timeout", caller.greet("slow")).await;

    slow.assert_failure(RpcErrorKind::Timeout, Delivery::Accepted);
}

#[tokio::test(flavor = "multi_thread")]
async fn control_without_timeout_a_slow_target_hangs_the_caller() {
    let server = NatsServer::start().await;
    let client = server.connect().await;
    let _target = native_process::<Upstream>(&server).await;
    let caller = upstream_caller(&client).await;
    assert_eq!(caller.greet("bob").await.wave(), r#"ok("hello, bob")"#);

    assert_hangs("a call to a slow target", caller.greet("slow")).await;
}

async fn a_killed_broker_is_a_transport_failure_until_it_is_back<N: NatsWire>() {
    let mut server = NatsServer::start().await;
    let client = server.connect().await;
    let target_client = server.connect().await;
    let _target = targets::native::<N>(target_client.clone(), GREETER_PREFIX).await;
    let caller = caller::<N>(&client, LONG, LONG).await;
    assert_eq!(caller.greet("bob").await.wave(), r#"ok("hello, bob")"#);

    server.kill();
    disconnected(&client).await;
    let start = Instant::now();
    let down = caller.greet("bob").await;

    down.assert_failure(RpcErrorKind::Transport, Delivery::NotSent);
    assert!(start.elapsed() < SOON, "{:?}", start.elapsed());

    server.restart().await;
    connected(&client).await;
    connected(&target_client).await;
    assert_eq!(caller.greet("bob").await.wave(), r#"ok("hello, bob")"#);
}

#[tokio::test(flavor = "multi_thread")]
async fn control_without_the_leaf_a_killed_broker_hangs_the_caller() {
    let mut server = NatsServer::start().await;
    let client = server.connect().await;
    let _target = targets::native::<Upstream>(server.connect().await, GREETER_PREFIX).await;
    let caller = upstream_caller(&client).await;
    assert_eq!(caller.greet("bob").await.wave(), r#"ok("hello, bob")"#);

    server.kill();
    disconnected(&client).await;

    assert_hangs("a call without a broker", caller.greet("bob")).await;
}

async fn behind_a_subscription_on_everything_an_absent_target_is_silent<N: NatsWire>() {
    let server = NatsServer::start().await;
    let client = server.connect().await;
    let _tap = Tap::start(&server).await;
    let caller = caller::<N>(&client, LONG, Duration::from_millis(500)).await;

    let absent = caller.greet("bob").await;

    absent.assert_failure(RpcErrorKind::TargetUnavailable, Delivery::Unknown);
}

#[tokio::test(flavor = "multi_thread")]
async fn control_behind_a_subscription_on_everything_an_absent_target_hangs_the_caller() {
    let server = NatsServer::start().await;
    let client = server.connect().await;
    let _tap = Tap::start(&server).await;
    let caller = upstream_caller(&client).await;

    assert_hangs("a call that a tap listens to", caller.greet("bob")).await;
}
