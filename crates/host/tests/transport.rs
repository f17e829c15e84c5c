//! What our own transport lets the program do, and tell.

#![allow(
    clippy::unwrap_used,
    reason = "the helpers here are as much tests as the tests"
)]

mod support;

use core::time::Duration;

use futures::StreamExt as _;
use nix::sys::signal::Signal;
use support::process::Process;
use support::setup::{Setup, block_on};
use support::{Output, output};

const LINKED: [&str; 2] = ["--links", "links.toml"];

fn linked<'a>(options: &[&'a str]) -> Vec<&'a str> {
    LINKED.into_iter().chain(options.iter().copied()).collect()
}

#[track_caller]
fn assert_failed(output: &Output, case: &str, delivery: &str) {
    let start = format!("err({case}({{delivery: {delivery}, ");
    assert!(output.stdout.starts_with(&start), "{}", output.stdout);
    assert_eq!(output.code, Some(3));
}

/// Users who may do everything, but for what is denied to each.
const USERS: &str = r#"authorization { users = [
    { user: inboxless, password: p, permissions: { subscribe: { deny: ["_INBOX.>"] } } }
    { user: mute, password: p, permissions: { publish: { deny: ["default.>"] } } }
    { user: unserving, password: p, permissions: { subscribe: { deny: ["default.>"] } } }
    { user: own, password: p, permissions: {
        subscribe: { allow: ["MINE.>"] }
        publish: { allow: ["MINE.>", "_INBOX.>", "default.greeter.>"] }
    } }
    { user: all, password: p }
] }"#;

fn user(name: &'static str) -> [&'static str; 4] {
    ["--user", name, "--password", "p"]
}

#[test]
fn what_nats_does_not_permit_is_said_and_ends_at_once() {
    let setup = Setup::with_config(USERS);
    let expected = "error: NATS does not permit this user to use the inbox `_INBOX.client.>`: ";
    let refused = output(&mut setup.call(&user("inboxless"), "client.wasm"));
    assert!(refused.stderr.contains(expected), "{}", refused.stderr);
    assert!(
        refused.stderr.contains("--inbox-prefix"),
        "{}",
        refused.stderr
    );
    assert_eq!(refused.code, Some(1));

    let mut serve = setup.command(&["serve", "--id", "greeter", "quick.wasm"]);
    let refused = output(serve.args(user("unserving")));
    let expected = "the broker does not permit to serve it";
    assert!(refused.stderr.contains(expected), "{}", refused.stderr);
    assert_eq!(refused.code, Some(1));

    // A minute would be noticed.
    let slow = ["--timeout", "1m", "--handshake-timeout", "1m"];
    let options = [&user("mute")[..], &slow, &LINKED].concat();
    let refused = output(&mut setup.call(&options, "client.wasm"));
    assert_failed(&refused, "transport", "not-sent");
}

#[test]
fn inboxes_with_another_start_have_to_be_known_to_peers() {
    let setup = Setup::with_config(USERS);
    let own = [&user("own")[..], &["--inbox-prefix", "MINE"], &LINKED].concat();
    let call = || output(&mut setup.call(&own, "client.wasm"));

    let knowing = [&user("all")[..], &["--peer-inbox-prefix", "X,MINE"]].concat();
    let greeter = setup.serve("quick.wasm", &knowing);
    assert_eq!(call().stdout, "ok(\"hello, bob\")\n");
    greeter.signal(Signal::SIGTERM);
    greeter.ended();

    let mut greeter = setup.serve("quick.wasm", &user("all"));
    assert_failed(&call(), "target-unavailable", "unknown");
    greeter.says("a call wants its answer where no inbox is");
}

/// With the limit, a call that is over makes room for the next one.
#[test]
fn a_call_past_the_limit_is_refused_and_a_late_one_makes_room() {
    let setup = Setup::new();
    let _greeter = setup.serve("slow.wasm", &["--max-calls", "1"]);
    let first = setup.call_in_flight(&["--timeout", "5s"]);

    let refused = output(&mut setup.call(&LINKED, "client.wasm"));
    assert_failed(&refused, "overloaded", "not-sent");

    let (code, stdout) = first.output();
    assert!(
        stdout.starts_with("err(timeout({delivery: accepted, "),
        "{stdout}"
    );
    assert_eq!(code, Some(3));
    // Without the deadline, the target would go on for an hour.
    let next = linked(&["--timeout", "1s"]);
    let next = output(&mut setup.call(&next, "client.wasm"));
    assert_failed(&next, "timeout", "accepted");
}

#[test]
fn a_target_that_dies_fails_its_calls_at_once() {
    let setup = Setup::new();
    let greeter = setup.serve("slow.wasm", &[]);
    let call = setup.call_in_flight(&["--timeout", "1h", "--keepalive", "200ms"]);
    greeter.signal(Signal::SIGKILL);
    let (code, stdout) = call.output();
    let start = "err(target-failed({delivery: accepted, ";
    assert!(stdout.starts_with(start), "{stdout}");
    assert_eq!(code, Some(3));
}

#[test]
fn control_without_keepalive_the_deadline_ends_calls_of_a_target_that_dies() {
    let setup = Setup::new();
    let greeter = setup.serve("slow.wasm", &[]);
    let call = setup.call_in_flight(&["--timeout", "3s", "--keepalive", "0s"]);
    greeter.signal(Signal::SIGKILL);
    let (_, stdout) = call.output();
    assert!(
        stdout.starts_with("err(timeout({delivery: accepted, "),
        "{stdout}"
    );
}

