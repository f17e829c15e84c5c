//! What may come of each cell, and why: by reasoning from what each side can know, not by
//! recording what came.

use wrpc_middleware_errors::Delivery::{Accepted, NotSent, Unknown};
use wrpc_middleware_errors::RpcErrorKind::{
    Overloaded, TargetFailed, TargetUnavailable, Timeout, Transport,
};

use super::cell::Component::{Nats, Network, Target};
use super::cell::Fault::{Full, Killed, Lossy, Partitioned, Paused, Restarted, Slow};
use super::cell::Phase::{BeforeSend, Handshake, IdleStream, Params, Results};
use super::cell::{Cell, Component, Fault, Phase};
use super::outcome::Outcome::{self, Failed, Ok};
use crate::cluster::Topology::{self, Cluster, Leaf, Single};

/// The outcomes that are right in a set of cells.
#[derive(Debug)]
pub struct Row {
    component: Component,
    faults: &'static [Fault],
    phases: &'static [Phase],
    topologies: &'static [Topology],
    outcomes: &'static [Outcome],
    because: &'static str,
}

const BEFORE: &[Phase] = &[BeforeSend];
const AFTER: &[Phase] = &[Handshake, Params, Results, IdleStream];
const ANY: &[Phase] = Phase::ALL;
/// Those where the target has all parameters.
const TAKEN: &[Phase] = &[Handshake, Results];
/// Those where parameters are still to come.
const OPEN: &[Phase] = &[Params, IdleStream];

/// Those where the server that breaks is the caller's.
const OWN: &[Topology] = &[Single, Cluster];
/// Those with a network between servers.
const JOINED: &[Topology] = &[Cluster, Leaf];
const ALL: &[Topology] = Topology::ALL;

const NOBODY: Outcome = Failed(TargetUnavailable, NotSent);
const SILENCE: Outcome = Failed(TargetUnavailable, Unknown);
const UNSENT: Outcome = Failed(Transport, NotSent);
const SENT: Outcome = Failed(Transport, Unknown);
const LOST: Outcome = Failed(Transport, Accepted);
const GONE: Outcome = Failed(TargetFailed, Accepted);
const LATE: Outcome = Failed(Timeout, Accepted);
const SHED: Outcome = Failed(Overloaded, NotSent);
const OVERRUN: Outcome = Failed(Overloaded, Accepted);

