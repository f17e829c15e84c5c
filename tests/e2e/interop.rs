//! On the wire everything is as upstream has it, in both directions.

use wrpc_transport::{Invoke, InvokeExt as _};

use crate::support::bindings::client::test::app::greeter::{self, Person};
use crate::support::bindings::client::wrpc::errors::types::RpcError;
use crate::support::guests;
use crate::support::host::{GREETER, Host};
use crate::support::stack::{GREETER_PREFIX, LONG, Ours, context, host, links, ours};
use crate::support::targets::{self, upstream_client};
use crate::support::transports::NatsWire;
use wrpc_middleware_testing::nats::NatsServer;

over_all_pairs!(
    our_caller_to_a_native_target,
    our_caller_to_a_component_that_upstream_serves,
    a_native_client_over_our_stack,
    a_native_client_over_our_stack_to_a_component_that_upstream_serves,
    a_native_client_over_our_stack_to_a_component_that_we_serve,
    values_over_our_stack_to_values,
    our_caller_to_values,
    our_caller_to_a_component_that_we_serve,
);

over_both!(
    upstreams_values_to_a_component_that_we_serve,
    upstreams_client_to_a_component_that_we_serve,
    upstreams_host_to_a_component_that_we_serve,
);

/// What a target's own error is, wherever it arrives.
const FAILED: &str = r#"err(overloaded({delivery: not-sent, message: "the target says so"}))"#;

/// The same value in Rust.
const FAILED_RUST: &str = r#"Err(RpcError::Overloaded(Failure { delivery: Delivery::NotSent, message: "the target says so" }))"#;

