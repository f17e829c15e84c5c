//! What is known of each target.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::time::Instant;

use super::TargetLivenessLayer;
use crate::Target;
use crate::clock::after;
use crate::progress::WeakProgress;

/// How many targets are known at a time. Of more, nothing is known, so they are never left alone.
const MANY: usize = 1024;

/// For how many handshake timeouts a call that was taken vouches for its target.
const VOUCHES: u32 = 10;

/// What is known of the targets of one service and its clones.
#[derive(Debug)]
pub(super) struct Targets {
    config: TargetLivenessLayer,
    health: Mutex<HashMap<Option<Target>, Health>>,
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
            health: Mutex::default(),
        }
    }

    pub(super) const fn config(&self) -> &TargetLivenessLayer {
        &self.config
    }

    /// Lets a call through, or not.
    pub(super) fn admit(self: &Arc<Self>, target: Option<&Target>) -> Option<Admission> {
        let now = Instant::now();
        let target = target.cloned();
        let mut probes = false;
        if let Some(health) = self.lock().get_mut(&target)
            && let Some(open_until) = health.open_until
        {
            if now < open_until || health.probe.is_some() {
                return None;
            }
            health.probe = Some(now);
            probes = true;
        }
        Some(Admission {
            targets: Arc::clone(self),
            target,
            since: now,
            probes,
        })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Option<Target>, Health>> {
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

/// What is known of `target`, made room for if need be.
fn entry(
    targets: &mut HashMap<Option<Target>, Health>,
    target: Option<Target>,
) -> Option<&mut Health> {
    if targets.len() >= MANY && !targets.contains_key(&target) {
        targets.retain(|_, health| !health.is_idle());
        if targets.len() >= MANY {
            return None;
        }
    }
    Some(targets.entry(target).or_default())
}

/// A call that was let through. Dropped without a verdict, it only ends its probe.
#[derive(Debug)]
pub(super) struct Admission {
    targets: Arc<Targets>,
    target: Option<Target>,
    since: Instant,
    probes: bool,
}

impl Admission {
    /// The target took the call.
    pub(super) fn accepted(mut self, call: WeakProgress) {
        self.probes = false;
        if let Some(health) = entry(&mut self.targets.lock(), self.target.take()) {
            *health = Health {
                last_handshake: Some(Instant::now()),
                last_accepted: call,
                ..Health::default()
            };
        }
    }

    /// Nobody listens: the next call may ask again.
    pub(super) fn absent(mut self) {
        self.probes = false;
        self.targets.lock().remove(&self.target);
    }

    /// The target did not take the call in time.
    pub(super) fn silent(mut self) {
        let now = Instant::now();
        let config = self.targets.config;
        let probes = core::mem::take(&mut self.probes);
        let mut targets = self.targets.lock();
        let Some(health) = entry(&mut targets, self.target.take()) else {
            return;
        };
        if probes && health.probe == Some(self.since) {
            health.probe = None;
            health.open_until = Some(after(now, config.open));
        } else if health.counts(self.since, now, &config) {
            health.silences = health.silences.saturating_add(1);
            health.last_silence = Some(now);
            if health.silences >= config.silences && health.open_until.is_none() {
                health.open_until = Some(after(now, config.open));
            }
        }
    }
}

impl Drop for Admission {
    fn drop(&mut self) {
        if self.probes
            && let Some(health) = self.targets.lock().get_mut(&self.target)
            && health.probe == Some(self.since)
        {
            health.probe = None;
        }
    }
}