/// The table: exactly one row fits each cell.
#[rustfmt::skip]
const TABLE: &[Row] = &[
    // NATS
    row(Nats, &[Killed], BEFORE, &[Single], &[UNSENT],
        "the caller has noticed that it is not connected"),
    row(Nats, &[Killed], BEFORE, &[Cluster], &[Ok, UNSENT],
        "the caller may have found another server or not"),
    row(Nats, &[Killed, Restarted], AFTER, OWN, &[LOST],
        "the connection that the answer was to come over is gone"),
    row(Nats, &[Killed], BEFORE, &[Leaf], &[NOBODY],
        "the leaf node knows nobody who serves the function, once its hub is gone"),
    row(Nats, &[Killed], AFTER, &[Leaf], &[GONE],
        "the leaf node says that nobody is where the target was"),
    row(Nats, &[Paused], BEFORE, ALL, &[SILENCE],
        "nothing is answered, and silence does not show where the call got stuck"),
    row(Nats, &[Paused], AFTER, OWN, &[LOST, LATE],
        "the broker owes three signs of life after 2.7 s, the call is late after 3 s"),
    row(Nats, &[Paused], AFTER, &[Leaf], &[LATE],
        "the leaf node takes its hub for alive, and the target with it"),
    row(Nats, &[Slow], ANY, ALL, &[Ok],
        "nothing is lost, and it is in time"),
    row(Nats, &[Lossy], BEFORE, &[Single], &[Ok, UNSENT, SENT, NOBODY, SILENCE],
        "the caller or the target may be connected again or not, or about to lose its connection"),
    row(Nats, &[Lossy], AFTER, &[Single], &[LOST],
        "the connection that the answer was to come over is gone"),
    row(Nats, &[Lossy], BEFORE, JOINED, &[Ok, NOBODY, SILENCE],
        "the servers may be joined again or not, or the call is lost between them"),
    row(Nats, &[Lossy], TAKEN, JOINED, &[Ok, GONE, LOST],
        "whoever asks while the servers are apart finds nobody; what is sent then is missed later"),
    row(Nats, &[Lossy], OPEN, JOINED, &[Ok, GONE, LOST, LATE],
        "the same; and if the end of the parameters is lost, both sides are there, and wait"),
    row(Nats, &[Partitioned], BEFORE, ALL, &[SILENCE],
        "nothing is answered, and silence does not show where the call got stuck"),
    row(Nats, &[Partitioned], AFTER, &[Single], &[LOST, LATE],
        "the broker owes three signs of life after 2.7 s, the call is late after 3 s"),
    row(Nats, &[Partitioned], AFTER, JOINED, &[LATE],
        "the caller's server takes the other for alive, and the target with it"),
    row(Nats, &[Restarted], BEFORE, OWN, &[Ok, UNSENT, NOBODY],
        "the caller, the target or the other servers may be connected again or not"),
    row(Nats, &[Restarted], BEFORE, &[Leaf], &[Ok, NOBODY, SILENCE],
        "the hub and the target may be back or not, or the call meets the hub without the target"),
    row(Nats, &[Restarted], TAKEN, &[Leaf], &[Ok, GONE, LOST],
        "the target comes back with the answer; who asked for it meanwhile found nobody"),
    row(Nats, &[Restarted], OPEN, &[Leaf], &[GONE, LOST],
        "the target has lost the connection that the parameters were to come over"),
    row(Nats, &[Full], BEFORE, ALL, &[Ok, NOBODY, SILENCE],
        "the target may be connected again or not, or the call is cut off with it"),
    row(Nats, &[Full], TAKEN, ALL, &[Ok, GONE, LOST, LATE],
        "the target comes back with the answer; who asked for it meanwhile found nobody"),
    row(Nats, &[Full], OPEN, ALL, &[GONE, LOST, LATE],
        "the target has lost the connection that the parameters were to come over"),
    // The target
    row(Target, &[Killed], BEFORE, ALL, &[NOBODY],
        "the caller's server knows that nobody serves the function"),
    row(Target, &[Killed, Restarted], AFTER, ALL, &[GONE],
        "the broker says that nobody is where the target was; another one does not take its place"),
    row(Target, &[Paused, Partitioned], BEFORE, ALL, &[SILENCE],
        "the target is connected, and does not accept the call"),
    row(Target, &[Paused, Partitioned], AFTER, ALL, &[LATE],
        "the target is connected, and does not answer"),
    row(Target, &[Slow], ANY, ALL, &[Ok],
        "nothing is lost, and it is in time"),
    row(Target, &[Lossy], BEFORE, ALL, &[Ok, NOBODY, SILENCE],
        "the target may be connected again or not, or the call is cut off with it"),
    row(Target, &[Lossy], TAKEN, ALL, &[Ok, GONE, LOST],
        "the target comes back with the answer; who asked for it meanwhile found nobody"),
    row(Target, &[Lossy], OPEN, ALL, &[GONE, LOST],
        "the target has lost the connection that the parameters were to come over"),
    row(Target, &[Restarted], BEFORE, ALL, &[Ok],
        "the caller's server knows the new target"),
    row(Target, &[Full], BEFORE, ALL, &[SHED],
        "the target runs as many calls as it may, and refuses one more"),
    row(Target, &[Full], &[Handshake, Results, IdleStream], ALL, &[Ok],
        "the target refuses others, and goes on with what it runs"),
    row(Target, &[Full], &[Params], ALL, &[OVERRUN],
        "the target reads less than arrives, and holds no more"),
    // The caller's network
    row(Network, &[Killed], BEFORE, ALL, &[UNSENT],
        "the caller has noticed that it is not connected"),
    row(Network, &[Killed, Lossy, Restarted], AFTER, ALL, &[LOST],
        "the connection that the answer was to come over is gone"),
    row(Network, &[Paused, Slow], ANY, ALL, &[Ok],
        "nothing is lost, and it is in time"),
    row(Network, &[Lossy], BEFORE, ALL, &[Ok, UNSENT, SENT],
        "the caller may be connected again or not, or about to lose its connection"),
    row(Network, &[Partitioned], BEFORE, ALL, &[SILENCE],
        "nothing is answered, and silence does not show where the call got stuck"),
    row(Network, &[Partitioned], AFTER, ALL, &[LOST, LATE],
        "the broker owes three signs of life after 2.7 s, the call is late after 3 s"),
    row(Network, &[Restarted], BEFORE, ALL, &[Ok, UNSENT],
        "the caller may be connected again or not"),
    row(Network, &[Full], BEFORE, ALL, &[Ok, UNSENT],
        "the caller, cut off as a slow consumer, may be connected again or not"),
    row(Network, &[Full], AFTER, ALL, &[LOST, LATE],
        "the caller is cut off as a slow consumer, or too late"),
];

const fn row(
    component: Component,
    faults: &'static [Fault],
    phases: &'static [Phase],
    topologies: &'static [Topology],
    outcomes: &'static [Outcome],
    because: &'static str,
) -> Row {
    Row {
        component,
        faults,
        phases,
        topologies,
        outcomes,
        because,
    }
}

impl Row {
    fn fits(&self, cell: Cell) -> bool {
        self.component == cell.component
            && self.faults.contains(&cell.fault)
            && self.phases.contains(&cell.phase)
            && self.topologies.contains(&cell.topology)
    }

    /// Why these are right.
    #[must_use]
    pub fn because(&self) -> &'static str {
        self.because
    }

    /// The outcomes that are right.
    #[must_use]
    pub fn outcomes(&self) -> &'static [Outcome] {
        self.outcomes
    }
}

/// The row of a cell.
///
/// # Panics
///
/// The table has none.
#[must_use]
pub fn expected(cell: Cell) -> &'static Row {
    let row = TABLE.iter().find(|row| row.fits(cell));
    row.unwrap_or_else(|| panic!("no row fits {cell}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_cell_has_one_row_and_each_row_has_cells() {
        for cell in Cell::all() {
            let rows: Vec<_> = TABLE.iter().filter(|row| row.fits(cell)).collect();
            assert_eq!(rows.len(), 1, "{cell}: {rows:?}");
        }
        for row in TABLE {
            assert!(Cell::all().any(|cell| row.fits(cell)), "{row:?}");
        }
    }

    #[test]
    fn nothing_is_expected_that_contradicts_the_phase() {
        for cell in Cell::all() {
            for outcome in expected(cell).outcomes() {
                if let Failed(_, delivery) = *outcome {
                    let is_accepted = cell.phase != BeforeSend;
                    assert_eq!(delivery == Accepted, is_accepted, "{cell}: {outcome}");
                }
            }
        }
    }
}
