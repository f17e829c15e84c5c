//! What breaks, and when: a function of a seed.

mod schedule;

use core::fmt;
use core::time::Duration;

pub use schedule::schedule;

/// How many processes of each role there are.
#[derive(Clone, Copy, Debug)]
pub struct Cast {
    /// Processes that call.
    pub callers: usize,
    /// Targets, each a queue group.
    pub targets: usize,
    /// Processes in each queue group.
    pub members: usize,
    /// Whether the first member of each queue group is spared from being ended: whoever watches
    /// memory needs a process that lives.
    pub spares_first: bool,
}

/// One process of a target's queue group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Member {
    /// Which target.
    pub target: usize,
    /// Which of its processes.
    pub member: usize,
}

/// A process with a wire of its own to the broker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Peer {
    /// A caller.
    Caller(usize),
    /// A member of a target's queue group.
    Target(Member),
}

/// Something that breaks, for a while.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The broker is killed, and started again.
    BrokerKilled,
    /// The broker is stopped where it is, and goes on.
    BrokerFrozen,
    /// A process of a target is killed, and another one started in its place.
    TargetKilled(Member),
    /// All processes of a target are.
    GroupKilled(usize),
    /// A process of a target takes no more calls, ends those it has and then itself, and another
    /// one is started in its place, as when a new version is rolled out.
    TargetDrained(Member),
    /// A process of a target is stopped where it is, and goes on.
    TargetFrozen(Member),
    /// A connection is cut, and can't be made again for a while.
    Cut(Peer),
    /// A connection takes no more from the peer, which can't tell.
    Stalled(Peer),
    /// A caller loses its link to a target, and gets it back.
    Unlinked(usize, usize),
    /// The broker does not permit callers to call a target, until it does again.
    Forbidden(usize),
}

/// Whether a fault begins or ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Turn {
    /// It breaks.
    Begins,
    /// It is mended.
    Ends,
}

/// One turn of a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event {
    /// When, from the beginning.
    pub at: Duration,
    /// Which.
    pub fault: Fault,
    /// Which turn of it.
    pub turn: Turn,
}

/// The longest that anything stays broken.
pub const LONGEST: Duration = Duration::from_secs(5);

impl Cast {
    /// The processes of a target that may be ended.
    pub fn mortals(self, target: usize) -> impl Iterator<Item = Member> {
        let first = usize::from(self.spares_first);
        (first..self.members).map(move |member| Member { target, member })
    }
}

impl Fault {
    /// What it is called in counts of faults.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::BrokerKilled => "broker killed and restarted",
            Self::BrokerFrozen => "broker frozen",
            Self::TargetKilled(_) => "target killed and restarted",
            Self::GroupKilled(_) => "whole queue group killed and restarted",
            Self::TargetDrained(_) => "target drained and replaced",
            Self::TargetFrozen(_) => "target frozen",
            Self::Cut(Peer::Caller(_)) => "connection of a caller cut",
            Self::Cut(Peer::Target(_)) => "connection of a target cut",
            Self::Stalled(Peer::Caller(_)) => "connection of a caller stalled",
            Self::Stalled(Peer::Target(_)) => "connection of a target stalled",
            Self::Unlinked(..) => "link removed and put",
            Self::Forbidden(_) => "permission to publish withdrawn and granted",
        }
    }
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let turn = match self.turn {
            Turn::Begins => "begins",
            Turn::Ends => "ends",
        };
        write!(
            f,
            "{:>9.3} s  {turn} {:?}",
            self.at.as_secs_f64(),
            self.fault
        )
    }
}
