//! The processes, and breaking them.

mod permissions;
mod player;

use core::time::Duration;
use std::collections::BTreeMap;

use anyhow::{Context as _, Result};
use tempfile::TempDir;
use wrpc_middleware_testing::nats::NatsServer;
use wrpc_middleware_testing::proxy::Proxy;

use super::caller::{self, Repeats};
use super::check::{History, Slack};
use super::faults::{Cast, Event, Fault, LONGEST, Member, Peer, Turn};
use super::history::{take_calls, take_executions};
use super::target;
use permissions::config;
pub(super) use player::Player;

/// How late something may be: [`Slack::end`] on a machine that has other things to do,
/// [`Slack::execution`] as a target tolerates clocks that differ by a second, and may be frozen
/// between looking at the clock and writing down that it begins.
pub const SLACK: Slack = Slack {
    end: Duration::from_secs(2),
    execution: Duration::from_secs(2).saturating_add(LONGEST),
};

/// How long a call may take.
const LIMIT: Duration = Duration::from_secs(1);

/// How long a target has to take it.
const HANDSHAKE: Duration = Duration::from_millis(400);

/// Who there is, and what they do.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// How many processes there are.
    pub cast: Cast,
    /// How many calls each caller makes at a time.
    pub workers: u16,
    /// How many calls all callers together begin in a second, at most.
    pub rate: u32,
    /// What faults and calls are drawn by.
    pub seed: u64,
    /// Whether those callers that repeat calls repeat all of them, which is a mistake.
    pub blindly: bool,
}

/// The processes.
pub struct Stage {
    pub(super) settings: Settings,
    pub(super) broker: NatsServer,
    pub(super) callers: Vec<Player>,
    pub(super) targets: BTreeMap<Member, Player>,
    _dir: TempDir,
}

impl Stage {
    /// Starts all processes, and waits until they are ready.
    ///
    /// # Errors
    ///
    /// One ended by itself, or a file can't be made.
    ///
    /// # Panics
    ///
    /// A process can't be started.
    pub async fn set(settings: Settings) -> Result<Self> {
        let cast = settings.cast;
        let dir = tempfile::tempdir()?;
        let broker = NatsServer::start_with(&config(None)).await;
        let mut callers = Vec::new();
        for number in 0..cast.callers {
            let wire = Proxy::start(broker.port()).await;
            let journal = dir.path().join(caller_id(number));
            let config = caller::Config {
                url: wire.url(),
                id: caller_id(number),
                caller: u8::try_from(number)?,
                targets: (0..cast.targets).map(target_id).collect(),
                workers: settings.workers,
                pace: pace(settings),
                limit: LIMIT,
                handshake: HANDSHAKE,
                repeats: match (number % 2, settings.blindly) {
                    (0, _) => Repeats::Never,
                    (_, false) => Repeats::Safe,
                    (_, true) => Repeats::Blindly,
                },
                seed: settings.seed,
                journal: journal.clone(),
            };
            let config = serde_json::to_string(&config)?;
            callers.push(Player::new(caller::ROLE, config, wire, journal));
        }
        let mut targets = BTreeMap::new();
        for target in 0..cast.targets {
            for member in 0..cast.members {
                let wire = Proxy::start(broker.port()).await;
                let id = target_id(target);
                let journal = dir.path().join(format!("{id}-{member}"));
                let config = target::Config {
                    url: wire.url(),
                    id,
                    // The first target does not let the last caller in.
                    denies: match target {
                        0 => caller_id(cast.callers.saturating_sub(1)),
                        _ => String::new(),
                    },
                    journal: journal.clone(),
                };
                let config = serde_json::to_string(&config)?;
                let player = Player::new(target::ROLE, config, wire, journal);
                targets.insert(Member { target, member }, player);
            }
        }
        let mut stage = Self {
            settings,
            broker,
            callers,
            targets,
            _dir: dir,
        };
        stage.players().for_each(Player::enter);
        for player in stage.players() {
            player.ready().await?;
        }
        Ok(stage)
    }

