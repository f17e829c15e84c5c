//! Many calls at once while the broker goes and comes back.

use core::time::Duration;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use tokio::sync::watch;
use tokio::task::JoinSet;
use wrpc_middleware::{Delivery, RpcErrorKind};

use crate::support::guests;
use crate::support::host::Host;
use crate::support::nats::{NatsServer, connected};
use crate::support::outcome::Outcome;
use crate::support::stack::{GREETER_PREFIX, Ours, host, links, ours};
use crate::support::targets;
use crate::support::wait::{guard, until};

const CALLERS: usize = 1_000;

/// What the broker is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Broker {
    Up,
    Down,
    Back,
}

/// How many calls ended in which way: `ok`, or a case with its delivery.
#[derive(Clone, Default)]
struct Endings(Arc<Mutex<BTreeMap<String, usize>>>);

impl Endings {
    fn record(&self, outcome: &Outcome) {
        let ending = match outcome.failure() {
            Some(failure) => {
                let case: RpcErrorKind = failure.case.parse().expect("a named case");
                let delivery = failure.delivery.expect("a delivery");
                ending(case, delivery.parse().expect("a named delivery"))
            }
            // Panics if the component trapped.
            None => outcome.wave(),
        };
        *self.0.lock().unwrap().entry(ending).or_default() += 1;
    }

    fn count(&self, ending: &str) -> usize {
        self.0
            .lock()
            .unwrap()
            .get(ending)
            .copied()
            .unwrap_or_default()
    }
}

fn ending(case: RpcErrorKind, delivery: Delivery) -> String {
    format!("{case}, {delivery}")
}

/// What every call of the storm returns if it succeeds.
const OK: &str = r#"ok("hello, bob")"#;

/// Calls again and again, until a call succeeds after the broker came back.
async fn call_through(caller: Host<Ours>, mut broker: watch::Receiver<Broker>, endings: Endings) {
    loop {
        let before = *broker.borrow_and_update();
        let outcome = caller.greet("bob").await;
        endings.record(&outcome);
        match (before, outcome.failure()) {
            (Broker::Back, None) => return,
            // Without a broker there is nothing to call for.
            (Broker::Down, Some(_)) => broker.changed().await.expect("news of the broker"),
            _ => {}
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_callers_outlive_a_broker_that_is_killed_and_restarted() {
    let mut server = NatsServer::start().await;
    let client = server.connect().await;
    let target_client = server.connect().await;
    let _target = targets::native(target_client.clone(), GREETER_PREFIX).await;
    let timeout = Duration::from_secs(5);
    let caller = host(&guests::caller(), ours(&client, &links(), timeout, timeout));
    assert_eq!(caller.greet("bob").await.wave(), OK);
    let metrics = tokio::runtime::Handle::current().metrics();
    let subscriptions = server.subscriptions().await;
    let tasks = metrics.num_alive_tasks();

    let endings = Endings::default();
    let broker = watch::Sender::new(Broker::Up);
    let mut callers = JoinSet::new();
    for _ in 0..CALLERS {
        callers.spawn(call_through(
            caller.clone(),
            broker.subscribe(),
            endings.clone(),
        ));
    }
    until("the storm to be under way", async || {
        endings.count(OK) >= CALLERS / 10
    })
    .await;
    broker.send_replace(Broker::Down);
    server.kill();
    let refused = ending(RpcErrorKind::Transport, Delivery::NotSent);
    until("most callers to be refused", async || {
        endings.count(&refused) >= CALLERS / 2
    })
    .await;
    server.restart().await;
    connected(&client).await;
    connected(&target_client).await;
    broker.send_replace(Broker::Back);

    // None hangs, and none traps: that would be a panic in `record`.
    while let Some(caller) = guard("every caller to get through", callers.join_next()).await {
        caller.expect("no panic");
    }
    let endings = endings.0.lock().unwrap().clone();
    assert!(endings[OK] >= CALLERS, "{endings:?}");

    server.subscriptions_return_to(subscriptions).await;
    until("tasks to return to what they were", async || {
        // Not more: the count from before may have caught the clean-up of the first call.
        metrics.num_alive_tasks() <= tasks
    })
    .await;
}
