//! The commands on a real NATS server: `$NATS_SERVER`, else the `nats-server` in `PATH`.

#![allow(
    clippy::unwrap_used,
    reason = "the helpers here are as much tests as the tests"
)]

mod support;

use std::net::TcpStream;
use std::process::Stdio;

use nix::sys::signal::Signal;
use support::process::Process;
use support::setup::{LINKS, Setup};
use support::{Files, output, program};

#[test]
fn a_call_prints_its_result_and_says_by_its_exit_code_what_it_was() {
    let setup = Setup::new();
    let linked = ["--links", "links.toml"];

    let denied = output(&mut setup.call(&[], "client.wasm"));
    assert_eq!(
        denied.stdout,
        "err(link-denied({delivery: not-sent, message: \"test:app/greeter#greet: no link permits this call\"}))\n"
    );
    assert_eq!((denied.code, denied.stderr.as_str()), (Some(3), ""));

    let absent = output(&mut setup.call(&linked, "client.wasm"));
    let start = "err(target-unavailable({delivery: not-sent, ";
    assert!(absent.stdout.starts_with(start), "{}", absent.stdout);
    assert_eq!(absent.code, Some(3));

    let trapped = output(&mut setup.call(&linked, "plain.wat"));
    let start = "error: the component trapped because a call that it made failed: \
                 `target-unavailable` (not-sent)\n  caused by: target-unavailable: ";
    assert!(trapped.stderr.starts_with(start), "{}", trapped.stderr);
    assert_eq!((trapped.code, trapped.stdout.as_str()), (Some(1), ""));

    let _greeter = setup.serve("quick.wasm", &[]);
    let answered = output(&mut setup.call(&linked, "client.wasm"));
    assert_eq!(answered.stdout, "ok(\"hello, bob\")\n");
    assert_eq!((answered.code, answered.stderr.as_str()), (Some(0), ""));
}

#[test]
fn a_target_that_does_not_answer_is_a_timeout() {
    let setup = Setup::new();
    let _greeter = setup.serve("slow.wasm", &[]);
    let late =
        output(&mut setup.call(&["--links", "links.toml", "--timeout", "2s"], "client.wasm"));
    let start = "err(timeout({delivery: accepted, ";
    assert!(late.stdout.starts_with(start), "{}", late.stdout);
    assert_eq!(late.code, Some(3));
}

#[test]
fn a_repetition_goes_on_after_a_failure() {
    let setup = Setup::new();
    let options = ["--repeat", "3", "--interval", "0s"];
    let trapped = output(&mut setup.call(&options, "plain.wat"));
    let line = "trap: link-denied: test:app/greeter#greet: no link permits this call\n";
    assert_eq!(trapped.stdout, line.repeat(3));
    assert_eq!(trapped.code, Some(1));
    assert_eq!(trapped.stderr.matches("caused by: link-denied").count(), 3);
}

#[test]
fn a_server_bounds_its_calls_if_told_to() {
    let setup = Setup::new();
    let mut greeter = setup.serve("slow.wasm", &["--max-duration", "50ms"]);
    let failed = output(&mut setup.call(&["--links", "links.toml"], "client.wasm"));
    let start = "err(target-failed({delivery: accepted, ";
    assert!(failed.stdout.starts_with(start), "{}", failed.stdout);
    greeter.says("the call took longer than 50ms");
}

#[test]
fn a_server_forgets_a_caller_that_fell_silent() {
    let setup = Setup::new();
    let mut greeter = setup.serve("quick.wasm", &["--params-timeout", "50ms"]);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let nats = async_nats::connect(setup.nats.url()).await.unwrap();
        // A string of three bytes, of which one comes.
        let half = bytes::Bytes::from_static(b"\x03b");
        let subject = "default.greeter.wrpc.0.0.1.test:app/greeter.greet";
        let inbox = nats.new_inbox();
        nats.publish_with_reply(subject, inbox, half).await.unwrap();
        nats.flush().await.unwrap();
    });
    greeter.says("nothing arrived for 50ms");
}