/// Functions without a result: one that traps, and what calls it.
const TRAPPING: &str = r#"
(component
    (core module $main
        (memory (export "memory") 1)
        (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 64))
        (func (export "notify") (param i32 i32) unreachable))
    (core instance $main (instantiate $main))
    (func $notify (param "name" string)
        (canon lift (core func $main "notify")
            (memory (core memory $main "memory"))
            (realloc (core func $main "realloc"))))
    (instance $sink (export "notify" (func $notify)))
    (export "test:app/sink" (instance $sink)))
"#;

const NOTIFYING: &str = r#"
(component
    (import "test:app/sink" (instance $sink
        (export "notify" (func (param "name" string)))))
    (core module $memory
        (memory (export "memory") 1)
        (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 64)))
    (core instance $memory (instantiate $memory))
    (alias core export $memory "memory" (core memory $mem))
    (alias core export $memory "realloc" (core func $realloc))
    (alias export $sink "notify" (func $notify))
    (core func $notify (canon lower (func $notify) (memory $mem)))
    (core module $main
        (import "sink" "notify" (func $notify (param i32 i32)))
        (func (export "notify") (param i32 i32)
            (call $notify (local.get 0) (local.get 1))))
    (core instance $main (instantiate $main
        (with "sink" (instance (export "notify" (func $notify))))))
    (func (export "notify") (param "name" string)
        (canon lift (core func $main "notify") (memory $mem) (realloc $realloc))))
"#;

/// Upstream's transport ends such a call as one that succeeds.
#[test]
fn a_trap_in_a_function_without_a_result_reaches_its_caller() {
    let setup = Setup::new();
    setup.files.write("trapping.wat", TRAPPING);
    setup.files.write("notifying.wat", NOTIFYING);
    let links = support::setup::LINKS.replace("greeter", "sink");
    setup.files.write("links.toml", links);
    let mut sink = setup.command(&["serve", "--id", "sink", "trapping.wat"]);
    let mut sink = Process::start(&mut sink);
    sink.says("serving sink: 1 function");

    let mut call = setup.command(&["call", "--id", "client"]);
    let call = call.args(LINKED).args(["notifying.wat", "notify(\"bob\")"]);
    let failed = output(call);

    let start = "error: the component trapped because a call that it made failed: \
                 `target-failed` (accepted)";
    assert!(failed.stderr.starts_with(start), "{}", failed.stderr);
    assert_eq!((failed.code, failed.stdout.as_str()), (Some(1), ""));
    sink.says("the component trapped");
}

/// Passes calls on to another greeter.
const MIDDLE: &str = r#"
(component
    (import "test:app/greeter" (instance $greeter
        (export "greet" (func (param "name" string) (result string)))))
    (core module $memory
        (memory (export "memory") 1)
        (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 64)))
    (core instance $memory (instantiate $memory))
    (alias core export $memory "memory" (core memory $mem))
    (alias core export $memory "realloc" (core func $realloc))
    (alias export $greeter "greet" (func $greet))
    (core func $greet (canon lower (func $greet) (memory $mem) (realloc $realloc)))
    (core module $main
        (import "greeter" "greet" (func $greet (param i32 i32 i32)))
        (func (export "greet") (param i32 i32) (result i32)
            (call $greet (local.get 0) (local.get 1) (i32.const 0))
            (i32.const 0)))
    (core instance $main (instantiate $main
        (with "greeter" (instance (export "greet" (func $greet))))))
    (func $passed (param "name" string) (result string)
        (canon lift (core func $main "greet") (memory $mem) (realloc $realloc)))
    (instance $middle (export "greet" (func $passed)))
    (export "test:app/greeter" (instance $middle)))
"#;

const CHAIN: &str = r#"
[[link]]
source = "client"
target = "middle"
interface = "test:app/greeter"

[[link]]
source = "middle"
target = "greeter"
interface = "test:app/greeter"
"#;

/// What remains of the deadline of a call, as its target is told.
async fn deadline_of(calls: &mut async_nats::Subscriber) -> Duration {
    let call = calls.next().await.unwrap();
    let headers = call.headers.unwrap();
    let millis = headers.get("Wrpc-Timeout-Ms").unwrap();
    Duration::from_millis(millis.as_str().parse().unwrap())
}

#[test]
fn the_deadline_of_the_first_caller_is_what_the_last_target_sees() {
    let setup = Setup::new();
    setup.files.write("middle.wat", MIDDLE);
    setup.files.write("links.toml", CHAIN);
    let mut middle = setup.command(&["serve", "--id", "middle", "middle.wat"]);
    // Longer than this test takes.
    let patient = ["--timeout", "1h", "--handshake-timeout", "1h"];
    let mut middle = Process::start(middle.args(LINKED).args(patient));
    middle.says("serving middle: 1 function");

    let (bounded, unbounded) = block_on(async {
        let nats = async_nats::connect(setup.nats.url()).await.unwrap();
        let calls = nats.subscribe("default.greeter.wrpc.0.0.1.>").await;
        let mut calls = calls.unwrap();
        nats.publish("default.greeter.wrpc.0.0.1.probe", "".into())
            .await
            .unwrap();
        calls.next().await.unwrap();

        let call = linked(&["--timeout", "3s"]);
        let _call = Process::start(&mut setup.call(&call, "client.wasm"));
        let bounded = deadline_of(&mut calls).await;
        // The control: its own deadline is what the middle has otherwise.
        let call = linked(&["--timeout", "2h"]);
        let _call = Process::start(&mut setup.call(&call, "client.wasm"));
        (bounded, deadline_of(&mut calls).await)
    });
    assert!(bounded <= Duration::from_secs(3), "{bounded:?}");
    let hour = Duration::from_hours(1);
    assert!(unbounded <= hour, "{unbounded:?}");
    assert!(unbounded > hour / 2, "{unbounded:?}");
}
