//! What calls leave behind: nothing.

use core::pin::pin;
use std::sync::Arc;

use futures::StreamExt as _;
use futures::stream;
use tokio::io::AsyncWriteExt as _;
use tokio::runtime::Handle;
use wrpc_middleware_errors::{Delivery, RpcErrorKind};
use wrpc_middleware_nats::{Client, ConnectionState, Options};
use wrpc_middleware_transport::Paths;

use crate::support::calls::{LONG, accepted, becomes, call, ending, finish, open, ours_at};
use crate::support::peers::{INSTANCE, TARGET, ours};
use crate::support::target::Target;
use wrpc_middleware_testing::nats::NatsServer;
use wrpc_middleware_testing::process::{Process, say};
use wrpc_middleware_testing::wait::{guard, until};

/// As many calls as would take more than [`MEMORY`] if each left as much as a waiting one has.
const CALLS: usize = 10_000;
const AT_A_TIME: usize = 64;

/// What may be more or less than before, in KiB. Upstream's client leaks some 80,000 over as many
/// calls that are dropped while it is disconnected.
const MEMORY: usize = 4096;

/// What a process has of a kind, and clients in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Held {
    calls: usize,
    bytes: usize,
    tasks: usize,
}

impl Held {
    fn by(clients: [&Client; 2]) -> Self {
        Self {
            calls: clients.iter().map(|client| client.calls()).sum(),
            bytes: clients.iter().map(|client| client.buffered()).sum(),
            tasks: Handle::current().metrics().num_alive_tasks(),
        }
    }
}

/// The memory of this process, in KiB.
fn memory() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").expect("the state of this process");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let number = line.and_then(|line| line.split_whitespace().next());
    number
        .and_then(|number| number.parse().ok())
        .expect("a size")
}

/// The role of a child process: drops calls half-way, as often as it is told to, and while there
/// is no connection. Says how much memory that takes.
pub async fn drop_calls(url: &str) {
    let target = ours_at(url, Options::new().id(TARGET)).await;
    let work = Target::start(&target).await;
    let client = ours_at(url, Options::new().reconnect_wait(LONG)).await;
    let hasty = ours_at(url, Options::new()).await;
    let clients = [&client, &target];

    let half_way = async |calls: usize| {
        let before = work.begun();
        let all = stream::iter(0..calls).for_each_concurrent(AT_A_TIME, async |n| {
            let func = ["hold", "begin"][n % 2];
            drop(accepted(&client, func, "x").await);
        });
        guard("the calls", all).await;
        work.has_stopped(before + calls).await;
        // Not the list of them itself.
        work.forget();
    };
    // What is allocated once is allocated.
    half_way(CALLS / 4).await;
    until("no call to be left", async || Held::by(clients).calls == 0).await;
    let (held, before) = (Held::by(clients), memory());

    half_way(CALLS).await;
    until("nothing to be left", async || Held::by(clients) == held).await;
    say(&memory().saturating_sub(before).to_string());

    say("cut");
    for client in [&client, &hasty, &target] {
        becomes(client, ConnectionState::Disconnected).await;
    }
    let held = Held::by(clients);
    let before = memory();
    for _ in 0..CALLS {
        let mut waiting = pin!(open(&client, "echo", "x"));
        assert!(futures::poll!(&mut waiting).is_pending());
    }
    for _ in 0..CALLS {
        let refused = call(&hasty, "echo", "x").await;
        assert_eq!(
            ending(&refused),
            Err((RpcErrorKind::Transport, Delivery::NotSent))
        );
    }
    assert_eq!(Held::by(clients), held);
    say(&memory().saturating_sub(before).to_string());

    say("mend");
    // The caller may be back before the target is.
    until("the last call", async || {
        call(&client, "echo", "last").await.is_ok()
    })
    .await;
    // Nothing of what was dropped has run.
    assert_eq!(work.work(|work| work.begun.clone()), ["last"]);
    say("done");
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_calls_that_are_dropped_leave_nothing() {
    let mut server = NatsServer::start().await;
    let mut child = Process::start("drop calls", &[&server.url()]);
    let grown = async |child: &mut Process| -> usize {
        let line = child.line().await.expect("how much memory it takes");
        line.parse().expect("a size")
    };

    let half_way = grown(&mut child).await;
    child.says("cut").await;
    // Two connections for calls and one for the target: their inboxes, and three functions.
    assert_eq!(server.subscriptions().await, 3 + 3);
    server.kill();
    let disconnected = grown(&mut child).await;
    child.says("mend").await;
    server.restart().await;
    child.says("done").await;
    assert!(child.ended().await.success());

    println!("{half_way} KiB half-way, {disconnected} KiB disconnected");
    assert!(half_way < MEMORY, "{half_way}");
    assert!(disconnected < MEMORY, "{disconnected}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_of_a_client_and_its_calls_takes_all_with_it() {
    let server = NatsServer::start().await;
    let target = ours(&server, Options::new().id(TARGET)).await;
    let work = Target::start(&target).await;
    let tasks = || Handle::current().metrics().num_alive_tasks();
    let (subscriptions, before) = (server.subscriptions().await, tasks());

    let client = ours(&server, Options::new().id("client")).await;
    let requests = client.requests(INSTANCE, "echo", Paths::default()).await;
    let call = accepted(&client, "echo", "x").await;
    let core = Arc::new(client.clone());
    assert_eq!(server.subscriptions().await, subscriptions + 2);
    drop((client, core));

    // A call and a function that is served keep what they need.
    assert_eq!(guard("an echo", finish(call)).await.unwrap(), b"x");
    server.subscriptions_return_to(subscriptions + 2).await;
    drop(requests);
    server.subscriptions_return_to(subscriptions).await;
    work.idles().await;
    until("tasks to return to what they were", async || {
        tasks() <= before
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_is_left_holds_its_connection_until_it_ends() {
    let server = NatsServer::start().await;
    let target = ours(&server, Options::new().id(TARGET)).await;
    let work = Target::start(&target).await;
    let subscriptions = server.subscriptions().await;
    let client = ours(&server, Options::new().id("client")).await;
    let held = accepted(&client, "hold", "x").await;
    drop(client);
    // It is cancelled, though nothing else of its client is left.
    drop(held);
    work.has_stopped(1).await;
    server.subscriptions_return_to(subscriptions).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_results_leave_before_the_connection() {
    let server = NatsServer::start().await;
    let client = ours(&server, Options::new().id("client")).await;
    for _ in 0..20 {
        let target = ours(&server, Options::new().id(TARGET)).await;
        let requests = target.requests(INSTANCE, "echo", Paths::default()).await;
        let mut requests = requests.unwrap();
        let call = open(&client, "echo", "x").await.unwrap();
        let request = guard("a call", requests.next()).await.unwrap().unwrap();
        let (context, mut results, params) = request.accept();
        target.drain();
        assert!(guard("the end", requests.next()).await.is_none());
        drop((target, requests));
        results.write_all(b"last").await.unwrap();
        results.shutdown().await.unwrap();
        drop((results, params, context));
        assert_eq!(guard("the answer", finish(call)).await.unwrap(), b"last");
    }
}
