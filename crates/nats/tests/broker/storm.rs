//! Many calls at once while the broker goes and comes back, again and again.

use core::time::Duration;
use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use tokio::task::JoinSet;
use tokio::time::interval;
use wrpc_middleware_errors::{Delivery, RpcErrorKind};
use wrpc_middleware_nats::{Client, ConnectOptions, ConnectionState, Options, connect};
use wrpc_middleware_transport::Target as Name;

use crate::support::calls::{SOON, call, ending, within};
use crate::support::peers::{TARGET, ours};
use crate::support::target::Target;
use wrpc_middleware_testing::nats::NatsServer;
use wrpc_middleware_testing::wait::{guard, until};

const CALLERS: usize = 64;

/// How often the broker is killed, and when. More often is a longer run of the same.
const KILLS: usize = 4;
const PERIOD: Duration = Duration::from_secs(2);

/// How long callers wait.
const TIMEOUT: Duration = Duration::from_millis(700);

type Ending = Result<(), (RpcErrorKind, Delivery)>;

/// What became of the calls of a caller.
#[derive(Default)]
struct Calls {
    endings: BTreeMap<String, usize>,
    /// Those that were said not to be sent.
    not_sent: Vec<String>,
    longest: Duration,
}

impl Calls {
    fn note(&mut self, name: String, ending: Ending, elapsed: Duration) {
        *self.endings.entry(format!("{ending:?}")).or_default() += 1;
        if let Err((_, Delivery::NotSent)) = ending {
            self.not_sent.push(name);
        }
        self.longest = self.longest.max(elapsed);
    }

    fn add(&mut self, other: Self) {
        for (ending, calls) in other.endings {
            *self.endings.entry(ending).or_default() += calls;
        }
        self.not_sent.extend(other.not_sent);
        self.longest = self.longest.max(other.longest);
    }
}

/// Calls until it is told to stop, every fourth time what does not answer.
async fn caller(number: usize, client: Client, stop: Arc<AtomicBool>) -> Calls {
    let service = within(&client, TIMEOUT);
    let mut state = client.connection_state();
    let mut calls = Calls::default();
    for n in 0.. {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        let name = format!("{number} {n}");
        let func = if n % 4 == 3 { "hold" } else { "echo" };
        let start = Instant::now();
        let ended = call(&service, func, name.clone()).await;
        if let Ok(echoed) = &ended {
            assert_eq!(echoed, name.as_bytes());
        }
        calls.note(name, ending(&ended), start.elapsed());
        if ended.is_err_and(|error| error.delivery() == Delivery::NotSent) {
            // There is nothing to call for until it is back.
            let back = state.wait_for(|state| *state == ConnectionState::Connected);
            guard("the connection", back).await.unwrap();
            tokio::task::yield_now().await;
        }
    }
    calls
}

#[tokio::test(flavor = "multi_thread")]
async fn every_call_of_a_storm_ends_in_time_and_none_runs_that_was_not_sent() {
    storm(KILLS, |nats| nats).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nor_while_calls_wait_for_room() {
    storm(KILLS.div_ceil(2), |nats| nats.client_capacity(4)).await;
}

async fn storm(
    kills: usize,
    nats: impl FnOnce(async_nats::ConnectOptions) -> async_nats::ConnectOptions,
) {
    let mut server = NatsServer::start().await;
    let target = ours(&server, Options::new().id(TARGET)).await;
    let work = Target::start(&target).await;
    let options = Options::new().default_target(Name::new(TARGET).unwrap());
    let options = ConnectOptions::new(server.url()).client(options).nats(nats);
    let client = guard("a client", connect(options)).await.unwrap();
    let stop = Arc::<AtomicBool>::default();
    let mut callers = JoinSet::new();
    for number in 0..CALLERS {
        callers.spawn(caller(number, client.clone(), Arc::clone(&stop)));
    }

    let mut storm = interval(PERIOD);
    storm.tick().await;
    for _ in 0..kills {
        storm.tick().await;
        server.kill();
        server.restart().await;
    }
    storm.tick().await;
    stop.store(true, Ordering::Relaxed);
    let mut calls = Calls::default();
    while let Some(ended) = guard("the last calls", callers.join_next()).await {
        calls.add(ended.expect("no panic"));
    }

    // Each ended typed, or its caller would have panicked; and in time.
    println!("{:?}, {:?} at the longest", calls.endings, calls.longest);
    assert!(calls.longest < TIMEOUT + SOON, "{:?}", calls.longest);
    let ended = |ending: Ending| calls.endings.get(&format!("{ending:?}")).copied();
    assert!(ended(Ok(())) > Some(CALLERS * kills), "{:?}", calls.endings);
    let lost = [Delivery::Unknown, Delivery::Accepted]
        .map(|delivery| ended(Err((RpcErrorKind::Transport, delivery))));
    assert!(lost.iter().any(Option::is_some), "{:?}", calls.endings);

    // Whatever was left behind is over once the target is back: it was answered, its caller gave
    // up, it expired, or the rest of its parameters was lost.
    until("the target to be back", async || {
        call(&within(&client, TIMEOUT), "echo", "last")
            .await
            .is_ok()
    })
    .await;
    work.idles().await;
    until("nothing to be left", async || {
        (
            client.calls(),
            client.buffered(),
            target.calls(),
            target.buffered(),
        ) == (0, 0, 0, 0)
    })
    .await;
    work.work(|work| {
        let mut stopped = BTreeMap::<_, usize>::new();
        for error in &work.stopped {
            *stopped.entry(error.kind().as_str()).or_default() += 1;
        }
        println!(
            "{} begun, {} answered, {stopped:?}",
            work.begun.len(),
            work.answered
        );
        let begun: HashSet<_> = work.begun.iter().collect();
        // None twice.
        assert_eq!(begun.len(), work.begun.len());
        let ran: Vec<_> = calls
            .not_sent
            .iter()
            .filter(|name| begun.contains(name))
            .collect();
        assert!(ran.is_empty(), "{ran:?}");
    });
}
