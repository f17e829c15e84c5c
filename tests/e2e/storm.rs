//! Many calls at once while the broker goes and comes back.

use core::sync::atomic::Ordering;
use core::time::Duration;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::timeout;
use wrpc_middleware::{Delivery, RpcErrorKind};
use wrpc_transport::Invoke;

use crate::failures::upstream_caller;
use crate::support::guests;
use crate::support::host::Host;
use crate::support::outcome::Outcome;
use crate::support::stack::{GREETER_PREFIX, TIMEOUT, host, links, ours};
use crate::support::targets;
use crate::support::transports::{NatsWire, Own, Upstream};
use wrpc_middleware_testing::nats::{NatsServer, connected};
use wrpc_middleware_testing::wait::{GUARD, HANGS, guard, until};

const CALLERS: usize = 1_000;

/// What the broker is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Broker {
    Up,
    Down,
    Back,
}

/// How a call ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Ending {
    Ok,
    Failed(&'static str, &'static str),
    /// The component trapped, or returned anything else.
    Untyped,
}

impl Ending {
    fn of(outcome: &Outcome) -> Self {
        if let Some(failure) = outcome.failure() {
            let case = failure.case.parse::<RpcErrorKind>();
            let delivery = failure.delivery.and_then(|name| name.parse().ok());
            return match (case, delivery) {
                (Ok(case), Some(delivery)) => Self::failed(case, delivery),
                _ => Self::Untyped,
            };
        }
        match outcome {
            Outcome::Returned(_) if outcome.wave() == OK => Self::Ok,
            _ => Self::Untyped,
        }
    }

    const fn failed(case: RpcErrorKind, delivery: Delivery) -> Self {
        Self::Failed(case.as_str(), delivery.as_str())
    }
}

/// What every call of the storm returns if it succeeds.
const OK: &str = r#"ok("hello, bob")"#;

/// How many calls began, and how many ended in which way.
#[derive(Clone, Debug, Default)]
struct Calls {
    begun: usize,
    ended: BTreeMap<Ending, usize>,
}

impl Calls {
    fn ended(&self, ending: Ending) -> usize {
        self.ended.get(&ending).copied().unwrap_or_default()
    }

    fn all_ended(&self) -> usize {
        self.ended.values().sum()
    }
}

/// The callers of a storm, and what became of their calls.
struct Storm {
    broker: watch::Sender<Broker>,
    calls: Arc<Mutex<Calls>>,
    callers: JoinSet<()>,
}

impl Storm {
    fn start<I>(callers: usize, caller: &Host<I>) -> Self
    where
        I: Invoke<Context: Clone + 'static> + Clone + 'static,
    {
        let mut storm = Self {
            broker: watch::Sender::new(Broker::Up),
            calls: Arc::default(),
            callers: JoinSet::new(),
        };
        for _ in 0..callers {
            let (caller, broker) = (caller.clone(), storm.broker.subscribe());
            let calls = Arc::clone(&storm.calls);
            storm.callers.spawn(call_through(caller, broker, calls));
        }
        storm
    }

    fn calls(&self) -> Calls {
        self.calls.lock().unwrap().clone()
    }

    async fn is_under_way(&self, calls: usize) {
        until("the storm to be under way", async || {
            self.calls().ended(Ending::Ok) >= calls
        })
        .await;
    }
}

/// Calls again and again, until a call succeeds after the broker came back.
async fn call_through<I>(
    caller: Host<I>,
    mut broker: watch::Receiver<Broker>,
    calls: Arc<Mutex<Calls>>,
) where
    I: Invoke<Context: Clone + 'static> + Clone + 'static,
{
    loop {
        let before = *broker.borrow_and_update();
        calls.lock().unwrap().begun += 1;
        let ending = Ending::of(&caller.greet("bob").await);
        *calls.lock().unwrap().ended.entry(ending).or_default() += 1;
        match (before, ending) {
            (Broker::Back, Ending::Ok) => return,
            // Without a broker there is nothing to call for.
            (Broker::Down, _) => broker.changed().await.expect("news of the broker"),
            _ => {}
        }
    }
}

