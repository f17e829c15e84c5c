//! A long run: load with faults, and in between rounds of quiet in which everything that calls
//! take is counted back to what it was.
//!
//! It is the [audit](crate::audit) with counts: what callers were told has to hold in each round
//! too.

pub mod report;
mod slope;

use core::time::Duration;
use std::time::Instant;

use anyhow::Result;
use tokio::time::sleep;

use crate::audit::Audit;
use crate::audit::round::Round;
use crate::audit::stage::{Settings, Stage};
use crate::audit::vitals::Vitals;
use slope::slope;

/// How long the load without faults is, after which is counted what there has to be.
const WARM_UP: Duration = Duration::from_secs(10);

/// How long a count may take to come back once no call is under way any more. The broker notices
/// within some six seconds that nobody is at the other end of a connection.
const COMES_BACK: Duration = Duration::from_secs(30);

/// How often to look.
const LOOK: Duration = Duration::from_millis(500);

/// By how many KiB a minute a process may grow, over the second half of the run. A caller makes
/// tens of thousands of calls a minute: two bytes of each that stay would be more.
pub const MAX_SLOPE: f64 = 64.0;

/// How many minutes and samples the second half needs, so that its slope says something.
const MIN_MINUTES: f64 = 10.0;
const MIN_SAMPLES: usize = 8;

/// How long to run.
#[derive(Clone, Copy, Debug)]
pub struct Extent {
    /// In all.
    pub time: Duration,
    /// The load of a round.
    pub round: Duration,
    /// The time from one fault to the next, on average.
    pub gap: Duration,
}

/// What was there when all was quiet.
#[derive(Clone, Debug)]
pub struct Sample {
    /// When, since the first.
    pub at: Duration,
    /// How many calls there had been.
    pub calls: u64,
    /// What each caller had.
    pub callers: Vec<Vitals>,
    /// What each process of a target had.
    pub targets: Vec<Vitals>,
    /// How many subscriptions the broker counted.
    pub subscriptions: u64,
}

/// A process whose memory is watched from the beginning to the end.
#[derive(Clone, Debug)]
pub struct Memory {
    /// Which process.
    pub name: String,
    /// What it had at the first sample, in KiB.
    pub first: u64,
    /// What it had at the last one.
    pub last: u64,
    /// The most that it ever had.
    pub peak: u64,
    /// By how much it grew over the second half, in KiB a minute, if that was long enough to tell.
    pub slope: Option<f64>,
}

/// What a run showed.
#[derive(Clone, Debug)]
pub struct Soak {
    /// What callers were told, and what broke.
    pub audit: Audit,
    /// What there was; first of all what there has to be.
    pub samples: Vec<Sample>,
    /// What did not come back, or grew.
    pub leaks: Vec<String>,
}

/// Runs, and says on the way how it goes.
///
/// # Errors
///
/// A process ended by itself, or no call was answered.
///
/// # Panics
///
/// The machine does not do what any machine does: processes can't be started, say.
pub async fn run(settings: Settings, extent: Extent) -> Result<Soak> {
    let mut stage = Stage::set(settings).await?;
    let mut soak = Soak {
        audit: Audit::default(),
        samples: Vec::new(),
        leaks: Vec::new(),
    };
    let warm = stage.play(0, WARM_UP, None).await?;
    let started = Instant::now();
    soak.add(warm, started.elapsed());
    while started.elapsed() < extent.time && soak.audit.unrest.is_none() {
        let rounds = soak.audit.rounds;
        let mut round = stage.play(rounds, extent.round, Some(extent.gap)).await?;
        match &round.unrest {
            Some(unrest) => soak.leaks.push(format!("round {rounds}: {unrest}")),
            None => soak.wait_for_what_was(&mut stage, &mut round).await?,
        }
        soak.add(round, started.elapsed());
        println!("{}", report::line(&soak));
    }
    soak.audit.check_shows_something()?;
    soak.look_for_growth(settings);
    Ok(soak)
}

