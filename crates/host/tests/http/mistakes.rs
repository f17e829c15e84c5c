//! Whatever is wrong with the input: what the person is told, and the exit code.

use std::net::TcpListener;

use crate::support::gateway::component;
use crate::support::{Files, Output, run};

fn http(files: &Files, options: &[&str]) -> Output {
    run(files, [&["http", "--id", "a"], options].concat())
}

#[track_caller]
fn assert_refused(output: &Output, expected: &[&str]) {
    for expected in expected {
        assert!(output.stderr.contains(expected), "{}", output.stderr);
    }
    assert_eq!((output.code, output.stdout.as_str()), (Some(2), ""));
}

#[test]
fn a_component_that_answers_no_requests() {
    let files = Files::new();
    for file in ["client.wasm", "nothing.wat"] {
        let expected = format!("error: `{file}` does not export `wasi:http/incoming-handler`");
        assert_refused(
            &http(&files, &[file]),
            &[&expected, "world `wasi:http/proxy`"],
        );
    }
    assert_refused(
        &http(&files, &["core.wasm"]),
        &["is a core module, not a component"],
    );
    assert_refused(&http(&files, &["none.wasm"]), &["can't read the component"]);
    assert_refused(
        &http(&files, &["module.wat"]),
        &["the component can't be linked"],
    );
}

#[test]
fn an_address_that_can_t_be_listened_at() {
    let files = Files::new();
    files.write("gateway.wasm", component());
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = taken.local_addr().unwrap().to_string();
    for (address, expected) in [
        (taken.as_str(), &["it is in use", "--addr"][..]),
        ("192.0.2.1:80", &["does not have that address"]),
        (
            "localhost:80",
            &["expected an IP address and a port, as in 127.0.0.1:8080"],
        ),
        ("127.0.0.1", &["expected an IP address and a port"]),
        ("127.0.0.1:99999", &["expected an IP address and a port"]),
    ] {
        let output = http(&files, &["--addr", address, "gateway.wasm"]);
        assert_refused(&output, expected);
        assert!(output.stderr.contains(address), "{}", output.stderr);
    }
}

#[test]
fn limits_that_make_no_sense() {
    let files = Files::new();
    files.write("gateway.wasm", component());
    for (option, value) in [
        ("--request-timeout", "0s"),
        ("--request-timeout", "5"),
        ("--idle-timeout", "0s"),
        ("--max-requests", "0"),
        ("--max-requests", "-1"),
        ("--max-connections", "0"),
        ("--max-memory", "0"),
        ("--grace", "x"),
    ] {
        let value = format!("{option}={value}");
        assert_refused(&http(&files, &[&value, "gateway.wasm"]), &[option]);
    }
    assert_refused(
        &http(&files, &["--max-memory", "65535", "gateway.wasm"]),
        &["has 65536 bytes from its start, and `--max-memory` allows 65535"],
    );
}

#[test]
fn the_help_says_who_answers_when() {
    let output = run(&Files::new(), ["http", "--help"]);
    assert_eq!((output.code, output.stderr.as_str()), (Some(0), ""));
    for expected in [
        "wasi:http/incoming-handler",
        "500 if it trapped",
        "504 if\n--request-timeout",
        "503 with Retry-After",
        "HTTP-request-denied",
        "serving ID at http://IP:PORT",
        "[default: 127.0.0.1:8080]",
        "--request-timeout",
        "--max-requests",
        "--max-connections",
        "--idle-timeout",
        "--max-memory",
        "--grace",
        "--links",
        "NATS options:",
    ] {
        assert!(
            output.stdout.contains(expected),
            "no `{expected}` in\n{}",
            output.stdout
        );
    }
}