#[test]
fn values_of_a_peer_are_within_the_limits_of_the_operator() {
    let setup = Setup::new();
    let mut greeter = setup.serve("quick.wasm", &["--max-value-bytes", "3"]);
    let linked = ["--links", "links.toml"];
    let refused = output(&mut setup.call(&linked, "client.wasm"));
    let start = "err(target-failed({delivery: accepted, ";
    assert!(refused.stdout.starts_with(start), "{}", refused.stdout);
    greeter.says("the values exceed the limit of 3 bytes");

    let _unbounded = setup.serve("quick.wasm", &["--lattice", "other"]);
    let options = [
        "--lattice",
        "other",
        "--max-value-elements",
        "0",
        "--links",
        "links.toml",
    ];
    let refused = output(&mut setup.call(&options, "client.wasm"));
    let start = "err(protocol({delivery: accepted, ";
    assert!(refused.stdout.starts_with(start), "{}", refused.stdout);
}

#[test]
fn a_link_by_a_name_is_for_components_that_select_it() {
    let setup = Setup::new();
    let named = LINKS.replace("interface", "name = \"backup\"\ninterface");
    setup.files.write("named.toml", named);
    let denied = output(&mut setup.call(&["--links", "named.toml"], "client.wasm"));
    assert!(denied.stdout.starts_with("err(link-denied("));
    assert_eq!(denied.stderr, "");
}

#[test]
fn the_demo_is_as_expected_and_leaves_nothing_behind() {
    let files = Files::new();
    let directory = files.path("tmp");
    std::fs::create_dir(&directory).unwrap();
    let mut demo = program(&files.path(""));
    demo.args(["demo"])
        .arg("--nats-server")
        .arg(wrpc_middleware_testing::nats::binary());
    demo.env("PATH", std::env::var_os("PATH").unwrap_or_default());
    let demo = output(demo.env("TMPDIR", &directory));
    let marked = |mark: &str| {
        demo.stdout
            .lines()
            .filter(|line| line.starts_with(mark))
            .count()
    };
    assert_eq!((marked("✓"), marked("✗")), (8, 0), "{}", demo.stdout);
    let order = [
        "ok(",
        "link-denied",
        "target-unavailable",
        "timeout",
        "target-failed",
        "ok(",
        "transport",
        "ok(",
    ];
    let rows = demo.stdout.lines().filter(|line| line.starts_with('✓'));
    for (row, expected) in rows.zip(order) {
        assert!(row.contains(expected), "{row}: {expected}");
    }
    assert_eq!((demo.code, demo.stderr.as_str()), (Some(0), ""));
    assert_gone(&demo.stdout, &directory);
}

#[test]
fn an_interrupted_demo_leaves_nothing_behind() {
    for signal in [Signal::SIGINT, Signal::SIGTERM] {
        let files = Files::new();
        let directory = files.path("tmp");
        std::fs::create_dir(&directory).unwrap();
        let mut demo = program(&files.path(""));
        demo.args(["demo"])
            .arg("--nats-server")
            .arg(wrpc_middleware_testing::nats::binary());
        demo.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        let mut demo = Process::start(demo.env("TMPDIR", &directory).stdout(Stdio::piped()));
        let head = demo.reads("is removed");
        demo.signal(signal);
        let (status, stderr) = demo.ended();
        assert_eq!(status.code(), Some(1), "{stderr}");
        assert_eq!(stderr, format!("error: stopped by {signal}"));
        assert_gone(&head, &directory);
    }
}

/// The NATS server of a demo that printed `head`, and its files, are gone.
fn assert_gone(head: &str, directory: &std::path::Path) {
    let (_, port) = head.split_once("(port ").unwrap();
    let port: u16 = port.split_once(')').unwrap().0.parse().unwrap();
    assert!(TcpStream::connect(("127.0.0.1", port)).is_err());
    assert_eq!(std::fs::read_dir(directory).unwrap().count(), 0);
}
