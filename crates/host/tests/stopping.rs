//! What a signal to stop does to `wrpc-host serve`.

#![allow(
    clippy::unwrap_used,
    reason = "the helpers here are as much tests as the tests"
)]

mod support;

use core::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use core::time::Duration;
use std::sync::Arc;

use bytes::Bytes;
use nix::sys::signal::Signal;
use support::process::Process;
use support::setup::{Setup, block_on};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::task::JoinSet;
use tokio::time::timeout;
use wrpc_middleware::Target;
use wrpc_middleware::nats::{CallContext, Client, ConnectOptions, Options, connect};
use wrpc_transport::Invoke as _;

/// More than anything here takes.
const MINUTE: [&str; 2] = ["--timeout", "1m"];

/// Asserts that the process ends with success and cuts nothing off.
fn assert_ends_in_order(process: Process) {
    let (status, stderr) = process.ended();
    assert_eq!(status.code(), Some(0), "{stderr}");
    assert!(!stderr.contains("cut off"), "{stderr}");
}

#[test]
fn a_signal_lets_running_calls_finish() {
    let setup = Setup::new();
    let greeter = setup.serve("soon.wasm", &[]);
    let call = setup.call_in_flight(&MINUTE);
    greeter.signal(Signal::SIGTERM);
    assert_eq!(call.output(), (Some(0), "ok(\"bob\")\n".into()));
    assert_ends_in_order(greeter);
}

/// The grace period is longer than any test waits.
#[test]
fn an_idle_server_stops_at_once() {
    let setup = Setup::new();
    for signal in [Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP] {
        let greeter = setup.serve("quick.wasm", &["--grace", "1h"]);
        greeter.signal(signal);
        assert_ends_in_order(greeter);
    }
}

#[test]
fn a_server_without_a_connection_stops_at_once() {
    let mut setup = Setup::new();
    let mut greeter = setup.serve("quick.wasm", &["--grace", "1h"]);
    setup.nats.kill();
    greeter.says("the connection to NATS is down");
    greeter.signal(Signal::SIGTERM);
    assert_ends_in_order(greeter);
}

#[test]
fn the_grace_period_ends_calls_that_do_not() {
    let setup = Setup::new();
    let greeter = setup.serve("slow.wasm", &["--grace", "50ms"]);
    let call = setup.call_in_flight(&MINUTE);
    greeter.signal(Signal::SIGINT);
    let (status, stderr) = greeter.ended();
    assert_eq!(status.code(), Some(0), "{stderr}");
    assert!(
        stderr.contains("1 running call is cut off after the grace period"),
        "{stderr}"
    );
    // The caller is told.
    let (code, stdout) = call.output();
    let start = "err(target-failed({delivery: accepted, ";
    assert!(stdout.starts_with(start), "{stdout}");
    assert_eq!(code, Some(3));
}

#[test]
fn a_second_signal_does_not_wait() {
    let setup = Setup::new();
    let mut greeter = setup.serve("slow.wasm", &["--grace", "1h"]);
    let _call = setup.call_in_flight(&MINUTE);
    greeter.signal(Signal::SIGTERM);
    greeter.says("SIGTERM: stopping, within 1h");
    greeter.signal(Signal::SIGTERM);
    let (status, stderr) = greeter.ended();
    assert_eq!(status.code(), Some(0), "{stderr}");
    assert!(
        stderr.contains("1 running call is cut off by SIGTERM"),
        "{stderr}"
    );
}

/// Callers that call as fast as they can.
struct Load {
    answered: Arc<AtomicUsize>,
    stop: Arc<AtomicBool>,
    callers: JoinSet<usize>,
}

impl Load {
    const CALLERS: usize = 32;

    async fn start(setup: &Setup) -> Self {
        let options = Options::new()
            .prefix("default")
            .default_target(Target::new("greeter").unwrap());
        let options = ConnectOptions::new(setup.nats.url()).client(options);
        let client = connect(options).await.unwrap();
        let (answered, stop) = (Arc::default(), Arc::default());
        let mut callers = JoinSet::new();
        for _ in 0..Self::CALLERS {
            let (client, answered, stop) =
                (client.clone(), Arc::clone(&answered), Arc::clone(&stop));
            callers.spawn(call_until(client, answered, stop));
        }
        Self {
            answered,
            stop,
            callers,
        }
    }

    /// Waits for as many answers more.
    async fn goes_on(&mut self, answers: usize) {
        let enough = self.answered.load(Ordering::Relaxed) + answers;
        let mut interval = tokio::time::interval(Duration::from_millis(5));
        while self.answered.load(Ordering::Relaxed) < enough {
            // One that ends, ends in a panic.
            tokio::select! {
                ended = self.callers.join_next() => panic!("{ended:?}"),
                _ = interval.tick() => {}
            }
        }
    }

    /// How many calls were made, all of them answered.
    async fn end(self) -> usize {
        self.stop.store(true, Ordering::Relaxed);
        self.callers.join_all().await.into_iter().sum()
    }
}

/// Every call has to be answered. Returns how many there were.
async fn call_until(client: Client, answered: Arc<AtomicUsize>, stop: Arc<AtomicBool>) -> usize {
    let mut calls = 0;
    while !stop.load(Ordering::Relaxed) {
        calls += 1;
        let answer = timeout(Duration::from_secs(30), call(&client)).await;
        let answer = answer.unwrap_or_else(|_| panic!("no answer to call {calls}"));
        assert_eq!(answer.unwrap(), b"\0\x0ahello, bob", "call {calls}");
        answered.fetch_add(1, Ordering::Relaxed);
    }
    calls
}

async fn call(client: &Client) -> anyhow::Result<Vec<u8>> {
    let paths: [&[Option<usize>]; 0] = [];
    let params = Bytes::from_static(b"\x03bob");
    let call = client.invoke(
        CallContext::new(None),
        "test:app/greeter",
        "greet",
        params,
        paths,
    );
    let (mut outgoing, mut incoming) = call.await?;
    outgoing.shutdown().await?;
    let mut answer = Vec::new();
    incoming.read_to_end(&mut answer).await?;
    Ok(answer)
}

#[test]
fn no_call_is_lost_when_a_server_under_load_stops() {
    const STOPS: usize = 4;

    let setup = Setup::new();
    let mut server = setup.serve("quick.wasm", &[]);
    block_on(async {
        let mut load = Load::start(&setup).await;
        for _ in 0..STOPS {
            load.goes_on(100).await;
            let next = setup.serve("quick.wasm", &[]);
            load.goes_on(100).await;
            server.signal(Signal::SIGTERM);
            assert_ends_in_order(core::mem::replace(&mut server, next));
        }
        load.goes_on(100).await;
        assert!(load.end().await >= 200 * STOPS);
    });
}
