//! How many calls at a time, how large, and how long to look.

use core::time::Duration;

use wrpc_middleware_bench::arguments::Arguments;
use wrpc_middleware_bench::interleave::Load;

const KIB: usize = 1 << 10;
const MIB: usize = 1 << 20;

/// Calls at a time.
const CONCURRENCY: [usize; 4] = [1, 16, 64, 256];

/// Bytes of parameters, and of results.
const PAYLOAD: [usize; 4] = [16, 4 * KIB, 256 * KIB, 3 * MIB];

/// The slowest that bytes go through a loaded machine, per second; where that is wrong, calls
/// count as unanswered.
const SLOWEST: usize = 4 * MIB;

/// Bytes on their way that hold up nothing, and that hold up a little.
const FEW: usize = 4 * MIB;
const MANY: usize = 64 * MIB;

/// As many turns tell a ratio to a hundredth or so on a machine of which others take their share.
const ROUNDS_FOR_CLOSE_BOUNDS: usize = 120;

/// How thoroughly to look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Profile {
    /// Once, to see that it works.
    Smoke,
    /// For a tendency.
    Quick,
    /// For figures to rely on.
    Full,
}

impl Profile {
    pub(crate) fn of(arguments: &Arguments) -> Self {
        match (arguments.measure, arguments.quick) {
            (false, _) => Self::Smoke,
            (true, true) => Self::Quick,
            (true, false) => Self::Full,
        }
    }
}

/// Calls there and back.
pub(crate) fn calls(profile: Profile) -> Vec<Load> {
    match profile {
        Profile::Smoke => smoke().collect(),
        Profile::Quick => quick().collect(),
        Profile::Full => full().collect(),
    }
}

/// Every number of calls, as small as they can be.
pub(crate) fn transport(profile: Profile) -> Vec<Load> {
    let small = |close, others, millis| {
        CONCURRENCY.map(|concurrency| {
            let is_close = has_close_bounds(concurrency, PAYLOAD[0]);
            let rounds = if is_close { close } else { others };
            let turn = Duration::from_millis(millis);
            load(concurrency, PAYLOAD[0], rounds, turn)
        })
    };
    match profile {
        Profile::Smoke => vec![load(2, PAYLOAD[0], 1, Duration::ZERO)],
        Profile::Quick => small(20, 20, 60).into(),
        Profile::Full => small(ROUNDS_FOR_CLOSE_BOUNDS, 40, 100).into(),
    }
}

/// Some numbers of calls, with nothing to send.
pub(crate) fn no_parameters(profile: Profile) -> Vec<Load> {
    let some = |rounds, millis| {
        let turn = Duration::from_millis(millis);
        [1, 64].map(|concurrency| load(concurrency, 0, rounds, turn))
    };
    match profile {
        Profile::Smoke => vec![load(2, 0, 1, Duration::ZERO)],
        Profile::Quick => some(10, 60).into(),
        Profile::Full => some(40, 100).into(),
    }
}

/// As many callers as there are besides the one that is stalled.
pub(crate) fn stalled(profile: Profile) -> Vec<Load> {
    let (concurrency, rounds, millis) = match profile {
        Profile::Smoke => (3, 1, 0),
        Profile::Quick => (63, 20, 60),
        Profile::Full => (63, 60, 100),
    };
    let turn = Duration::from_millis(millis);
    vec![load(concurrency, PAYLOAD[0], rounds, turn)]
}

/// Many bytes, one way.
pub(crate) fn throughput(profile: Profile) -> Vec<Load> {
    let large = |rounds, len| load(1, len, rounds, Duration::from_millis(100));
    match profile {
        Profile::Smoke => vec![load(1, 3 * MIB, 1, Duration::ZERO)],
        Profile::Quick => vec![large(10, 3 * MIB), large(6, 64 * MIB)],
        Profile::Full => vec![large(40, 3 * MIB), large(20, 64 * MIB)],
    }
}

/// Whether the project states bounds for calls like these that are closer than the noise of a few
/// rounds.
fn has_close_bounds(concurrency: usize, payload: usize) -> bool {
    payload == PAYLOAD[0] && [1, 64].contains(&concurrency)
}

/// Every number of calls with every size.
fn full() -> impl Iterator<Item = Load> {
    PAYLOAD.into_iter().flat_map(|payload| {
        CONCURRENCY.into_iter().map(move |concurrency| {
            // The more is on its way, the longer a turn takes, and the less of it is overhead.
            let bytes = concurrency * payload;
            let rounds = if has_close_bounds(concurrency, payload) {
                ROUNDS_FOR_CLOSE_BOUNDS
            } else if bytes <= FEW {
                40
            } else if bytes <= MANY {
                10
            } else {
                4
            };
            load(concurrency, payload, rounds, Duration::from_millis(100))
        })
    })
}

/// Every number of calls with the smallest size, and every size with one call.
fn quick() -> impl Iterator<Item = Load> {
    let small = CONCURRENCY.into_iter().zip([PAYLOAD[0]; 4]);
    let single = [1; 3].into_iter().zip(PAYLOAD.into_iter().skip(1));
    small.chain(single).map(|(concurrency, payload)| {
        let rounds = if has_close_bounds(concurrency, payload) {
            20
        } else {
            6
        };
        load(concurrency, payload, rounds, Duration::from_millis(60))
    })
}

/// One call of each row, and several; few bytes, and many for a build without optimisation.
fn smoke() -> impl Iterator<Item = Load> {
    [(1, PAYLOAD[0]), (2, PAYLOAD[2])]
        .into_iter()
        .map(|(concurrency, payload)| load(concurrency, payload, 1, Duration::ZERO))
}

fn load(concurrency: usize, payload: usize, rounds: usize, turn: Duration) -> Load {
    let seconds = 3 + u64::try_from(concurrency * payload / SLOWEST).unwrap_or(u64::MAX);
    Load {
        concurrency,
        payload,
        rounds,
        turn,
        warm_up: turn,
        grace: Duration::from_secs(seconds),
    }
}
