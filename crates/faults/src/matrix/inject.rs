//! Breaking what a cell breaks, and mending it.

use core::time::Duration;

use wrpc_middleware_testing::wait::until;

use super::cell::{Cell, Component, Fault, Phase};
use super::stage::{Limits, Stage};
use crate::cluster::Topology;
use crate::work;

/// How long a paused network carries nothing: shorter than a target may take to accept a call.
pub(super) const PAUSE: Duration = Duration::from_millis(500);

/// What makes trouble beside the call that meets it.
const COMPANION: &str = "companion";

/// The limits of the target of a cell.
pub(super) fn limits(cell: Cell) -> Limits {
    match (cell.component, cell.fault, cell.phase) {
        (Component::Target, Fault::Full, Phase::Params) => Limits {
            max_buffered: Some(work::HALF + work::HALF / 2),
            ..Limits::default()
        },
        (Component::Target, Fault::Full, Phase::BeforeSend) => Limits {
            max_running: Some(1),
            ..Limits::default()
        },
        (Component::Target, Fault::Full, _) => Limits {
            max_running: Some(2),
            ..Limits::default()
        },
        _ => Limits::default(),
    }
}

/// Whether the target stays where it is in the middle of the call, while its caller goes on.
pub(super) fn holds_target(cell: Cell) -> bool {
    (cell.component, cell.fault, cell.phase) == (Component::Target, Fault::Full, Phase::Params)
}

/// Whether the fault is over before the call need be.
pub(super) fn is_pause(cell: Cell) -> bool {
    (cell.component, cell.fault) == (Component::Network, Fault::Paused)
}

/// Whether nothing is mended before the deadline of the call has passed, on the clocks of all: it
/// waits on its way to the target until then, and must not be run.
pub(super) fn outlasts_deadline(cell: Cell) -> bool {
    cell.phase == Phase::BeforeSend
        && match cell.fault {
            Fault::Partitioned => true,
            Fault::Paused => cell.component != Component::Network,
            _ => false,
        }
}

impl Stage {
    /// Breaks what the cell breaks. Returns once that has happened, and was noticed by those who
    /// can notice it.
    pub(super) async fn inject(&mut self, cell: Cell) {
        self.caller.forget_disconnects();
        match cell.component {
            Component::Nats => self.break_nats(cell).await,
            Component::Target => self.break_target(cell).await,
            Component::Network => self.break_network(cell).await,
        }
    }

    async fn break_nats(&mut self, cell: Cell) {
        match cell.fault {
            Fault::Killed | Fault::Restarted => {
                self.brokers.victim().kill();
                if self.brokers.victim_is_the_callers() {
                    self.caller.disconnects().await;
                } else {
                    until("the leaf node to notice that its hub is gone", async || {
                        self.brokers.leaf_nodes().await == 0
                    })
                    .await;
                }
                if cell.fault == Fault::Restarted {
                    self.brokers.victim().restart().await;
                }
            }
            Fault::Paused => self.brokers.victim().freeze().await,
            Fault::Full => {
                self.overrun_target().await;
                self.companion_ends_before_send(cell).await;
            }
            // The network of a single server is that of its clients.
            fault if cell.topology == Topology::Single => {
                for network in [&self.callers_network, &self.targets_network] {
                    match fault {
                        Fault::Slow => network.slow(),
                        Fault::Lossy => network.sever(),
                        _ => network.partition(),
                    }
                }
            }
            Fault::Slow => self.brokers.between().slow(),
            Fault::Lossy => self.brokers.between().sever(),
            Fault::Partitioned => self.brokers.between().partition(),
        }
    }

