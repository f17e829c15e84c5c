//! Drawing what breaks, and when.

use core::ops::Range;
use core::time::Duration;
use std::collections::HashMap;

use rand::rngs::Xoshiro256PlusPlus;
use rand::seq::IndexedRandom as _;
use rand::{RngExt as _, SeedableRng as _};

use super::{Cast, Event, Fault, Member, Peer, Turn};

/// What a fault takes, so that no other can have it meanwhile.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Claim {
    Broker,
    Process(Member),
    Wire(Peer),
    Link(usize, usize),
    Permissions,
}

const KINDS: [Kind; 12] = [
    Kind::BrokerKilled,
    Kind::BrokerFrozen,
    Kind::TargetKilled,
    Kind::GroupKilled,
    Kind::TargetDrained,
    Kind::TargetFrozen,
    Kind::CallerCut,
    Kind::TargetCut,
    Kind::CallerStalled,
    Kind::TargetStalled,
    Kind::Unlinked,
    Kind::Forbidden,
];

#[derive(Clone, Copy, Debug)]
enum Kind {
    BrokerKilled,
    BrokerFrozen,
    TargetKilled,
    GroupKilled,
    TargetDrained,
    TargetFrozen,
    CallerCut,
    TargetCut,
    CallerStalled,
    TargetStalled,
    Unlinked,
    Forbidden,
}

impl Kind {
    /// How often it is drawn: what concerns everybody seldom, what concerns few often.
    fn weight(self) -> u32 {
        match self {
            Self::BrokerKilled | Self::BrokerFrozen => 2,
            Self::GroupKilled | Self::Forbidden => 3,
            Self::TargetDrained | Self::TargetCut | Self::TargetStalled => 4,
            Self::TargetKilled | Self::TargetFrozen | Self::CallerCut | Self::CallerStalled => 6,
            Self::Unlinked => 8,
        }
    }

    /// How long it lasts, in milliseconds. Connections that are frozen or stalled are noticed after
    /// some three seconds, so that is about the middle.
    fn lasts(self) -> Range<u64> {
        match self {
            Self::BrokerKilled => 50..1_500,
            Self::BrokerFrozen => 300..5_000,
            Self::TargetKilled | Self::TargetDrained | Self::GroupKilled => 50..2_500,
            Self::TargetFrozen | Self::CallerStalled | Self::TargetStalled => 200..5_000,
            Self::CallerCut | Self::TargetCut => 1..1_000,
            Self::Unlinked | Self::Forbidden => 20..1_000,
        }
    }
}

/// The faults of some time, in order. All of them end within it.
///
/// `gap` is the time from one to the next, on average.
#[must_use]
pub fn schedule(seed: u64, cast: Cast, time: Duration, gap: Duration) -> Vec<Event> {
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed);
    let mut busy: HashMap<Claim, Duration> = HashMap::new();
    let mut events = Vec::new();
    let gap = millis(gap).max(1);
    let mut at = Duration::ZERO;
    loop {
        at += Duration::from_millis(rng.random_range(0..=2 * gap));
        let Ok(kind) = KINDS.choose_weighted(&mut rng, |kind| kind.weight()) else {
            return events;
        };
        // Drawn in any case, so that one that finds no place changes nothing about the others.
        let fault = draw(*kind, cast, &mut rng);
        let until = at + Duration::from_millis(rng.random_range(kind.lasts()));
        if until >= time {
            break;
        }
        let claims = claims(fault, cast);
        let is_free = |claim| busy.get(claim).is_none_or(|until| *until < at);
        if claims.iter().all(is_free) {
            busy.extend(claims.into_iter().map(|claim| (claim, until)));
            for (at, turn) in [(at, Turn::Begins), (until, Turn::Ends)] {
                events.push(Event { at, fault, turn });
            }
        }
    }
    events.sort_by_key(|event| (event.at, event.turn));
    events
}

