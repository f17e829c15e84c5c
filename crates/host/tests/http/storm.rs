//! Many requests at a time while everything behind the component comes and goes.

use core::net::SocketAddr;
use core::sync::atomic::{AtomicBool, Ordering};
use core::time::Duration;
use std::collections::BTreeMap;
use std::process::Command;
use std::sync::{Arc, Mutex};

use nix::sys::signal::Signal;
use tokio::runtime::Runtime;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::client::{Answer, ask, connect, guard, request};
use crate::gateway;
use crate::support::nats::{self, Process};
use crate::support::output;
use crate::support::setup::Setup;

/// Requests at a time.
const CLIENTS: usize = 200;

/// So many answers show that something has come about.
const SEEN: usize = CLIENTS;

/// What the component answers by its own choice: the case that it got, under a status that fits.
const ANSWERS: [(u16, &str); 6] = [
    (200, "hello, bob"),
    (403, "link-denied"),
    (503, "target-unavailable"),
    (504, "timeout"),
    (500, "transport"),
    (500, "target-failed"),
];

/// How often each answer came.
#[derive(Default)]
struct Answers {
    counted: Mutex<BTreeMap<(u16, String), usize>>,
    is_over: AtomicBool,
}

impl Answers {
    fn count(&self, answer: &Answer) {
        let (status, text) = answer.text();
        let mut counted = self.counted.lock().unwrap();
        *counted.entry((status, text.to_owned())).or_default() += 1;
    }

    fn of(&self, status: u16) -> usize {
        let counted = self.counted.lock().unwrap();
        let of_status = counted.iter().filter(|((of, _), _)| *of == status);
        of_status.map(|(_, count)| count).sum()
    }

    fn all(&self) -> usize {
        self.counted.lock().unwrap().values().sum()
    }

    /// Waits until many more were of this status.
    fn come(&self, status: u16) {
        let enough = self.of(status) + SEEN;
        let begun = std::time::Instant::now();
        while self.of(status) < enough {
            assert!(
                begun.elapsed() < crate::client::GUARD,
                "gave up on {status}: {:?}",
                self.counted.lock().unwrap()
            );
            std::thread::yield_now();
            std::thread::park_timeout(Duration::from_millis(5));
        }
    }
}

/// Asks again and again, each time when the last request was answered.
async fn ask_on(address: SocketAddr, answers: Arc<Answers>) {
    let mut connection = connect(address).await;
    while !answers.is_over.load(Ordering::Relaxed) {
        let response = ask(&mut connection, request(address, "/greet")).await;
        answers.count(&Answer::of(response).await);
    }
}

/// What the program does with the bucket.
fn links(setup: &Setup, args: &[&str]) {
    let done = output(setup.command(&["links"]).args(args));
    assert_eq!(done.code, Some(0), "{args:?}: {}", done.stderr);
}

/// The server again, where it was and with what it had.
fn nats_again(setup: &Setup) -> Process {
    let port = setup.url.rsplit(':').next().unwrap();
    let mut command = Command::new(nats::program());
    command.arg("--config").arg(setup.files.path("nats.conf"));
    let mut server = Process::start(command.args(["--addr", "127.0.0.1", "--port", port]));
    server.says("Server is ready");
    server
}

/// Everything goes and comes back, `again` and again.
fn storm(mut again: impl FnMut() -> bool) {
    let mut setup =
        Setup::with_store(|store| format!("jetstream: {{ store_dir: \"{}\" }}", store.display()));
    links(&setup, &["init"]);
    let put = ["put", "gateway", "greeter", "test:app/greeter"];
    links(&setup, &put);
    let (mut host, address) = gateway::start(
        &setup,
        &["--links", "kv://links", "--max-requests", "256"],
        &[],
    );
    let mut greeter = setup.serve("quick.wasm", &["--grace", "0s"]);

    let runtime = Runtime::new().unwrap();
    let answers = Arc::new(Answers::default());
    let mut clients = JoinSet::new();
    for _ in 0..CLIENTS {
        clients.spawn_on(ask_on(address, Arc::clone(&answers)), runtime.handle());
    }
    answers.come(200);
    answers.come(200);
    let (begun, before) = (Instant::now(), host.resident());
    while {
        links(&setup, &["rm", "gateway", "test:app/greeter"]);
        answers.come(403);
        links(&setup, &put);
        answers.come(200);
        greeter.signal(Signal::SIGKILL);
        drop(greeter.ended());
        answers.come(503);
        greeter = setup.serve("quick.wasm", &["--grace", "0s"]);
        answers.come(200);
        setup.nats.signal(Signal::SIGKILL);
        answers.come(500);
        setup.nats = nats_again(&setup);
        answers.come(200);
        again()
    } {}
    let after = host.resident();
    answers.is_over.store(true, Ordering::Relaxed);
    runtime.block_on(async {
        while let Some(client) = guard("every request to be answered", clients.join_next()).await {
            client.unwrap();
        }
    });
    println!(
        "{} answers in {:?}, {:?}; memory {before} -> {after} KiB",
        answers.all(),
        begun.elapsed(),
        answers.counted.lock().unwrap()
    );
    for ((status, text), _) in answers.counted.lock().unwrap().iter() {
        assert!(ANSWERS.contains(&(*status, text)), "{status} {text}");
    }
    // What 200 requests at a time take is there from the start.
    assert!(after < before + before / 2, "{before} -> {after} KiB");
    host.signal(Signal::SIGTERM);
    host.says("stopping");
    let (status, stderr) = host.ended();
    assert_eq!(status.code(), Some(0), "{stderr}");
}

#[test]
fn every_request_is_answered_by_the_component() {
    storm(|| false);
}

/// The same for longer, to be looked at: `cargo test -p wrpc-host --test http storm -- --ignored
/// --nocapture`.
#[test]
#[ignore = "takes half a minute"]
fn every_request_is_answered_by_the_component_for_half_a_minute() {
    let end = std::time::Instant::now() + Duration::from_secs(30);
    storm(|| std::time::Instant::now() < end);
}