impl Soak {
    /// Whether nothing was lost, left behind or said wrongly.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.leaks.is_empty() && self.audit.is_clean()
    }

    fn add(&mut self, round: Round, at: Duration) {
        let (callers, targets) = (round.callers.clone(), round.targets.clone());
        let subscriptions = round.subscriptions;
        self.audit.add(round);
        self.samples.push(Sample {
            at,
            calls: self.audit.verdict.calls(),
            callers,
            targets,
            subscriptions,
        });
    }

    /// Waits until everything is counted back to what it was, and notes what is not.
    async fn wait_for_what_was(&mut self, stage: &mut Stage, round: &mut Round) -> Result<()> {
        let started = Instant::now();
        loop {
            let Some(first) = self.samples.first() else {
                return Ok(());
            };
            let left = first.left_by(round);
            if left.is_empty() {
                return Ok(());
            }
            if started.elapsed() > COMES_BACK {
                let rounds = self.audit.rounds;
                let left = left
                    .into_iter()
                    .map(|left| format!("round {rounds}: {left}"));
                self.leaks.extend(left);
                return Ok(());
            }
            sleep(LOOK).await;
            stage.look_again(round).await?;
        }
    }

    /// Looks at what each process that lived through all of it had in the second half.
    #[must_use]
    pub fn memory(&self, settings: Settings) -> Vec<Memory> {
        let watched = |name: String, of: &dyn Fn(&Sample) -> Option<Vitals>| {
            let points: Vec<_> = self
                .samples
                .iter()
                .filter_map(|s| Some((s.at, of(s)?)))
                .collect();
            let (first, last) = (points.first()?.1, points.last()?.1);
            Some(Memory {
                name,
                first: first.resident,
                last: last.resident,
                peak: last.peak,
                slope: growth(&points),
            })
        };
        let mut memory = Vec::new();
        for caller in 0..settings.cast.callers {
            let name = format!("caller {caller}");
            memory.extend(watched(name, &|sample| sample.callers.get(caller).copied()));
        }
        for target in 0..settings.cast.targets {
            let first = target * settings.cast.members;
            let name = format!("target {target}");
            memory.extend(watched(name, &|sample| sample.targets.get(first).copied()));
        }
        memory
    }

    fn look_for_growth(&mut self, settings: Settings) {
        for Memory { name, slope, .. } in self.memory(settings) {
            if let Some(slope) = slope.filter(|slope| *slope > MAX_SLOPE) {
                self.leaks.push(format!(
                    "{name} grew by {slope:.0} KiB a minute in the second half"
                ));
            }
        }
    }
}

/// By how much it grew over the second half.
fn growth(points: &[(Duration, Vitals)]) -> Option<f64> {
    let end = points.last()?.0;
    let half: Vec<_> = points
        .iter()
        .filter(|(at, _)| *at >= end / 2)
        .map(|(at, vitals)| {
            #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
            let resident = vitals.resident as f64;
            (at.as_secs_f64() / 60.0, resident)
        })
        .collect();
    let minutes = half.last()?.0 - half.first()?.0;
    (minutes >= MIN_MINUTES && half.len() >= MIN_SAMPLES)
        .then(|| slope(&half))
        .flatten()
}

impl Sample {
    /// What is more after a round, or other, than it was.
    fn left_by(&self, round: &Round) -> Vec<String> {
        let mut left = Vec::new();
        for (what, before, after) in [
            ("caller", &self.callers, &round.callers),
            ("target", &self.targets, &round.targets),
        ] {
            for (number, (before, after)) in before.iter().zip(after).enumerate() {
                if after.tasks > before.tasks {
                    let (before, after) = (before.tasks, after.tasks);
                    left.push(format!(
                        "{what} {number} has {after} tasks, {before} before"
                    ));
                }
                if !after.is_idle() {
                    left.push(format!("{what} {number} has calls: {after:?}"));
                }
            }
        }
        let (before, after) = (self.subscriptions, round.subscriptions);
        if before != after {
            left.push(format!(
                "the broker has {after} subscriptions, {before} before"
            ));
        }
        left
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