/// A thousand callers, and a broker that is killed and restarted. Returns what became of the calls,
/// of which the last of each caller has succeeded.
async fn storm<N: NatsWire>(timeout: Duration, handshake: Duration) -> Calls {
    let mut server = NatsServer::start().await;
    let client = server.connect().await;
    let target_client = server.connect().await;
    let _target = targets::native::<N>(target_client.clone(), GREETER_PREFIX).await;
    let ours = ours::<N>(&client, &links(), timeout, handshake).await;
    let caller = host(&guests::caller(), ours);
    assert_eq!(caller.greet("bob").await.wave(), OK);
    let metrics = tokio::runtime::Handle::current().metrics();
    let subscriptions = server.subscriptions().await;
    let tasks = metrics.num_alive_tasks();

    let mut storm = Storm::start(CALLERS, &caller);
    storm.is_under_way(CALLERS / 10).await;
    storm.broker.send_replace(Broker::Down);
    server.kill();
    until("most callers to be refused", async || {
        storm.calls().ended(REFUSED) >= CALLERS / 2
    })
    .await;
    server.restart().await;
    connected(&client).await;
    connected(&target_client).await;
    storm.broker.send_replace(Broker::Back);

    while let Some(caller) = guard("every caller to get through", storm.callers.join_next()).await {
        caller.expect("no panic");
    }

    let calls = storm.calls();
    assert_eq!(calls.all_ended(), calls.begun, "{calls:?}");
    // The broker went under running calls, and that is what their callers were told.
    assert!(calls.ended(LOST) > 0, "{calls:?}");

    server.subscriptions_return_to(subscriptions).await;
    until("tasks to return to what they were", async || {
        // Not more: the count from before may have caught the clean-up of the first call.
        metrics.num_alive_tasks() <= tasks
    })
    .await;
    calls
}

const REFUSED: Ending = Ending::failed(RpcErrorKind::Transport, Delivery::NotSent);

/// Under way when the connection went.
const LOST: Ending = Ending::failed(RpcErrorKind::Transport, Delivery::Unknown);

/// The caller was back before the target was, or the next ones had found it silent.
const ABSENT: Ending = Ending::failed(RpcErrorKind::TargetUnavailable, Delivery::NotSent);

fn assert_ended(calls: &Calls, possible: &[Ending]) {
    for ending in calls.ended.keys() {
        assert!(possible.contains(ending), "{ending:?} of {calls:?}");
    }
}

/// Over our own transport no call needs its deadline, which here is longer than any test waits.
#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_callers_outlive_a_broker_that_is_killed_and_restarted() {
    const BROKEN_OFF: Ending = Ending::failed(RpcErrorKind::Transport, Delivery::Accepted);

    let calls = storm::<Own>(GUARD * 2, GUARD * 2).await;

    assert_ended(&calls, &[Ending::Ok, REFUSED, LOST, BROKEN_OFF, ABSENT]);
}

#[tokio::test(flavor = "multi_thread")]
async fn over_upstreams_client_some_of_a_thousand_callers_wait_for_their_deadline() {
    // Of these upstream's client lost the handshake, or the results were lost with the broker:
    // nobody says so, as the leaf's docs do.
    const SILENT: Ending = Ending::failed(RpcErrorKind::TargetUnavailable, Delivery::Unknown);
    const LATE: Ending = Ending::failed(RpcErrorKind::Timeout, Delivery::Accepted);

    let calls = storm::<Upstream>(TIMEOUT * 4, TIMEOUT * 2).await;

    assert_ended(&calls, &[Ending::Ok, REFUSED, LOST, ABSENT, SILENT, LATE]);
    assert!(calls.ended(SILENT) <= CALLERS / 100, "{calls:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn control_without_the_layers_the_callers_do_not_outlive_it() {
    const CALLERS: usize = 50;

    let mut server = NatsServer::start().await;
    let client = server.connect().await;
    let target_client = server.connect().await;
    let _target = targets::native::<Upstream>(target_client.clone(), GREETER_PREFIX).await;
    let caller = upstream_caller(&client).await;
    assert_eq!(caller.greet("bob").await.wave(), OK);

    let mut storm = Storm::start(CALLERS, &caller);
    storm.is_under_way(CALLERS).await;
    // Killed at once it might happen to have answered all calls; this one it will not.
    server.freeze().await;
    let before = client.statistics().out_messages.load(Ordering::Relaxed);
    let (lost, calls) = (caller.clone(), Arc::clone(&storm.calls));
    storm.callers.spawn(async move {
        let ending = Ending::of(&lost.greet("bob").await);
        *calls.lock().unwrap().ended.entry(ending).or_default() += 1;
    });
    until("a call to a broker that hangs", async || {
        client.statistics().out_messages.load(Ordering::Relaxed) > before
    })
    .await;
    client.flush().await.expect("a flush");
    storm.broker.send_replace(Broker::Down);
    server.kill();
    server.restart().await;
    connected(&client).await;
    connected(&target_client).await;
    storm.broker.send_replace(Broker::Back);

    let all = async { while storm.callers.join_next().await.is_some() {} };
    let hung = timeout(HANGS, all).await.is_err();
    let calls = storm.calls();
    assert!(hung || calls.ended(Ending::Untyped) > 0, "{calls:?}");
}
