//! `wrpc-host http` under many requests at a time while everything behind the component comes and
//! goes. Needs a NATS server: `$NATS_SERVER`, else the `nats-server` in `PATH`.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "the helpers here are as much tests as the tests"
)]

mod support;

use core::net::SocketAddr;
use core::sync::atomic::{AtomicBool, Ordering};
use core::time::Duration;
use std::collections::BTreeMap;
use std::sync::{Arc, Condvar, Mutex};
use std::time::Instant;

use nix::sys::signal::Signal;
use support::gateway;
use support::http::{Answer, ask, connect, request};
use support::output;
use support::process::Process;
use support::setup::Setup;
use tokio::runtime::Runtime;
use tokio::task::JoinSet;
use wrpc_middleware_testing::wait::{GUARD, guard};

/// Requests at a time.
const CLIENTS: usize = 200;

/// How long it lasts.
const STORM: Duration = Duration::from_secs(30);

/// The link that comes and goes.
const PUT: [&str; 4] = ["put", "gateway", "greeter", "test:app/greeter"];

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

type Counted = BTreeMap<(u16, String), usize>;

/// How often each answer came.
#[derive(Default)]
struct Answers {
    counted: Mutex<Counted>,
    has_come: Condvar,
    is_over: AtomicBool,
}

impl Answers {
    fn count(&self, answer: &Answer) {
        let (status, text) = answer.text();
        let mut counted = self.counted.lock().unwrap();
        *counted.entry((status, text.to_owned())).or_default() += 1;
        self.has_come.notify_all();
    }

    /// Waits until many more were of this status.
    fn come(&self, status: u16) {
        let counted = self.counted.lock().unwrap();
        let enough = of(&counted, status) + SEEN;
        let too_few = |counted: &mut Counted| of(counted, status) < enough;
        let waited = self.has_come.wait_timeout_while(counted, GUARD, too_few);
        let (counted, waited) = waited.unwrap();
        assert!(!waited.timed_out(), "gave up on {status}: {counted:?}");
    }
}

fn of(counted: &Counted, status: u16) -> usize {
    let of_status = counted.iter().filter(|((of, _), _)| *of == status);
    of_status.map(|(_, count)| count).sum()
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

fn serve(setup: &Setup) -> Process {
    setup.serve("quick.wasm", &["--grace", "0s"])
}

/// All that breaks, broken and mended.
struct Round<'a> {
    setup: &'a mut Setup,
    answers: &'a Answers,
}

impl Round<'_> {
    fn run(&mut self, mut greeter: Process) -> Process {
        links(self.setup, &["rm", "gateway", "test:app/greeter"]);
        self.answers.come(403);
        links(self.setup, &PUT);
        self.answers.come(200);
        greeter.signal(Signal::SIGKILL);
        drop(greeter.ended());
        self.answers.come(503);
        greeter = serve(self.setup);
        self.answers.come(200);
        self.setup.nats.kill();
        self.answers.come(500);
        self.setup.restart_nats();
        self.answers.come(200);
        greeter
    }
}

#[test]
fn for_half_a_minute_every_request_is_answered_by_the_component() {
    let mut setup = Setup::with_jetstream("");
    links(&setup, &["init"]);
    links(&setup, &PUT);
    let bucket = ["--links", "kv://links", "--max-requests", "256"];
    let (mut host, address) = gateway::start(&setup, &bucket, &[]);
    let mut greeter = serve(&setup);

    let runtime = Runtime::new().unwrap();
    let answers = Arc::new(Answers::default());
    let mut clients = JoinSet::new();
    for _ in 0..CLIENTS {
        clients.spawn_on(ask_on(address, Arc::clone(&answers)), runtime.handle());
    }
    let begun = Instant::now();
    let mut round = Round {
        setup: &mut setup,
        answers: &answers,
    };
    // Instances, connections and what failures take are there after the first rounds.
    greeter = round.run(greeter);
    greeter = round.run(greeter);
    let mut resident = vec![host.resident()];
    while begun.elapsed() < STORM {
        greeter = round.run(greeter);
        resident.push(host.resident());
    }
    answers.is_over.store(true, Ordering::Relaxed);
    runtime.block_on(async {
        while let Some(client) = guard("every request to be answered", clients.join_next()).await {
            client.unwrap();
        }
    });
    let counted = answers.counted.lock().unwrap();
    println!(
        "{} answers in {:?}, {counted:?}; memory {resident:?} KiB",
        counted.values().sum::<usize>(),
        begun.elapsed(),
    );
    for ((status, text), _) in counted.iter() {
        assert!(ANSWERS.contains(&(*status, text)), "{status} {text}");
    }
    let (first, last) = (resident.first().unwrap(), resident.last().unwrap());
    assert!(last * 10 <= first * 11, "memory grows: {resident:?} KiB");
    host.signal(Signal::SIGTERM);
    host.says("stopping");
    let (status, stderr) = host.ended();
    assert_eq!(status.code(), Some(0), "{stderr}");
    drop(greeter);
}
