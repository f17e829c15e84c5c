//! A host on each server of a NATS cluster, and one bucket of links for all. Needs a NATS server:
//! `$NATS_SERVER`, else the `nats-server` in `PATH`.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "the helpers here are as much tests as the tests"
)]

mod support;

use core::net::SocketAddr;
use core::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::Arc;

use nix::sys::signal::Signal;
use support::gateway;
use support::http::{self, Answer, ask, connect, request};
use support::output;
use support::process::Process;
use support::setup::{Workplace, block_on};
use tokio::runtime::Runtime;
use tokio::task::JoinSet;
use wrpc_middleware_testing::cluster::Cluster;
use wrpc_middleware_testing::wait::{guard, until};

/// Callers of each host.
const CALLERS: usize = 8;

/// Runs `links …` until it succeeds, as while the servers elect a leader.
fn links(workplace: &Workplace, args: &[&str]) {
    block_on(until("a change of the links", async || {
        let done = output(workplace.command(&["links"]).args(args));
        done.code == Some(0)
    }));
}

/// How often a host was asked while its servers come and go, and how it answered.
#[derive(Default)]
struct Load {
    answered: AtomicUsize,
    is_over: AtomicBool,
}

async fn ask_on(address: SocketAddr, load: Arc<Load>) {
    let mut connection = connect(address).await;
    while !load.is_over.load(Ordering::Relaxed) {
        let answer = ask(&mut connection, request(address, "/greet")).await;
        let answer = Answer::of(answer).await;
        match answer.text() {
            (200, "hello, bob") => {
                load.answered.fetch_add(1, Ordering::Relaxed);
            }
            // Its connection was lost, or the way to the target is not known yet, or the call was
            // on its way when that happened.
            (500, "transport") | (503, "target-unavailable") | (504, "timeout") => {}
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_change_reaches_every_host_and_the_loss_of_a_server_loses_none() {
    let mut cluster = block_on(Cluster::start(3));
    let put = ["put", "gateway", "greeter", "test:app/greeter"];
    let remove = ["rm", "gateway", "test:app/greeter"];

    let workplaces = [0, 1, 2].map(|nth| Workplace::new(cluster.server(nth).url()));
    let [_, second, third] = &workplaces;
    links(second, &["init", "--replicas", "3"]);
    // A host knows one server; of the others it hears from that.
    let mut hosts = Vec::new();
    for workplace in &workplaces {
        let options = ["--links", "kv://links", "--handshake-timeout", "1s"];
        hosts.push(gateway::start(workplace, &options, &[]));
    }
    let greeters: Vec<_> = workplaces
        .iter()
        .map(|workplace| workplace.serve("quick.wasm", &[]))
        .collect();

    let all_answer = |status| {
        for (_, address) in &hosts {
            block_on(http::until(*address, "/greet", status));
        }
    };
    for workplace in &workplaces {
        links(workplace, &put);
        all_answer(200);
        links(workplace, &remove);
        all_answer(403);
    }
    links(second, &put);
    all_answer(200);

    let runtime = Runtime::new().unwrap();
    let loads: Vec<Arc<Load>> = hosts.iter().map(|_| Arc::default()).collect();
    let mut callers = JoinSet::new();
    for ((_, address), load) in hosts.iter().zip(&loads) {
        for _ in 0..CALLERS {
            callers.spawn_on(ask_on(*address, Arc::clone(load)), runtime.handle());
        }
    }
    let all_go_on = |what: &str| {
        let before: Vec<_> = loads
            .iter()
            .map(|l| l.answered.load(Ordering::Relaxed))
            .collect();
        runtime.block_on(until(what, async || {
            let mut pairs = loads.iter().zip(&before);
            pairs.all(|(now, before)| now.answered.load(Ordering::Relaxed) > before + 100)
        }));
    };
    all_go_on("answers of all hosts");
    cluster.server_mut(0).kill();
    all_go_on("answers of all hosts without a server");
    for load in &loads {
        load.is_over.store(true, Ordering::Relaxed);
    }
    runtime.block_on(async {
        while let Some(ended) = guard("the callers", callers.join_next()).await {
            ended.unwrap();
        }
    });

    // Two of three are enough for changes, too.
    links(second, &remove);
    all_answer(403);
    links(third, &put);
    all_answer(200);
    for (host, _) in hosts {
        stops(host);
    }
    greeters.into_iter().for_each(stops);
}

fn stops(process: Process) {
    process.signal(Signal::SIGTERM);
    let (status, stderr) = process.ended();
    assert_eq!(status.code(), Some(0), "{stderr}");
}
