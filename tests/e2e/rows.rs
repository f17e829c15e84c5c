//! How a failure is returned where the result is something else than `result<T, rpc-error>`.

use wrpc_middleware::runtime::ImportLinker;
use wrpc_middleware::{Delivery, RpcErrorKind};

use crate::support::guests;
use crate::support::host::Host;
use crate::support::outcome::Outcome;
use crate::support::stack::{GREETER_PREFIX, LONG, TIMEOUT, context, host, links, ours};
use crate::support::targets;
use crate::support::transports::NatsWire;
use wrpc_middleware_testing::nats::NatsServer;

over_both!(
    an_error_with_a_case_for_failures_gets_that_case,
    a_text_is_an_error_only_where_the_host_opts_in,
    upstreams_error_has_a_typed_view,
    a_component_opts_in_before_its_provider_where_the_host_says_so,
    functions_at_the_root_of_a_world_fail_with_their_own_type,
    a_timeout_of_the_stores_context_is_a_timeout_too,
);

const NESTED: &str = "test:app/nested@0.1.0";
const TEXTS: &str = "test:app/texts@0.1.0";
const PLAIN: &str = "test:app/plain@0.1.0";
const INSPECTOR: &str = "test:app/inspector@0.1.0";

async fn an_error_with_a_case_for_failures_gets_that_case<N: NatsWire>() {
    let server = NatsServer::start().await;
    let client = server.connect().await;
    let caller = host(
        &guests::caller(),
        ours::<N>(&client, &links(), LONG, LONG).await,
    );

    let absent = caller.call(NESTED, "greet", "bob").await;
    absent.assert_failure(RpcErrorKind::TargetUnavailable, Delivery::NotSent);
    assert!(
        absent.wave().starts_with("err(rpc(target-unavailable("),
        "{absent:?}"
    );

    // The other cases are the target's own.
    let target_client = server.connect().await;
    let _target = targets::component::<N>(target_client, GREETER_PREFIX, &guests::target()).await;
    let failed = caller.call(NESTED, "greet", "fail").await;
    assert_eq!(failed.wave(), r#"err(not-found("the target says so"))"#);
    let trapped = caller.call(NESTED, "greet", "trap").await;
    trapped.assert_failure(RpcErrorKind::TargetFailed, Delivery::Accepted);
}

async fn a_text_is_an_error_only_where_the_host_opts_in<N: NatsWire>() {
    let server = NatsServer::start().await;
    let client = server.connect().await;
    let ours = ours::<N>(&client, &links(), LONG, LONG).await;

    let strict = host(&guests::caller(), ours.clone());
    for func in ["greet", "find"] {
        let absent = strict.call(TEXTS, func, "bob").await;
        absent.assert_trapped_by(RpcErrorKind::TargetUnavailable, Delivery::NotSent);
    }

    let lenient = Host::new(&guests::caller(), ours, context(), |component, linker| {
        let linker_of_texts = ImportLinker::new(component).string_errors(true);
        linker_of_texts.link(linker).map(drop)
    })
    .expect("a component that links");
    let absent = lenient.call(TEXTS, "greet", "bob").await.wave();
    assert!(absent.starts_with(r#"err("target-unavailable"#), "{absent}");
    let absent = lenient.call(TEXTS, "find", "bob").await.wave();
    assert!(
        absent.starts_with(r#"err(other("target-unavailable"#),
        "{absent}"
    );
}

/// Only the value travels, so the target serves `func(name: string) -> string`.
async fn upstreams_error_has_a_typed_view<N: NatsWire>() {
    let server = NatsServer::start().await;
    let client = server.connect().await;
    let caller = host(
        &guests::opaque_caller(),
        ours::<N>(&client, &links(), TIMEOUT, TIMEOUT).await,
    );

    let absent = caller.call(INSPECTOR, "greet", "bob").await;
    absent.assert_failure(RpcErrorKind::TargetUnavailable, Delivery::NotSent);

    let _target = targets::hello::<N>(
        server.connect().await,
        GREETER_PREFIX,
        "test:app/opaque@0.1.0",
    )
    .await;
    let greeted = caller.call(INSPECTOR, "greet", "bob").await;
    assert_eq!(greeted.wave(), r#"ok("hello, bob")"#);
    let slow = caller.call(INSPECTOR, "greet", "slow").await;
    slow.assert_failure(RpcErrorKind::Timeout, Delivery::Accepted);
}

async fn a_component_opts_in_before_its_provider_where_the_host_says_so<N: NatsWire>() {
    const GREETER: &str = "test:app/greeter@0.1.0";

    let server = NatsServer::start().await;
    let client = server.connect().await;
    let _target = targets::hello::<N>(server.connect().await, GREETER_PREFIX, GREETER).await;
    let ours = ours::<N>(&client, &links(), LONG, LONG).await;

    let caller = Host::new(
        &guests::caller(),
        ours.clone(),
        context(),
        |component, linker| {
            let bare = ImportLinker::new(component).bare("test:app/greeter", "greet");
            bare.link(linker).map(drop)
        },
    )
    .expect("a component that links");
    assert_eq!(caller.greet("bob").await.wave(), r#"ok("hello, bob")"#);

    // Without the mark, the length of the text is no `result`.
    let unmarked = host(&guests::caller(), ours);
    let unmarked = unmarked.greet("bob").await;
    unmarked.assert_failure(RpcErrorKind::Protocol, Delivery::Accepted);
}

async fn functions_at_the_root_of_a_world_fail_with_their_own_type<N: NatsWire>() {
    let server = NatsServer::start().await;
    let client = server.connect().await;
    let caller = host(
        &guests::root_caller(),
        ours::<N>(&client, &links(), LONG, LONG).await,
    );

    let absent = caller.call("", "call-greet", "bob").await;

    absent.assert_failure(RpcErrorKind::TargetUnavailable, Delivery::NotSent);
}

async fn a_timeout_of_the_stores_context_is_a_timeout_too<N: NatsWire>() {
    let server = NatsServer::start().await;
    let client = server.connect().await;
    let _target = targets::native::<N>(server.connect().await, GREETER_PREFIX).await;
    let caller = host(
        &guests::caller(),
        ours::<N>(&client, &links(), LONG, LONG).await,
    );
    let caller = caller.context_timeout(TIMEOUT);
    assert_eq!(caller.greet("bob").await.wave(), r#"ok("hello, bob")"#);

    // The adapter works over any transport, so it can't know what this one has proven.
    let slow = caller.greet("slow").await;
    slow.assert_failure(RpcErrorKind::Timeout, Delivery::Unknown);
    let slow = caller.call(PLAIN, "hello", "slow").await;
    slow.assert_trapped_by(RpcErrorKind::Timeout, Delivery::Unknown);
    assert!(matches!(
        caller.call(PLAIN, "notify", "bob").await,
        Outcome::Returned(None)
    ));
}
