//! A component that calls another one that calls a third.

use core::time::Duration;

use futures::StreamExt as _;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::Instant;
use wasmtime::component::{Component, Linker};
use wasmtime::{Engine, Store};
use wrpc_middleware::link::{Link, LinkTable};
use wrpc_middleware::nats::serve::ServeContext;
use wrpc_middleware::runtime::{ExportServer, ImportLinker};
use wrpc_middleware::{Context, Delivery, RpcError, RpcErrorKind};
use wrpc_transport::Serve as _;

use crate::support::guests;
use crate::support::host::{GREETER, Host, State};
use crate::support::stack::{Cx, GREETER_PREFIX, LONG, Ours, TIMEOUT, host, ours};
use crate::support::targets::{self, Target};
use crate::support::transports::{NatsWire as _, Own};
use wrpc_middleware_testing::nats::NatsServer;
use wrpc_middleware_testing::wait::guard;

const MIDDLE_PREFIX: &str = "default.middle";

fn links(source: &str, target: &str) -> LinkTable {
    let target = wrpc_middleware::Target::new(target).expect("a target");
    let interface = "test:app/greeter".parse().expect("an interface");
    LinkTable::new([Link::new(source, target, interface)]).expect("a table")
}

/// The first of the chain, with a deadline for each call.
async fn first(server: &NatsServer, timeout: Duration) -> Host<Ours<Own>> {
    let client = server.connect().await;
    let links = links("client", "middle");
    let ours = ours::<Own>(&client, &links, timeout, LONG).await;
    host(&guests::caller(), ours)
}

/// Whether the calls of a component that is served have the deadlines of those that it serves.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Deadlines {
    Nested,
    Own,
}

/// The second: passes every call on, with a deadline of [`LONG`].
async fn middle(server: &NatsServer, deadlines: Deadlines) -> Target {
    let client = server.connect().await;
    let ours = ours::<Own>(&client, &links("middle", "greeter"), LONG, LONG).await;
    let transport = Own::server(&client, MIDDLE_PREFIX).await;
    let engine = Engine::default();
    let component = Component::new(&engine, guests::caller()).expect("a component");
    let mut linker = Linker::new(&engine);
    ImportLinker::new(&component)
        .link_with_rpc(&mut linker)
        .expect("a component that links");
    let pre = linker.instantiate_pre(&component).expect("a component");

    let context: Cx = Context::new(None).with_source("middle");
    let base = context.clone();
    let exports = ExportServer::new(pre, move || {
        let state = State::new(ours.clone(), base.clone(), None);
        Store::new(&engine, state)
    });
    let of_call = move |call: Option<&ServeContext>| {
        let call = call.filter(|_| deadlines == Deadlines::Nested);
        call.map_or_else(|| context.clone(), |call| call.nested(context.clone()))
    };
    let calls = exports.serve_with(&transport, of_call, State::set_context);
    let mut calls = calls.await.expect("serve");
    Target::spawn(async move {
        let mut running = JoinSet::new();
        while let Some(call) = calls.next().await {
            let (cx, call) = call.expect("a call");
            running.spawn(async move { cx.run(call).await });
        }
    })
}

/// What the third sees of a call that it takes and never answers.
#[derive(Debug)]
enum Seen {
    Deadline(Option<Instant>),
    GivenUp(RpcError),
}

async fn last(server: &NatsServer) -> (Target, mpsc::UnboundedReceiver<Seen>) {
    let transport = Own::server(&server.connect().await, GREETER_PREFIX).await;
    let calls = transport.serve(GREETER, "greet", []).await.expect("serve");
    let (see, seen) = mpsc::unbounded_channel();
    let target = Target::spawn(async move {
        let mut calls = core::pin::pin!(calls);
        while let Some(call) = calls.next().await {
            let (cx, _results, _params) = call.expect("a call");
            let _ = see.send(Seen::Deadline(cx.deadline()));
            let _ = see.send(Seen::GivenUp(cx.given_up().await));
        }
    });
    (target, seen)
}

async fn deadline(seen: &mut mpsc::UnboundedReceiver<Seen>) -> Instant {
    match guard("a call of the last", seen.recv()).await {
        Some(Seen::Deadline(Some(deadline))) => deadline,
        other => panic!("expected a deadline, not {other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_deadline_of_the_first_is_what_the_last_sees() {
    let server = NatsServer::start().await;
    let (_last, mut seen) = last(&server).await;
    let _middle = middle(&server, Deadlines::Nested).await;
    let first = first(&server, TIMEOUT).await;

    let start = Instant::now();
    let (late, deadline) = tokio::join!(first.greet("bob"), deadline(&mut seen));

    late.assert_failure(RpcErrorKind::Timeout, Delivery::Accepted);
    // As far as the way there took none of it.
    assert!(deadline > start && deadline < start + LONG / 2);
    let given_up = guard("the last to be told", seen.recv()).await;
    assert!(matches!(given_up, Some(Seen::GivenUp(_))), "{given_up:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn control_without_nesting_it_sees_that_of_the_middle() {
    let server = NatsServer::start().await;
    let (_last, mut seen) = last(&server).await;
    let _middle = middle(&server, Deadlines::Own).await;
    let first = first(&server, TIMEOUT).await;

    let start = Instant::now();
    let (late, deadline) = tokio::join!(first.greet("bob"), deadline(&mut seen));

    late.assert_failure(RpcErrorKind::Timeout, Delivery::Accepted);
    assert!(deadline > start + LONG / 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_is_told_when_the_first_gives_up() {
    let server = NatsServer::start().await;
    let (_last, mut seen) = last(&server).await;
    let _middle = middle(&server, Deadlines::Nested).await;
    let first = first(&server, LONG).await;

    let call = tokio::spawn(async move { first.greet("bob").await });
    deadline(&mut seen).await;
    call.abort();

    match guard("the last to be told", seen.recv()).await {
        // Not `timeout`.
        Some(Seen::GivenUp(error)) => assert_eq!(error.kind(), RpcErrorKind::Other, "{error}"),
        other => panic!("expected that the call was given up, not {other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_last_ends_in_reaches_the_first() {
    let server = NatsServer::start().await;
    let target = server.connect().await;
    let _last = targets::component::<Own>(target, GREETER_PREFIX, &guests::target()).await;
    let _middle = middle(&server, Deadlines::Nested).await;
    let first = first(&server, LONG).await;

    assert_eq!(first.greet("bob").await.wave(), r#"ok("hello, bob")"#);
    let failed = first.greet("fail").await.wave();
    let expected = r#"err(overloaded({delivery: not-sent, message: "the target says so"}))"#;
    assert_eq!(failed, expected);
    // The middle returns what it got, and that is a value like any other.
    let trapped = first.greet("trap").await;
    trapped.assert_failure(RpcErrorKind::TargetFailed, Delivery::Accepted);
}
