//! What is broken, how, when, and between which servers.

use core::fmt;

use crate::cluster::Topology;
use crate::names::names;
use crate::work;

names! {
    /// What breaks.
    Component {
        /// NATS: the only server, the caller's in a cluster, the hub of its leaf node; or the
        /// network between servers.
        Nats = "nats",
        /// The target, or the network between it and NATS.
        Target = "target",
        /// The network between the caller and NATS.
        Network = "network",
    }
}

names! {
    /// How it breaks.
    Fault {
        /// A process is killed, or a network ends all connections and takes none, until the call is
        /// over.
        Killed = "killed",
        /// A process is stopped until the call is over; a network carries nothing for a while.
        Paused = "paused",
        /// Bytes arrive 100 ms later, in each direction.
        Slow = "slow",
        /// All connections are cut once, and can be made again at once.
        Lossy = "lossy",
        /// Nothing is carried and no connection ends, until the call is over.
        Partitioned = "partitioned",
        /// It is killed, and started again as soon as that is noticed.
        Restarted = "restarted",
        /// More arrives than is taken: see [`Component`]. NATS: for the target, so that its server
        /// cuts it off as a slow consumer. The network: for the caller, with the same end. The
        /// target: as many calls as it runs, or more parameters than it holds.
        Full = "full",
    }
}

names! {
    /// When it breaks.
    Phase {
        /// Before the call is made.
        BeforeSend = "before-send",
        /// The target has accepted the call and works on it.
        Handshake = "handshake",
        /// Half of the parameters are sent.
        Params = "params",
        /// Half of the results have arrived.
        Results = "results",
        /// Items of a stream of parameters and of one of results have arrived, and both are silent.
        IdleStream = "idle-stream",
    }
}

impl Phase {
    /// The function that is called, which waits in this phase.
    #[must_use]
    pub const fn func(self) -> &'static str {
        match self {
            Self::BeforeSend => work::ECHO,
            Self::Handshake => work::HOLD,
            Self::Params => work::TAKE,
            Self::Results => work::GIVE,
            Self::IdleStream => work::STREAM,
        }
    }
}

/// One call that meets one fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Cell {
    /// Between which servers.
    pub topology: Topology,
    /// What breaks.
    pub component: Component,
    /// How.
    pub fault: Fault,
    /// When.
    pub phase: Phase,
}

impl Cell {
    /// All of them, in the order in which they are shown.
    pub fn all() -> impl Iterator<Item = Self> {
        Topology::ALL.iter().flat_map(|&topology| {
            rows().flat_map(move |(component, fault)| {
                Phase::ALL.iter().map(move |&phase| Self {
                    topology,
                    component,
                    fault,
                    phase,
                })
            })
        })
    }

    /// Those that show most in little time: everything that happens to one server's calls once, in
    /// the phase where it matters most.
    pub fn quick() -> impl Iterator<Item = Self> {
        use Component::{Nats, Network, Target};
        use Fault::{Full, Killed, Lossy, Partitioned, Paused, Restarted, Slow};
        use Phase::{BeforeSend, Handshake, IdleStream, Params, Results};
        [
            (Nats, Killed, Params),
            (Nats, Paused, BeforeSend),
            (Nats, Slow, IdleStream),
            (Nats, Restarted, Results),
            (Nats, Full, Handshake),
            (Target, Killed, BeforeSend),
            (Target, Killed, Handshake),
            (Target, Killed, Results),
            (Target, Paused, BeforeSend),
            (Target, Paused, IdleStream),
            (Target, Lossy, Params),
            (Target, Restarted, IdleStream),
            (Target, Full, BeforeSend),
            (Target, Full, Params),
            (Network, Killed, BeforeSend),
            (Network, Paused, Params),
            (Network, Lossy, Results),
            (Network, Partitioned, BeforeSend),
            (Network, Partitioned, Handshake),
            (Network, Restarted, IdleStream),
            (Network, Full, Handshake),
        ]
        .into_iter()
        .map(|(component, fault, phase)| Self {
            topology: Topology::Single,
            component,
            fault,
            phase,
        })
    }
}

/// The rows of a table, from the top.
pub fn rows() -> impl Iterator<Item = (Component, Fault)> {
    let faults = |&component| Fault::ALL.iter().map(move |&fault| (component, fault));
    Component::ALL.iter().flat_map(faults)
}

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}/{}/{}/{}",
            self.topology, self.component, self.fault, self.phase
        )
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn there_are_as_many_cells_as_combinations_and_the_quick_ones_are_some_of_them() {
        let all: HashSet<_> = Cell::all().collect();
        assert_eq!(all.len(), 3 * 3 * 7 * 5);
        let quick: HashSet<_> = Cell::quick().collect();
        assert!(quick.is_subset(&all));
        assert_eq!(quick.len(), Cell::quick().count());
    }
}
