//! `--metrics`.

use crate::scrape::{METRICS, calling, measured, request, serving};
use crate::support::gateway::Gateway;
use crate::support::output;
use crate::support::process::Process;
use crate::support::setup::Setup;

const LINKED: [&str; 2] = ["--links", "links.toml"];

#[test]
fn calls_are_measured_on_both_sides() {
    let setup = Setup::new();
    let (_greeter, server) = serving(&setup, "quick.wasm");
    let (_client, client) = calling(&setup, &LINKED);
    let function = "instance=\"test:app/greeter\",function=\"greet\"";
    let sides = [
        (&client, "client", "target=\"greeter\""),
        (&server, "server", ""),
    ];
    for (address, side, target) in sides {
        let calls = format!("wrpc_{side}_calls_total{{");
        measured(address, &[&calls, function, target, "outcome=\"ok\""]);
        let bucket = format!("wrpc_{side}_call_duration_seconds_bucket{{");
        measured(address, &[&bucket, function, "le=\"0.0005\""]);
        measured(
            address,
            &[&format!("wrpc_{side}_calls_in_flight{{"), function],
        );
        measured(
            address,
            &["wrpc_nats_connection_state{state=\"connected\"} 1"],
        );
    }
    measured(
        &client,
        &["wrpc_client_target_state{", "state=\"closed\"} 1"],
    );
    measured(
        &client,
        &["wrpc_host_info{id=\"client\",lattice=\"default\",version="],
    );
    // There is no bucket.
    let text = request(&client, "GET /metrics");
    assert!(!text.contains("wrpc_links_age_seconds"), "{text}");
    assert!(text.contains("text/plain; version=0.0.4"), "{text}");
}

#[test]
fn failures_are_told_apart() {
    let setup = Setup::new();
    let (_denied, denied) = calling(&setup, &[]);
    let labels = [
        "target=\"_UNRESOLVED\"",
        "outcome=\"link-denied\"",
        "delivery=\"not-sent\"",
    ];
    measured(&denied, &labels);
    let (_absent, absent) = calling(&setup, &LINKED);
    let labels = [
        "target=\"greeter\"",
        "outcome=\"target-unavailable\"",
        "delivery=\"not-sent\"",
    ];
    measured(&absent, &labels);
    // Its caller gives up at the deadline, which the target knows as well.
    let (_slow, slow) = serving(&setup, "slow.wasm");
    let options = [&LINKED[..], &["--timeout", "300ms"]].concat();
    let late = output(&mut setup.call(&options, "client.wasm"));
    assert!(late.stdout.starts_with("err(timeout("), "{}", late.stdout);
    measured(&slow, &["wrpc_server_calls_total{", "outcome=\"timeout\""]);
    measured(&absent, &["outcome=\"timeout\"", "delivery=\"accepted\""]);
}

#[test]
fn a_target_that_is_left_alone_is_open() {
    let setup = Setup::new();
    let greeter = setup.serve("quick.wasm", &[]);
    let options = [
        &LINKED[..],
        &["--handshake-timeout", "50ms", "--keepalive", "0s"],
    ]
    .concat();
    let (_client, client) = calling(&setup, &options);
    measured(&client, &["outcome=\"ok\""]);
    greeter.signal(nix::sys::signal::Signal::SIGSTOP);
    measured(
        &client,
        &["wrpc_client_target_state{target=\"greeter\",state=\"open\"} 1"],
    );
    greeter.signal(nix::sys::signal::Signal::SIGCONT);
    measured(
        &client,
        &["wrpc_client_target_state{target=\"greeter\",state=\"closed\"} 1"],
    );
}

#[test]
fn a_lost_connection_is_seen_and_the_endpoint_stays() {
    let mut setup = Setup::new();
    let (_greeter, greeter) = serving(&setup, "quick.wasm");
    measured(
        &greeter,
        &["wrpc_nats_connection_state{state=\"connected\"} 1"],
    );
    setup.nats.kill();
    measured(
        &greeter,
        &["wrpc_nats_connection_state{state=\"disconnected\"} 1"],
    );
    assert!(request(&greeter, "GET /healthz").starts_with("HTTP/1.1 200"));
}

#[test]
fn the_age_of_the_links_is_known() {
    let setup = Setup::with_jetstream("");
    let bucket = ["--links", "kv://links"];
    let (_client, client) = calling(&setup, &bucket);
    // Nothing was ever seen.
    measured(&client, &["wrpc_links_age_seconds ", "inf"]);
    let made = output(&mut setup.command(&["links", "init"]));
    assert_eq!(made.code, Some(0), "{}", made.stderr);
    measured(&client, &["wrpc_links_age_seconds 0."]);
}

#[test]
fn other_paths_and_methods_are_refused() {
    let setup = Setup::new();
    let (_greeter, address) = serving(&setup, "quick.wasm");
    for (asked, answer, text) in [
        ("GET /healthz", "200", "ok"),
        ("HEAD /metrics", "200", ""),
        ("GET /", "404", "there are /metrics and /healthz"),
        ("POST /metrics", "405", "use GET"),
    ] {
        let response = request(&address, asked);
        assert!(
            response.starts_with(&format!("HTTP/1.1 {answer} ")),
            "{response}"
        );
        assert!(response.trim_end().ends_with(text), "{response}");
    }
}

#[test]
fn without_the_option_nothing_listens() {
    let setup = Setup::new();
    let mut command = setup.command(&["serve", "--id", "greeter", "quick.wasm"]);
    let mut greeter = Process::start(&mut command);
    greeter.says("serving greeter: 1 function");
    greeter.signal(nix::sys::signal::Signal::SIGTERM);
    let (_, said) = greeter.ended();
    assert!(!said.contains("metrics at"), "{said}");
    // The control.
    let mut greeter = Process::start(command.args(METRICS));
    greeter.says("metrics at");
}

#[test]
fn a_component_that_answers_requests_is_measured() {
    // Free a moment ago: the gateway says where it listens before a test can read it.
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = free.local_addr().unwrap().to_string();
    drop(free);
    let gateway = Gateway::new(&["--metrics", &address]);
    let _greeter = gateway.setup.serve("quick.wasm", &[]);
    let answer = request(&gateway.address.to_string(), "GET /greet");
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    let labels = [
        "wrpc_client_calls_total{",
        "target=\"greeter\"",
        "outcome=\"ok\"",
    ];
    measured(&address, &labels);
}
