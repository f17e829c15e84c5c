//! What is known of each target.

use core::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arc_swap::ArcSwap;
use hashbrown::HashMap;
use tokio::time::Instant;

use super::TargetLivenessLayer;
use crate::clock::after;
use crate::progress::WeakProgress;
use crate::{Progress, Target};

/// How many targets are known at a time. Of more, nothing is known, so they are never left alone.
const MANY: usize = 1024;

/// For how many handshake timeouts a call that was taken vouches for its target.
const VOUCHES: u32 = 10;

/// What is known of the targets of one service and its clones: read without locks, copied for each
/// target that is new.
#[derive(Debug)]
pub(super) struct Targets {
    config: TargetLivenessLayer,
    known: ArcSwap<HashMap<Target, Arc<Known>>>,
    /// Where calls without a target go.
    somewhere: Arc<Known>,
}

/// What is known of one target.
#[derive(Debug)]
struct Known {
    config: TargetLivenessLayer,
    /// Whether `health` has an `open_until`: all that a call has to look at otherwise.
    open: AtomicBool,
    health: Mutex<Health>,
}

#[derive(Debug, Default)]
struct Health {
    silences: u32,
    last_silence: Option<Instant>,
    last_handshake: Option<Instant>,
    /// The call that the last handshake was for.
    last_accepted: WeakProgress,
    open_until: Option<Instant>,
    /// When the call began that probes the target at this moment.
    probe: Option<Instant>,
}

impl Targets {
    pub(super) fn new(config: TargetLivenessLayer) -> Self {
        Self {
            config,
            known: ArcSwap::default(),
            somewhere: Arc::new(Known::new(config)),
        }
    }

    pub(super) const fn config(&self) -> &TargetLivenessLayer {
        &self.config
    }

    /// Lets a call through, or not.
    pub(super) fn admit(&self, target: Option<&Target>) -> Option<Admission> {
        let known = match target {
            None => Some(Arc::clone(&self.somewhere)),
            Some(target) => self.get(target).or_else(|| self.insert(target)),
        };
        let probe = match &known {
            Some(known) => known.admit()?,
            None => None,
        };
        Some(Admission {
            known,
            since: probe,
            probe,
        })
    }

    fn get(&self, target: &Target) -> Option<Arc<Known>> {
        self.known.load().get(target).cloned()
    }

    /// Makes room for `target`, if that is possible.
    fn insert(&self, target: &Target) -> Option<Arc<Known>> {
        self.known.rcu(|known| {
            let mut known = HashMap::clone(known);
            if known.len() >= MANY {
                known.retain(|_, known| !known.lock().is_idle());
            }
            if known.len() < MANY {
                known
                    .entry(target.clone())
                    .or_insert_with(|| Arc::new(Known::new(self.config)));
            }
            known
        });
        self.get(target)
    }
}

impl Known {
    fn new(config: TargetLivenessLayer) -> Self {
        Self {
            config,
            open: AtomicBool::new(false),
            health: Mutex::default(),
        }
    }

    /// Lets a call through or not, and says since when it probes the target if it does.
    #[expect(clippy::option_option, reason = "one is the verdict")]
    fn admit(&self) -> Option<Option<Instant>> {
        if !self.open.load(Ordering::Acquire) {
            return Some(None);
        }
        let mut health = self.lock();
        let Some(open_until) = health.open_until else {
            return Some(None);
        };
        let now = Instant::now();
        if now < open_until || health.probe.is_some() {
            return None;
        }
        health.probe = Some(now);
        Some(Some(now))
    }

    /// Forgets all but this.
    fn set(&self, health: Health) {
        let mut current = self.lock();
        // It is closed for most calls: only news are worth a write that all threads see.
        if current.open_until.is_some() {
            self.open.store(false, Ordering::Release);
        }
        let before = core::mem::replace(&mut *current, health);
        drop(current);
        drop(before);
    }

    fn lock(&self) -> MutexGuard<'_, Health> {
        self.health.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Health {
    /// Whether a silence that began at `since` shows anything.
    fn counts(&self, since: Instant, now: Instant, config: &TargetLivenessLayer) -> bool {
        let vouched = self.last_handshake.is_some_and(|taken| {
            now.saturating_duration_since(taken) <= config.handshake_timeout.saturating_mul(VOUCHES)
        });
        let counted_already = self.last_silence.is_some_and(|silence| silence > since);
        !(vouched || self.last_accepted.is_running() || counted_already)
    }

    fn is_idle(&self) -> bool {
        self.silences == 0 && !self.last_accepted.is_running()
    }
}

/// A call that was let through. Dropped without a verdict, it only ends its probe.
#[derive(Debug)]
pub(super) struct Admission {
    /// Missing for a target for which there was no room.
    known: Option<Arc<Known>>,
    since: Option<Instant>,
    probe: Option<Instant>,
}

impl Admission {
    /// The call has to wait for something: it may turn out to be silent.
    pub(super) fn waits(&mut self) {
        self.since.get_or_insert_with(Instant::now);
    }

    /// The target took the call.
    pub(super) fn accepted(mut self, call: &Progress) {
        self.probe = None;
        if let Some(known) = &self.known {
            known.set(Health {
                last_handshake: Some(Instant::now()),
                last_accepted: call.downgrade(),
                ..Health::default()
            });
        }
    }

    /// Nobody listens: the next call may ask again.
    pub(super) fn absent(mut self) {
        self.probe = None;
        if let Some(known) = &self.known {
            known.set(Health::default());
        }
    }

    /// The target did not take the call in time.
    pub(super) fn silent(mut self) {
        let now = Instant::now();
        let probe = self.probe.take();
        let Some(known) = &self.known else {
            return;
        };
        let config = &known.config;
        let mut health = known.lock();
        if probe.is_some() && health.probe == probe {
            health.probe = None;
            health.open_until = Some(after(now, config.open));
        } else if health.counts(self.since.unwrap_or(now), now, config) {
            health.silences = health.silences.saturating_add(1);
            health.last_silence = Some(now);
            if health.silences >= config.silences && health.open_until.is_none() {
                health.open_until = Some(after(now, config.open));
                known.open.store(true, Ordering::Release);
            }
        }
    }
}

impl Drop for Admission {
    fn drop(&mut self) {
        if self.probe.is_some()
            && let Some(known) = &self.known
        {
            let mut health = known.lock();
            if health.probe == self.probe {
                health.probe = None;
            }
        }
    }
}