/// Each function with what it returns for the name "bob".
const RETURNS: [(&str, &str); 5] = [
    ("greet", r#"ok("hello, bob")"#),
    ("count", "ok(3)"),
    ("touch", "ok"),
    (
        "describe",
        r#"ok({name: "hello, bob", age: 42, tags: ["bob"]})"#,
    ),
    ("tags", r#"ok(["bob", "hello, bob"])"#),
];

/// Every result type arrives at a component as the target meant it, errors included.
async fn assert_component_is_answered<N: NatsWire>(caller: &Host<Ours<N>>) {
    for (func, returns) in RETURNS {
        assert_eq!(caller.call(GREETER, func, "bob").await.wave(), returns);
        assert_eq!(caller.call(GREETER, func, "fail").await.wave(), FAILED);
    }
}

/// Every result type arrives at a native client as the target meant it, errors included.
async fn assert_bindings_are_answered<I: Invoke<Context: Clone>>(wrpc: &I, cx: I::Context) {
    let cx = || cx.clone();
    assert_eq!(
        greeter::greet(wrpc, cx(), "bob").await.unwrap().unwrap(),
        "hello, bob"
    );
    assert_eq!(greeter::count(wrpc, cx(), "bob").await.unwrap().unwrap(), 3);
    greeter::touch(wrpc, cx(), "bob").await.unwrap().unwrap();
    let Person { name, age, tags } = greeter::describe(wrpc, cx(), "bob").await.unwrap().unwrap();
    assert_eq!(
        (name.as_str(), age, tags),
        ("hello, bob", 42, vec!["bob".to_owned()])
    );
    assert_eq!(
        greeter::tags(wrpc, cx(), "bob").await.unwrap().unwrap(),
        ["bob", "hello, bob"]
    );
    for error in [
        greeter::greet(wrpc, cx(), "fail")
            .await
            .unwrap()
            .unwrap_err(),
        greeter::count(wrpc, cx(), "fail")
            .await
            .unwrap()
            .unwrap_err(),
        greeter::touch(wrpc, cx(), "fail")
            .await
            .unwrap()
            .unwrap_err(),
        greeter::describe(wrpc, cx(), "fail")
            .await
            .unwrap()
            .unwrap_err(),
        greeter::tags(wrpc, cx(), "fail")
            .await
            .unwrap()
            .unwrap_err(),
    ] {
        assert_eq!(format!("Err({error:?})"), FAILED_RUST);
    }
}

async fn our_caller_to_a_native_target<C: NatsWire, T: NatsWire>() {
    let server = NatsServer::start().await;
    let client = server.connect().await;
    let _target = targets::native::<T>(server.connect().await, GREETER_PREFIX).await;

    let caller = host(
        &guests::caller(),
        ours::<C>(&client, &links(), LONG, LONG).await,
    );

    assert_component_is_answered::<C>(&caller).await;
}

async fn our_caller_to_a_component_that_upstream_serves<C: NatsWire, T: NatsWire>() {
    let server = NatsServer::start().await;
    let client = server.connect().await;
    let target_client = server.connect().await;
    let _target =
        targets::upstream_component::<T>(target_client, GREETER_PREFIX, &guests::target()).await;

    let caller = host(
        &guests::caller(),
        ours::<C>(&client, &links(), LONG, LONG).await,
    );

    assert_component_is_answered::<C>(&caller).await;
}

async fn a_native_client_over_our_stack<C: NatsWire, T: NatsWire>() {
    let server = NatsServer::start().await;
    let client = server.connect().await;
    let _target = targets::native::<T>(server.connect().await, GREETER_PREFIX).await;

    assert_bindings_are_answered(&ours::<C>(&client, &links(), LONG, LONG).await, context()).await;
}

async fn a_native_client_over_our_stack_to_a_component_that_upstream_serves<
    C: NatsWire,
    T: NatsWire,
>() {
    let server = NatsServer::start().await;
    let client = server.connect().await;
    let target_client = server.connect().await;
    let _target =
        targets::upstream_component::<T>(target_client, GREETER_PREFIX, &guests::target()).await;

    assert_bindings_are_answered(&ours::<C>(&client, &links(), LONG, LONG).await, context()).await;
}

async fn a_native_client_over_our_stack_to_a_component_that_we_serve<C: NatsWire, T: NatsWire>() {
    let server = NatsServer::start().await;
    let client = server.connect().await;
    let target_client = server.connect().await;
    let _target = targets::component::<T>(target_client, GREETER_PREFIX, &guests::target()).await;

    assert_bindings_are_answered(&ours::<C>(&client, &links(), LONG, LONG).await, context()).await;
}

/// Calls every function by upstream's `invoke_values`, with the types that the WIT stands for.
macro_rules! assert_values_are_answered {
    ($wrpc:expr, $cx:expr) => {
        assert_values_are_answered!($wrpc, $cx, "greet" -> String, r#"Ok("hello, bob")"#);
        assert_values_are_answered!($wrpc, $cx, "count" -> u8, "Ok(3)");
        assert_values_are_answered!($wrpc, $cx, "touch" -> (), "Ok(())");
        assert_values_are_answered!(
            $wrpc, $cx, "describe" -> Person,
            r#"Ok(Person { name: "hello, bob", age: 42, tags: ["bob"] })"#
        );
        assert_values_are_answered!(
            $wrpc, $cx, "tags" -> Vec<String>,
            r#"Ok(["bob", "hello, bob"])"#
        );
    };
    ($wrpc:expr, $cx:expr, $func:literal -> $ok:ty, $returns:expr) => {
        for (name, returns) in [("bob", $returns), ("fail", FAILED_RUST)] {
            let paths = [[]; 0] as [[Option<usize>; 0]; 0];
            let call = $wrpc.invoke_values_blocking($cx, GREETER, $func, (name,), paths);
            let (value,): (Result<$ok, RpcError>,) = call.await.unwrap();
            assert_eq!(format!("{value:?}"), returns);
        }
    };
}

async fn values_over_our_stack_to_values<C: NatsWire, T: NatsWire>() {
    let server = NatsServer::start().await;
    let client = server.connect().await;
    let _target = targets::values::<T>(server.connect().await, GREETER_PREFIX).await;
    let ours = ours::<C>(&client, &links(), LONG, LONG).await;

    assert_values_are_answered!(ours, context());
}

async fn our_caller_to_values<C: NatsWire, T: NatsWire>() {
    let server = NatsServer::start().await;
    let client = server.connect().await;
    let _target = targets::values::<T>(server.connect().await, GREETER_PREFIX).await;

    let caller = host(
        &guests::caller(),
        ours::<C>(&client, &links(), LONG, LONG).await,
    );

    assert_component_is_answered::<C>(&caller).await;
}

async fn upstreams_values_to_a_component_that_we_serve<T: NatsWire>() {
    let server = NatsServer::start().await;
    let client = server.connect().await;
    let target_client = server.connect().await;
    let _target = targets::component::<T>(target_client, GREETER_PREFIX, &guests::target()).await;

    let wrpc = upstream_client(&client, GREETER_PREFIX).await;

    assert_values_are_answered!(wrpc, None);
}

async fn upstreams_client_to_a_component_that_we_serve<T: NatsWire>() {
    let server = NatsServer::start().await;
    let client = server.connect().await;
    let target_client = server.connect().await;
    let _target = targets::component::<T>(target_client, GREETER_PREFIX, &guests::target()).await;

    let wrpc = upstream_client(&client, GREETER_PREFIX).await;

    assert_bindings_are_answered(&wrpc, None).await;
}

async fn upstreams_host_to_a_component_that_we_serve<T: NatsWire>() {
    let server = NatsServer::start().await;
    let client = server.connect().await;
    let target_client = server.connect().await;
    let _target = targets::component::<T>(target_client, GREETER_PREFIX, &guests::target()).await;

    let wrpc = upstream_client(&client, GREETER_PREFIX).await;
    let caller = Host::upstream(&guests::caller(), wrpc, None);

    for (func, returns) in RETURNS {
        assert_eq!(caller.call(GREETER, func, "bob").await.wave(), returns);
        assert_eq!(caller.call(GREETER, func, "fail").await.wave(), FAILED);
    }
}

async fn our_caller_to_a_component_that_we_serve<C: NatsWire, T: NatsWire>() {
    let server = NatsServer::start().await;
    let client = server.connect().await;
    let target_client = server.connect().await;
    let _target = targets::component::<T>(target_client, GREETER_PREFIX, &guests::target()).await;

    let caller = host(
        &guests::caller(),
        ours::<C>(&client, &links(), LONG, LONG).await,
    );

    assert_component_is_answered::<C>(&caller).await;
}
