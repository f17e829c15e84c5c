//! All processes of a cell, and the networks between them.

use core::time::Duration;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;
use wrpc_middleware_testing::wait::until;

use super::peer::Peer;
use crate::caller::{Client, TIMEOUT};
use crate::cluster::{Brokers, Topology};
use crate::network::Network;
use crate::speech::{Counts, Ended};
use crate::work;

/// What a loaded machine may add to the time that a call takes.
pub(super) const SLACK: Duration = Duration::from_secs(2);

/// How long a call may take.
pub const BOUND: Duration = TIMEOUT.saturating_add(SLACK);

/// Far longer than everything takes that was set up for calls of the past to be taken down.
const SETTLE: Duration = Duration::from_secs(30);

/// What a target is given to hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Limits {
    pub(super) max_running: Option<usize>,
    pub(super) max_buffered: Option<usize>,
}

/// What there is while nothing happens.
#[derive(Clone, Copy, Debug)]
struct Rest {
    subscriptions: u64,
    interest: u64,
    caller: Counts,
    target: Counts,
}

/// The processes of a cell. All end when this is dropped.
pub(super) struct Stage {
    program: PathBuf,
    pub(super) brokers: Brokers,
    pub(super) callers_network: Network,
    pub(super) targets_network: Network,
    pub(super) caller: Peer,
    /// None while it is killed.
    pub(super) target: Option<Peer>,
    /// Every call but the one that meets the fault.
    pub(super) others: Vec<Ended>,
    rest: Rest,
    dir: TempDir,
}

impl Stage {
    /// Starts everything, and makes a call that nothing happens to.
    pub(super) async fn start(
        program: &Path,
        topology: Topology,
        client: Client,
        limits: Limits,
    ) -> Self {
        let brokers = Brokers::start(topology).await;
        let callers_network = Network::start(brokers.ports_of_caller()).await;
        let targets_network = Network::start(brokers.ports_of_target()).await;
        let dir = tempfile::tempdir().expect("a directory for the record");
        let target = start_target(program, &targets_network, dir.path(), limits).await;
        let mut command = Command::new(program);
        command
            .args(["caller", "--client", client.as_str(), "--servers"])
            .arg(servers(&callers_network));
        let mut stage = Self {
            program: program.into(),
            caller: Peer::start(&mut command).await,
            target: Some(target),
            brokers,
            callers_network,
            targets_network,
            others: Vec::new(),
            rest: Rest {
                subscriptions: 0,
                interest: 0,
                caller: Counts::default(),
                target: Counts::default(),
            },
            dir,
        };
        stage.recover("warm-up").await;
        stage.rest = Rest {
            subscriptions: stage.brokers.subscriptions().await,
            interest: stage.brokers.interest().await,
            caller: stage.caller.resting().await,
            target: stage.target().resting().await,
        };
        stage
    }

    /// The target, which runs.
    pub(super) fn target(&mut self) -> &mut Peer {
        self.target.as_mut().expect("a target that runs")
    }

    /// Kills the target.
    pub(super) fn kill_target(&mut self) {
        if let Some(target) = self.target.take() {
            target.into_process().kill();
        }
    }

    /// Starts a target in the place of one that was killed.
    pub(super) async fn start_target(&mut self) {
        let limits = Limits::default();
        let networks = (&self.targets_network, self.dir.path());
        self.target = Some(start_target(&self.program, networks.0, networks.1, limits).await);
    }

    /// Waits until the caller's server knows that the target is gone.
    pub(super) async fn target_is_missed(&self) {
        until("the caller's server to miss the target", async || {
            self.brokers.interest().await < self.rest.interest
        })
        .await;
    }

    /// Waits until the caller's server knows of a target again.
    pub(super) async fn target_is_known(&self) {
        until("the caller's server to know the target", async || {
            self.brokers.interest().await >= self.rest.interest
        })
        .await;
    }

    /// Waits for the end of a call beside the one that meets the fault.
    pub(super) async fn other_ends(&mut self, id: &str) {
        let ended = self.caller.ends(id, SETTLE).await;
        let ended = ended.unwrap_or_else(|| panic!("the call `{id}` does not end"));
        self.others.push(ended);
    }

    /// Makes calls until one is answered.
    pub(super) async fn recover(&mut self, name: &str) {
        let mut calls = 0;
        until("a call to be answered again", async || {
            calls += 1;
            let id = format!("{name}-{calls}");
            self.caller.call(&id, work::ECHO);
            self.other_ends(&id).await;
            self.others
                .last()
                .is_some_and(|ended| ended.outcome == "ok")
        })
        .await;
    }

    /// Waits until everything is as it was before the first call; what is not, if it stays so.
    pub(super) async fn leftovers(&mut self) -> Vec<String> {
        let mut left = Vec::new();
        let settled = async {
            let mut interval = tokio::time::interval(Duration::from_millis(50));
            loop {
                interval.tick().await;
                left = self.left().await;
                if left.is_empty() {
                    return;
                }
            }
        };
        // What is left then is reported.
        let _ = tokio::time::timeout(SETTLE, settled).await;
        left
    }

    async fn left(&mut self) -> Vec<String> {
        let Rest {
            subscriptions,
            caller,
            target,
            ..
        } = self.rest;
        let mut left = Vec::new();
        let now = self.brokers.subscriptions().await;
        if now != subscriptions {
            left.push(format!("{now} subscriptions, {subscriptions} before"));
        }
        let peers = [("caller", self.caller.counts().await, caller)];
        let peers = peers
            .into_iter()
            .chain([("target", self.target().counts().await, target)]);
        for (name, now, before) in peers {
            if now.calls > 0 || now.buffered > 0 || now.tasks > before.tasks {
                left.push(format!("the {name} holds {now:?}, {before:?} before"));
            }
        }
        left
    }

    /// How often each call was run.
    pub(super) fn executions(&self) -> HashMap<String, usize> {
        let record = std::fs::read_to_string(record(self.dir.path())).expect("the record");
        let mut executions = HashMap::new();
        for id in record.lines() {
            *executions.entry(id.to_owned()).or_default() += 1;
        }
        executions
    }
}

async fn start_target(program: &Path, network: &Network, dir: &Path, limits: Limits) -> Peer {
    let mut command = Command::new(program);
    command
        .args(["target", "--servers"])
        .arg(servers(network))
        .arg("--record")
        .arg(record(dir));
    let limits = [
        ("--max-running", limits.max_running),
        ("--max-buffered", limits.max_buffered),
    ];
    for (name, limit) in limits {
        if let Some(limit) = limit {
            command.arg(name).arg(limit.to_string());
        }
    }
    Peer::start(&mut command).await
}

fn record(dir: &Path) -> PathBuf {
    dir.join("record")
}

fn servers(network: &Network) -> String {
    network.urls().collect::<Vec<_>>().join(",")
}
