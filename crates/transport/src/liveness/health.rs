//! What is known of each target.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::time::Instant;

use super::TargetLivenessLayer;
use crate::Target;
use crate::progress::WeakProgress;

/// Beyond this number, what is known of targets that are healthy and idle is forgotten.
const MANY: usize = 1024;

/// How much longer than the handshake timeout a running call vouches for its target.
const BUSY: u32 = 10;

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
    probing: bool,
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
        let mut probe = false;
        if let Some(health) = self.lock().get_mut(&target)
            && let Some(open_until) = health.open_until
        {
            if now < open_until || health.probing {
                return None;
            }
            health.probing = true;
            probe = true;
        }
        Some(Admission {
            targets: Arc::clone(self),
            target,
            since: now,
            probe,
        })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Option<Target>, Health>> {
        self.health.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Health {
    /// Whether a silence that began at `since` shows anything.
    fn counts(&self, since: Instant, now: Instant, config: &TargetLivenessLayer) -> bool {
        let taken_meanwhile = self.last_handshake.is_some_and(|taken| taken >= since);
        let busy = self.last_accepted.is_running()
            && self.last_handshake.is_some_and(|taken| {
                now.saturating_duration_since(taken)
                    <= config.handshake_timeout.saturating_mul(BUSY)
            });
        let counted_already = self.last_silence.is_some_and(|silence| silence > since);
        !(taken_meanwhile || busy || counted_already)
    }

    fn is_idle(&self) -> bool {
        self.silences == 0 && !self.last_accepted.is_running()
    }
}

/// A call that was let through. Dropped without a verdict, it only ends its probe.
#[derive(Debug)]
pub(super) struct Admission {
    targets: Arc<Targets>,
    target: Option<Target>,
    since: Instant,
    probe: bool,
}

impl Admission {
    /// The target took the call.
    pub(super) fn accepted(mut self, call: WeakProgress) {
        self.probe = false;
        let mut targets = self.targets.lock();
        if targets.len() >= MANY && !targets.contains_key(&self.target) {
            targets.retain(|_, health| !health.is_idle());
        }
        *targets.entry(self.target.clone()).or_default() = Health {
            last_handshake: Some(Instant::now()),
            last_accepted: call,
            ..Health::default()
        };
    }

    /// Nobody listens: the next call may ask again.
    pub(super) fn absent(mut self) {
        self.probe = false;
        self.targets.lock().remove(&self.target);
    }

    /// The target did not take the call in time.
    pub(super) fn silent(mut self) {
        let now = Instant::now();
        let config = self.targets.config;
        let mut targets = self.targets.lock();
        let health = targets.entry(self.target.clone()).or_default();
        if self.probe {
            self.probe = false;
            health.probing = false;
            health.open_until = Some(now + config.open);
        } else if health.counts(self.since, now, &config) {
            health.silences = health.silences.saturating_add(1);
            health.last_silence = Some(now);
            if health.silences >= config.silences {
                health.open_until = Some(now + config.open);
            }
        }
    }
}

impl Drop for Admission {
    fn drop(&mut self) {
        if self.probe
            && let Some(health) = self.targets.lock().get_mut(&self.target)
        {
            health.probing = false;
        }
    }
}
