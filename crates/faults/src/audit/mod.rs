//! Never executed twice, never lied to: an audit in the manner of
//! [Jepsen](https://jepsen.io/analyses).
//!
//! Processes call others, over a broker and wires that break, and write down how each call ended.
//! Those that are called write down what they run before they run it. In a quiet moment both are
//! held against each other.
//!
//! | file | what |
//! |---|---|
//! | `faults` | what breaks and when, a function of a seed |
//! | `stage` | the processes, and breaking them |
//! | `caller`, `attempts` | a process that calls |
//! | `target` | one that is called |
//! | `functions` | what is called |
//! | `history`, `id` | what both write down |
//! | `lag` | how long a process was kept from what it had to do |
//! | `vitals` | what a process has, to be counted back |
//! | `round` | load and faults, then quiet |
//! | `check`, `lie` | whether what was said holds, and what does not |
//! | `report` | what is written for people |

pub mod attempts;
pub mod caller;
pub mod check;
pub mod faults;
pub mod functions;
pub mod history;
pub mod id;
pub mod lag;
pub mod lie;
pub mod report;
pub mod round;
pub mod stage;
pub mod target;
pub mod vitals;

use core::time::Duration;
use std::collections::BTreeMap;
use std::time::Instant;

use anyhow::{Result, ensure};

use check::Verdict;
use round::Round;
use stage::{Settings, Stage};

/// The order to tell what a process has.
const VITALS: &str = "vitals";

/// The password of all users of the broker, which listens on this machine alone.
const PASSWORD: &str = "audit";

/// How long to audit.
#[derive(Clone, Copy, Debug)]
pub struct Extent {
    /// How many calls.
    pub calls: u64,
    /// For how long at most.
    pub time: Option<Duration>,
    /// How long each round is.
    pub round: Duration,
    /// The time from one fault to the next, on average.
    pub gap: Duration,
}

/// What an audit found.
#[derive(Clone, Debug, Default)]
pub struct Audit {
    /// What callers were told, and whether it holds.
    pub verdict: Verdict,
    /// How often each fault began.
    pub faults: BTreeMap<&'static str, u64>,
    /// How many rounds there were.
    pub rounds: u64,
    /// What was still under way when everything should have come to rest, after the last round.
    pub unrest: Option<String>,
}

impl Audit {
    /// Checks that claims were made which could have been wrong.
    ///
    /// # Errors
    ///
    /// No call was answered.
    pub fn check_shows_something(&self) -> Result<()> {
        ensure!(
            self.verdict.answered() > 0,
            "of {} calls none was answered, which shows nothing",
            self.verdict.calls()
        );
        Ok(())
    }

    /// Adds a round.
    pub fn add(&mut self, round: Round) {
        self.verdict.add(round.verdict);
        for (name, times) in round.faults {
            *self.faults.entry(name).or_default() += times;
        }
        self.unrest = self.unrest.take().or(round.unrest);
        self.rounds += 1;
    }

    /// Whether everything that was claimed holds, and came to an end.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.verdict.lies.is_empty() && self.unrest.is_none()
    }
}

/// Makes calls while things break, until there were enough, and says on the way how it goes.
///
/// # Errors
///
/// A process ended by itself, or no call was answered.
///
/// # Panics
///
/// The machine does not do what any machine does: processes can't be started, say.
pub async fn run(settings: Settings, extent: Extent) -> Result<Audit> {
    let mut stage = Stage::set(settings).await?;
    let mut audit = Audit::default();
    let started = Instant::now();
    let is_in_time = || extent.time.is_none_or(|time| started.elapsed() < time);
    // What does not come to rest after one round does not after the next.
    while audit.verdict.calls() < extent.calls && is_in_time() && audit.unrest.is_none() {
        let round = stage
            .play(audit.rounds, extent.round, Some(extent.gap))
            .await?;
        audit.add(round);
        println!("{}", report::line(&audit, started.elapsed()));
    }
    audit.check_shows_something()?;
    Ok(audit)
}