    /// All processes, callers first.
    pub(super) fn players(&mut self) -> impl Iterator<Item = &mut Player> {
        self.callers.iter_mut().chain(self.targets.values_mut())
    }

    /// Breaks something, or mends it.
    pub(super) async fn turn(&mut self, event: Event) -> Result<()> {
        use Turn::{Begins, Ends};
        match (event.fault, event.turn) {
            (Fault::BrokerKilled, Begins) => self.broker.kill(),
            (Fault::BrokerKilled, Ends) => self.broker.restart().await,
            (Fault::BrokerFrozen, Begins) => self.broker.freeze().await,
            (Fault::BrokerFrozen, Ends) => self.broker.thaw(),
            (Fault::TargetKilled(member), Begins) => self.end(member)?,
            (Fault::GroupKilled(target), Begins) => {
                for member in self.settings.cast.mortals(target) {
                    self.end(member)?;
                }
            }
            (Fault::TargetDrained(member), Begins) => {
                let target = self.target(member)?;
                // One that is not ready yet would end without having served.
                target.tell(target::DRAIN)?;
            }
            (Fault::TargetKilled(member) | Fault::TargetDrained(member), Ends) => {
                self.target(member)?.enter();
            }
            (Fault::GroupKilled(target), Ends) => {
                for member in self.settings.cast.mortals(target) {
                    self.target(member)?.enter();
                }
            }
            (Fault::TargetFrozen(member), Begins) => {
                self.target(member)?.process()?.freeze().await;
            }
            (Fault::TargetFrozen(member), Ends) => self.target(member)?.process()?.thaw(),
            (Fault::Cut(peer), Begins) => self.peer(peer)?.wire.cut(),
            (Fault::Stalled(peer), Begins) => self.peer(peer)?.wire.stall(),
            (Fault::Cut(peer) | Fault::Stalled(peer), Ends) => self.peer(peer)?.wire.mend(),
            (Fault::Unlinked(caller, target), turn) => {
                let order = match turn {
                    Begins => caller::UNLINK,
                    Ends => caller::LINK,
                };
                let caller = self.peer(Peer::Caller(caller))?;
                caller.tell(&format!("{order}{}", target_id(target)))?;
            }
            (Fault::Forbidden(target), Begins) => {
                self.broker.reconfigure(&config(Some(target))).await;
            }
            (Fault::Forbidden(_), Ends) => self.broker.reconfigure(&config(None)).await,
        }
        Ok(())
    }

    fn end(&mut self, member: Member) -> Result<()> {
        self.target(member)?.leave();
        Ok(())
    }

    fn target(&mut self, member: Member) -> Result<&mut Player> {
        let target = self.targets.get_mut(&member);
        target.with_context(|| format!("no such target: {member:?}"))
    }

    fn peer(&mut self, peer: Peer) -> Result<&mut Player> {
        match peer {
            Peer::Target(member) => self.target(member),
            Peer::Caller(caller) => {
                let player = self.callers.get_mut(caller);
                player.with_context(|| format!("no such caller: {caller}"))
            }
        }
    }

    /// Takes what was written down, of which so many calls were begun.
    pub(super) fn take_history(&mut self, begun: u64) -> Result<History> {
        let mut history = History {
            begun,
            ..History::default()
        };
        for caller in &self.callers {
            history.calls.append(&mut take_calls(&caller.journal)?);
        }
        for target in self.targets.values() {
            let mut executions = take_executions(&target.journal)?;
            history.executions.append(&mut executions);
        }
        Ok(history)
    }
}

fn caller_id(number: usize) -> String {
    format!("caller-{number}")
}

fn target_id(number: usize) -> String {
    format!("target-{number}")
}

/// How long a worker waits at least from one call to the next.
fn pace(settings: Settings) -> Duration {
    let workers = u32::from(settings.workers) * u32::try_from(settings.cast.callers).unwrap_or(1);
    Duration::from_secs(1) * workers / settings.rate.max(1)
}
