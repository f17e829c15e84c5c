//! On the wire everything is as upstream has it, in both directions.

use wrpc_transport::{Invoke, InvokeExt as _};

use crate::support::bindings::client::test::app::greeter::{self, Person};
use crate::support::bindings::client::wrpc::errors::types::RpcError;
use crate::support::guests;
use crate::support::host::{GREETER, Host};
use crate::support::nats::NatsServer;
use crate::support::stack::{GREETER_PREFIX, LONG, Ours, context, host, links, ours};
use crate::support::targets::{self, upstream_client};

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
async fn assert_component_is_answered(caller: &Host<Ours>) {
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

#[tokio::test(flavor = "multi_thread")]
async fn our_caller_to_a_native_target() {
    let server = NatsServer::start().await;
    let client = server.connect().await;
    let _target = targets::native(server.connect().await, GREETER_PREFIX).await;

    let caller = host(&guests::caller(), ours(&client, &links(), LONG, LONG));

    assert_component_is_answered(&caller).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn our_caller_to_a_component_that_upstream_serves() {
    let server = NatsServer::start().await;
    let client = server.connect().await;
    let target_client = server.connect().await;
    let _target =
        targets::upstream_component(target_client, GREETER_PREFIX, &guests::target()).await;

    let caller = host(&guests::caller(), ours(&client, &links(), LONG, LONG));

    assert_component_is_answered(&caller).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_native_client_over_our_stack() {
    let server = NatsServer::start().await;
    let client = server.connect().await;
    let _target = targets::native(server.connect().await, GREETER_PREFIX).await;

    assert_bindings_are_answered(&ours(&client, &links(), LONG, LONG), context()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_native_client_over_our_stack_to_a_component_that_upstream_serves() {
    let server = NatsServer::start().await;
    let client = server.connect().await;
    let target_client = server.connect().await;
    let _target =
        targets::upstream_component(target_client, GREETER_PREFIX, &guests::target()).await;

    assert_bindings_are_answered(&ours(&client, &links(), LONG, LONG), context()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_native_client_over_our_stack_to_a_component_that_we_serve() {
    let server = NatsServer::start().await;
    let client = server.connect().await;
    let target_client = server.connect().await;
    let _target = targets::component(target_client, GREETER_PREFIX, &guests::target()).await;

    assert_bindings_are_answered(&ours(&client, &links(), LONG, LONG), context()).await;
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

#[tokio::test(flavor = "multi_thread")]
async fn values_over_our_stack_to_values() {
    let server = NatsServer::start().await;
    let client = server.connect().await;
    let _target = targets::values(server.connect().await, GREETER_PREFIX).await;
    let ours = ours(&client, &links(), LONG, LONG);

    assert_values_are_answered!(ours, context());
}

#[tokio::test(flavor = "multi_thread")]
async fn our_caller_to_values() {
    let server = NatsServer::start().await;
    let client = server.connect().await;
    let _target = targets::values(server.connect().await, GREETER_PREFIX).await;

    let caller = host(&guests::caller(), ours(&client, &links(), LONG, LONG));

    assert_component_is_answered(&caller).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn upstreams_values_to_a_component_that_we_serve() {
    let server = NatsServer::start().await;
    let client = server.connect().await;
    let target_client = server.connect().await;
    let _target = targets::component(target_client, GREETER_PREFIX, &guests::target()).await;

    let wrpc = upstream_client(&client, GREETER_PREFIX).await;

    assert_values_are_answered!(wrpc, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn upstreams_client_to_a_component_that_we_serve() {
    let server = NatsServer::start().await;
    let client = server.connect().await;
    let target_client = server.connect().await;
    let _target = targets::component(target_client, GREETER_PREFIX, &guests::target()).await;

    let wrpc = upstream_client(&client, GREETER_PREFIX).await;

    assert_bindings_are_answered(&wrpc, None).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn upstreams_host_to_a_component_that_we_serve() {
    let server = NatsServer::start().await;
    let client = server.connect().await;
    let target_client = server.connect().await;
    let _target = targets::component(target_client, GREETER_PREFIX, &guests::target()).await;

    let wrpc = upstream_client(&client, GREETER_PREFIX).await;
    let caller = Host::upstream(&guests::caller(), wrpc, None);

    for (func, returns) in RETURNS {
        assert_eq!(caller.call(GREETER, func, "bob").await.wave(), returns);
        assert_eq!(caller.call(GREETER, func, "fail").await.wave(), FAILED);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn our_caller_to_a_component_that_we_serve() {
    let server = NatsServer::start().await;
    let client = server.connect().await;
    let target_client = server.connect().await;
    let _target = targets::component(target_client, GREETER_PREFIX, &guests::target()).await;

    let caller = host(&guests::caller(), ours(&client, &links(), LONG, LONG));

    assert_component_is_answered(&caller).await;
}
