//! What a component answers when something behind it breaks.

use core::net::SocketAddr;
use core::time::Duration;

use futures::StreamExt as _;
use nix::sys::signal::Signal;
use tokio::time::Instant;

use crate::support::gateway::{Gateway, LINKED, start};
use crate::support::http::get;
use crate::support::setup::{Setup, block_on};

#[test]
fn without_a_link_nothing_is_called() {
    let gateway = Gateway::unlinked(&[]);
    let _greeter = gateway.setup.serve("quick.wasm", &[]);
    let answer = block_on(get(gateway.address, "/greet"));
    assert_eq!(answer.text(), (403, "link-denied"));
}

/// The story of the project, in one process that is never restarted.
#[test]
fn whatever_breaks_behind_it_the_component_answers() {
    // Less than a target has to take a call, so that a call that waits for it would be noticed.
    let options = ["--timeout", "3s", "--handshake-timeout", "2s"];
    let gateway = Gateway::new(&options);
    let greet = || block_on(get(gateway.address, "/greet"));

    let begun = Instant::now();
    assert_eq!(greet().text(), (503, "target-unavailable"), "nobody serves");
    let at_once = begun.elapsed();
    assert!(at_once < Duration::from_secs(2), "{at_once:?}");

    let quick = gateway.setup.serve("quick.wasm", &[]);
    assert_eq!(greet().text(), (200, "hello, bob"));
    quick.signal(Signal::SIGTERM);
    quick.ended();
    assert_eq!(greet().text(), (503, "target-unavailable"), "stopped");

    let slow = gateway.setup.serve("slow.wasm", &[]);
    assert_eq!(greet().text(), (504, "timeout"));
    drop(slow);
    let _quick = gateway.setup.serve("quick.wasm", &[]);
    assert_eq!(greet().text(), (200, "hello, bob"));

    let Gateway {
        mut setup,
        mut process,
        address,
    } = gateway;
    setup.nats.kill();
    process.says("the connection to NATS is down");
    let begun = Instant::now();
    let answer = block_on(get(address, "/greet"));
    assert_eq!(answer.text(), (500, "transport"), "NATS is killed");
    let took = begun.elapsed();
    assert!(took < Duration::from_secs(3), "{took:?}");
    // What calls nobody is not concerned.
    assert_eq!(block_on(get(address, "/host")).text().0, 200);

    setup.restart_nats();
    block_on(crate::support::http::until(address, "/greet", 200));
    process.signal(Signal::SIGTERM);
    let (status, stderr) = process.ended();
    assert_eq!(status.code(), Some(0), "{stderr}");
}

/// What remains of the deadline of the call that a request makes, as its target is told.
async fn deadline_of_a_call(setup: &Setup, address: SocketAddr) -> Duration {
    let nats = async_nats::connect(setup.nats.url()).await.unwrap();
    let calls = nats.subscribe("default.greeter.wrpc.0.0.1.>").await;
    let mut calls = calls.unwrap();
    let probe = "default.greeter.wrpc.0.0.1.probe";
    nats.publish(probe, "".into()).await.unwrap();
    calls.next().await.unwrap();
    let call = tokio::select! {
        answer = get(address, "/greet") => panic!("{answer:?}"),
        call = calls.next() => call.unwrap(),
    };
    let headers = call.headers.unwrap();
    let millis = headers.get("Wrpc-Timeout-Ms").unwrap();
    Duration::from_millis(millis.as_str().parse().unwrap())
}

#[test]
fn a_call_ends_before_its_request_has_to() {
    const PATIENT: [&str; 4] = ["--timeout", "1h", "--handshake-timeout", "1h"];

    let short = [&PATIENT[..], &["--request-timeout", "2s"]].concat();
    let gateway = Gateway::new(&short);
    let _slow = gateway.setup.serve("slow.wasm", &[]);
    let bounded = block_on(deadline_of_a_call(&gateway.setup, gateway.address));
    assert!(bounded < Duration::from_secs(2), "{bounded:?}");
    // With time left to say so.
    let answer = block_on(get(gateway.address, "/greet"));
    assert_eq!(answer.text(), (504, "timeout"));

    // The control: a request that may take longer than its call.
    let long = [&LINKED, &PATIENT[..], &["--request-timeout", "2h"]].concat();
    let (_process, address) = start(&gateway.setup, &long, &[]);
    let unbounded = block_on(deadline_of_a_call(&gateway.setup, address));
    let hour = Duration::from_hours(1);
    assert!(unbounded <= hour && unbounded > hour / 2, "{unbounded:?}");
}