fn draw(kind: Kind, cast: Cast, rng: &mut Xoshiro256PlusPlus) -> Fault {
    let caller = rng.random_range(0..cast.callers.max(1));
    let target = rng.random_range(0..cast.targets.max(1));
    let member = Member {
        target,
        member: rng.random_range(0..cast.members.max(1)),
    };
    let mortal = Member {
        member: member.member.max(usize::from(cast.spares_first)),
        target,
    };
    match kind {
        Kind::BrokerKilled => Fault::BrokerKilled,
        Kind::BrokerFrozen => Fault::BrokerFrozen,
        Kind::TargetKilled => Fault::TargetKilled(mortal),
        Kind::GroupKilled => Fault::GroupKilled(target),
        Kind::TargetDrained => Fault::TargetDrained(mortal),
        Kind::TargetFrozen => Fault::TargetFrozen(member),
        Kind::CallerCut => Fault::Cut(Peer::Caller(caller)),
        Kind::TargetCut => Fault::Cut(Peer::Target(member)),
        Kind::CallerStalled => Fault::Stalled(Peer::Caller(caller)),
        Kind::TargetStalled => Fault::Stalled(Peer::Target(member)),
        Kind::Unlinked => Fault::Unlinked(caller, target),
        Kind::Forbidden => Fault::Forbidden(target),
    }
}

fn claims(fault: Fault, cast: Cast) -> Vec<Claim> {
    match fault {
        // Permissions are part of what it reads when it starts or goes on.
        Fault::BrokerKilled | Fault::BrokerFrozen => vec![Claim::Broker, Claim::Permissions],
        Fault::TargetKilled(member)
        | Fault::TargetDrained(member)
        | Fault::TargetFrozen(member) => {
            vec![Claim::Process(member)]
        }
        Fault::GroupKilled(target) => cast.mortals(target).map(Claim::Process).collect(),
        Fault::Cut(peer) | Fault::Stalled(peer) => vec![Claim::Wire(peer)],
        Fault::Unlinked(caller, target) => vec![Claim::Link(caller, target)],
        Fault::Forbidden(_) => vec![Claim::Permissions],
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const CAST: Cast = Cast {
        callers: 4,
        targets: 3,
        members: 2,
        spares_first: false,
    };
    const TIME: Duration = Duration::from_mins(10);
    const GAP: Duration = Duration::from_millis(300);

    #[test]
    fn a_seed_says_all() {
        let events = schedule(1, CAST, TIME, GAP);
        assert_eq!(events, schedule(1, CAST, TIME, GAP));
        assert_ne!(events, schedule(2, CAST, TIME, GAP));
        // Another version of what draws would make recorded seeds worthless.
        let first: Vec<_> = events.iter().take(2).map(ToString::to_string).collect();
        let expected = [
            "    0.487 s  begins Stalled(Target(Member { target: 2, member: 0 }))",
            "    1.080 s  begins Cut(Caller(0))",
        ];
        assert_eq!(first, expected);
    }

    #[test]
    fn every_kind_of_fault_happens() {
        let events = schedule(1, CAST, TIME, GAP);
        let mut names: Vec<_> = events.iter().map(|event| event.fault.name()).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), KINDS.len(), "{names:?}");
    }

    #[test]
    fn what_breaks_is_whole_and_is_mended() {
        let events = schedule(3, CAST, TIME, GAP);
        let mut broken: Vec<(Claim, Fault)> = Vec::new();
        let mut before = Duration::ZERO;
        for Event { at, fault, turn } in events {
            assert!(at >= before && at < TIME);
            before = at;
            for claim in claims(fault, CAST) {
                match turn {
                    Turn::Begins => {
                        assert!(broken.iter().all(|(taken, _)| *taken != claim), "{fault:?}");
                        broken.push((claim, fault));
                    }
                    Turn::Ends => broken.retain(|(taken, _)| *taken != claim),
                }
            }
        }
        assert_eq!(broken, []);
    }

    #[test]
    fn who_is_spared_lives() {
        let cast = Cast {
            spares_first: true,
            ..CAST
        };
        for event in schedule(4, cast, TIME, GAP) {
            match event.fault {
                Fault::TargetKilled(member) | Fault::TargetDrained(member) => {
                    assert_eq!(member.member, 1);
                }
                Fault::GroupKilled(target) => {
                    assert!(cast.mortals(target).all(|member| member.member == 1));
                }
                _ => {}
            }
        }
    }
}
