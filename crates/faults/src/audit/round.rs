//! Load and faults, then quiet.

use core::time::Duration;
use std::collections::BTreeMap;

use anyhow::Result;
use tokio::time::{Instant, sleep, sleep_until};

use super::caller;
use super::check::{Verdict, check};
use super::faults::{Turn, schedule};
use super::history::now;
use super::stage::{SLACK, Stage};
use super::vitals::Vitals;

/// How long everything may take to come to rest once nothing is broken any more.
const SETTLES: Duration = Duration::from_mins(1);

/// How often to look whether it has.
const LOOK: Duration = Duration::from_millis(200);

/// Of how many lies in a round all is shown that was written down.
const SHOWN: usize = 20;

/// What a round was.
#[derive(Clone, Debug, Default)]
pub struct Round {
    /// What callers were told, and whether it holds.
    pub verdict: Verdict,
    /// How often each fault began.
    pub faults: BTreeMap<&'static str, u64>,
    /// What each caller had when all was quiet.
    pub callers: Vec<Vitals>,
    /// The same of each process of a target, in the order of their numbers.
    pub targets: Vec<Vitals>,
    /// How many subscriptions the broker counted then.
    pub subscriptions: u64,
    /// What was still under way when everything should have come to rest.
    pub unrest: Option<String>,
}

impl Stage {
    /// Makes calls for this time, with faults every `gap` on average if there is one, waits until
    /// all is quiet, and audits.
    ///
    /// # Errors
    ///
    /// A process ended by itself.
    ///
    /// # Panics
    ///
    /// A process can't be started, or signalled.
    pub async fn play(
        &mut self,
        number: u64,
        time: Duration,
        gap: Option<Duration>,
    ) -> Result<Round> {
        // Rounds differ, and each can be had again.
        let seed = self.settings.seed.wrapping_add(number);
        let cast = self.settings.cast;
        let events = gap.map_or_else(Vec::new, |gap| schedule(seed, cast, time, gap));
        let mut faults = BTreeMap::new();
        for caller in &mut self.callers {
            caller.tell(caller::LOAD)?;
        }
        let (start, since) = (Instant::now(), now());
        for event in &events {
            sleep_until(start + event.at).await;
            if event.turn == Turn::Begins {
                *faults.entry(event.fault.name()).or_default() += 1;
            }
            self.turn(*event).await?;
        }
        sleep_until(start + time).await;

        let mut begun = 0;
        for caller in &mut self.callers {
            caller.tell(caller::REST)?;
        }
        for caller in &mut self.callers {
            begun += caller.hear().await?.parse::<u64>()?;
        }
        let mut round = Round {
            faults,
            ..Round::default()
        };
        self.look_again(&mut round).await?;
        let history = self.take_history(begun)?;
        let verdict = tokio::task::spawn_blocking(move || {
            let verdict = check(&history, SLACK);
            if !verdict.lies.is_empty() {
                println!("round {number}, from {since} on:");
                for event in &events {
                    println!("{event}");
                }
            }
            for lie in verdict.lies.iter().take(SHOWN) {
                println!("{}", lie.evidence(&history));
            }
            verdict
        });
        round.verdict = verdict.await?;
        Ok(round)
    }

    /// Looks once more at what there is after a round.
    pub(crate) async fn look_again(&mut self, round: &mut Round) -> Result<()> {
        let (vitals, is_at_rest) = self.settle().await?;
        round.unrest = (!is_at_rest)
            .then(|| format!("not at rest {SETTLES:?} after the last fault: {vitals:?}"));
        let (callers, targets) = vitals.split_at(self.callers.len());
        round.callers = callers.to_vec();
        round.targets = targets.to_vec();
        round.subscriptions = self.broker.subscriptions().await;
        Ok(())
    }

    /// Waits until no call is under way anywhere, within reason, and says what every process has
    /// then, and whether none was.
    ///
    /// Callers are asked first, and each asks the broker: what they had to say is there when the
    /// targets are asked.
    async fn settle(&mut self) -> Result<(Vec<Vitals>, bool)> {
        let started = Instant::now();
        let mut was_idle = false;
        loop {
            let mut vitals = Vec::new();
            for player in self.players() {
                vitals.push(player.vitals().await?);
            }
            let is_idle = vitals.iter().all(Vitals::is_idle);
            // Twice, as a call that has arrived may not have been looked at yet.
            if is_idle && was_idle {
                return Ok((vitals, true));
            }
            was_idle = is_idle;
            if started.elapsed() > SETTLES {
                return Ok((vitals, false));
            }
            sleep(LOOK).await;
        }
    }
}
