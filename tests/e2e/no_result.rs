//! Functions whose success carries nothing to read.

use wrpc_middleware::{Delivery, RpcErrorKind};

use crate::support::guests;
use crate::support::host::{GREETER, Host};
use crate::support::outcome::Outcome;
use crate::support::raw_target::{Behaviour, RawTarget};
use crate::support::stack::{GREETER_PREFIX, LONG, TIMEOUT, host, links, ours};
use crate::support::targets::{self, upstream_client};
use crate::support::transports::{NatsWire, Own, Upstream};
use wrpc_middleware_testing::nats::NatsServer;
use wrpc_middleware_testing::wait::guard;

over_both!(
    a_target_that_traps_in_a_function_without_a_value_has_failed,
    a_function_without_a_result_does_not_succeed_before_the_target_has_closed,
    a_function_that_has_no_place_for_a_failure_traps_with_it,
);

const PLAIN: &str = "test:app/plain@0.1.0";

async fn a_target_that_traps_in_a_function_without_a_value_has_failed<N: NatsWire>() {
    let server = NatsServer::start().await;
    let client = server.connect().await;
    let target_client = server.connect().await;
    let _target =
        targets::upstream_component::<N>(target_client, GREETER_PREFIX, &guests::target()).await;
    let caller = host(
        &guests::caller(),
        ours::<N>(&client, &links(), LONG, LONG).await,
    );

    let trapped = caller.call(GREETER, "touch", "trap").await;

    trapped.assert_failure(RpcErrorKind::TargetFailed, Delivery::Accepted);
    assert_eq!(caller.call(GREETER, "touch", "bob").await.wave(), "ok");
}

/// The same with upstream's error, of which only the value travels: upstream reads none and
/// reports success.
#[tokio::test(flavor = "multi_thread")]
async fn control_without_the_adapter_a_trap_in_a_function_without_a_result_is_success() {
    let server = NatsServer::start().await;
    let client = server.connect().await;
    let target_client = server.connect().await;
    let _target =
        targets::upstream_component::<Upstream>(target_client, GREETER_PREFIX, &guests::target())
            .await;
    let wrpc = upstream_client(&client, GREETER_PREFIX).await;
    let caller = Host::upstream(&guests::caller(), wrpc, None);

    let trapped = caller.call(PLAIN, "notify", "trap").await;

    assert!(matches!(trapped, Outcome::Returned(None)), "{trapped:?}");
}

async fn a_function_without_a_result_does_not_succeed_before_the_target_has_closed<N: NatsWire>() {
    let server = NatsServer::start().await;
    let client = server.connect().await;
    let behaviour = Behaviour::AcceptOnly;
    let _target = RawTarget::start(server.connect().await, GREETER_PREFIX, behaviour).await;
    let caller = host(
        &guests::caller(),
        ours::<N>(&client, &links(), TIMEOUT, TIMEOUT).await,
    );

    let open = guard("the timeout", caller.call(PLAIN, "notify", "bob")).await;

    // There is no place for a failure in the function's type.
    open.assert_trapped_by(RpcErrorKind::Timeout, Delivery::Accepted);
}

#[tokio::test(flavor = "multi_thread")]
async fn control_without_the_adapter_it_succeeds_while_the_target_still_runs() {
    let server = NatsServer::start().await;
    let client = server.connect().await;
    let behaviour = Behaviour::AcceptOnly;
    let _target = RawTarget::start(server.connect().await, GREETER_PREFIX, behaviour).await;
    let wrpc = upstream_client(&client, GREETER_PREFIX).await;
    let caller = Host::upstream(&guests::caller(), wrpc, None);

    let open = guard("success", caller.call(PLAIN, "notify", "bob")).await;

    assert!(matches!(open, Outcome::Returned(None)), "{open:?}");
}

/// How a function without a result ends whose target traps.
async fn trap_without_a_result<C: NatsWire, T: NatsWire>() -> Outcome {
    let server = NatsServer::start().await;
    let client = server.connect().await;
    let target_client = server.connect().await;
    let _target = targets::component::<T>(target_client, GREETER_PREFIX, &guests::target()).await;
    let ours = ours::<C>(&client, &links(), LONG, LONG).await;
    let caller = host(&guests::caller(), ours);
    caller.call(PLAIN, "notify", "trap").await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trap_in_a_function_without_a_result_is_a_failure() {
    let trapped = trap_without_a_result::<Own, Own>().await;

    trapped.assert_trapped_by(RpcErrorKind::TargetFailed, Delivery::Accepted);
}

/// A known limit where either side has upstream's transport: a target that traps closes its streams
/// as one does that returns, and there is no value whose absence would tell them apart.
async fn known_limit_with_upstreams_it_looks_like_success<C: NatsWire, T: NatsWire>() {
    let trapped = trap_without_a_result::<C, T>().await;

    assert!(matches!(trapped, Outcome::Returned(None)), "{trapped:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn known_limit_upstreams_target() {
    known_limit_with_upstreams_it_looks_like_success::<Own, Upstream>().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn known_limit_upstreams_caller() {
    known_limit_with_upstreams_it_looks_like_success::<Upstream, Own>().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn known_limit_upstreams_caller_and_target() {
    known_limit_with_upstreams_it_looks_like_success::<Upstream, Upstream>().await;
}

async fn a_function_that_has_no_place_for_a_failure_traps_with_it<N: NatsWire>() {
    let server = NatsServer::start().await;
    let client = server.connect().await;
    let caller = host(
        &guests::caller(),
        ours::<N>(&client, &links(), LONG, LONG).await,
    );

    for func in ["hello", "notify"] {
        let absent = caller.call(PLAIN, func, "bob").await;
        absent.assert_trapped_by(RpcErrorKind::TargetUnavailable, Delivery::NotSent);
    }
}