    async fn break_target(&mut self, cell: Cell) {
        match cell.fault {
            Fault::Killed => {
                self.kill_target();
                self.target_is_missed().await;
            }
            Fault::Restarted => {
                self.kill_target();
                self.target_is_missed().await;
                self.start_target().await;
                self.target_is_known().await;
            }
            Fault::Paused => self.target().process().freeze().await,
            Fault::Slow => self.targets_network.slow(),
            Fault::Lossy => self.targets_network.sever(),
            Fault::Partitioned => self.targets_network.partition(),
            Fault::Full if cell.phase != Phase::Params => self.occupy_target().await,
            // It reads nothing of what its caller goes on to send: see `holds_target`.
            Fault::Full => {}
        }
    }

    async fn break_network(&mut self, cell: Cell) {
        match cell.fault {
            Fault::Killed => {
                self.callers_network.cut();
                self.caller.disconnects().await;
            }
            Fault::Restarted => {
                self.callers_network.cut();
                self.caller.disconnects().await;
                self.callers_network.mend();
            }
            Fault::Slow => self.callers_network.slow(),
            Fault::Lossy => self.callers_network.sever(),
            Fault::Paused | Fault::Partitioned => self.callers_network.partition(),
            Fault::Full => {
                self.overrun_caller().await;
                self.companion_ends_before_send(cell).await;
            }
        }
    }

    /// Makes the target run one more call, the last that it may, and sees that one more is refused.
    async fn occupy_target(&mut self) {
        self.begin_companion(work::OCCUPY).await;
        let probe = "one-more";
        self.caller.call(probe, work::ECHO);
        self.other_ends(probe).await;
        let refused = self.others.last().map(|ended| ended.outcome.as_str());
        assert_eq!(refused, Some("overloaded/not-sent"), "the target is full");
    }

    /// Sends more to the target than its server keeps for it, while it takes nothing.
    async fn overrun_target(&mut self) {
        self.begin_companion(work::SWALLOW).await;
        self.targets_network.partition();
        self.caller.go(work::SWALLOW);
        self.cut_off().await;
        self.targets_network.mend();
    }

    /// Sends more to the caller than its server keeps for it, while it takes nothing.
    async fn overrun_caller(&mut self) {
        self.begin_companion(work::FLOOD).await;
        self.callers_network.partition();
        self.target().go(work::FLOOD);
        self.cut_off().await;
        self.callers_network.mend();
        self.caller.disconnects().await;
    }

    async fn begin_companion(&mut self, func: &str) {
        self.caller.call(COMPANION, func);
        self.target().begins(COMPANION).await;
        // What is broken next must not keep it from being accepted.
        let ended = self.caller.reaches(COMPANION).await;
        assert_eq!(ended, None, "a call that makes trouble has to last");
    }

    /// What makes trouble is over before the call is sent that is to meet what came of it.
    async fn companion_ends_before_send(&mut self, cell: Cell) {
        if cell.phase == Phase::BeforeSend {
            self.other_ends(COMPANION).await;
        }
    }

    async fn cut_off(&self) {
        until("the server to cut off a slow consumer", async || {
            self.brokers.slow_consumers().await > 0
        })
        .await;
    }

    /// Mends all that is broken, and ends all calls.
    pub(super) async fn mend(&mut self, cell: Cell) {
        let networks = [&self.callers_network, &self.targets_network];
        for network in networks.into_iter().chain([self.brokers.between()]) {
            network.mend();
        }
        match (cell.component, cell.fault) {
            (Component::Nats, Fault::Killed) => self.brokers.victim().restart().await,
            (Component::Nats, Fault::Paused) => self.brokers.victim().thaw(),
            (Component::Target, Fault::Killed) => self.start_target().await,
            (Component::Target, Fault::Paused) => self.target().process().thaw(),
            _ => {}
        }
        self.brokers.joined().await;
        for func in work::FUNCTIONS {
            self.caller.go(func);
            self.target().go(func);
        }
        let companion_lasts = cell.fault == Fault::Full
            && match cell.component {
                Component::Target => cell.phase != Phase::Params,
                Component::Nats | Component::Network => cell.phase != Phase::BeforeSend,
            };
        if companion_lasts {
            self.other_ends(COMPANION).await;
        }
    }
}
