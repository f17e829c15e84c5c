//! What is known of each target.

use core::hash::BuildHasher as _;
use core::time::Duration;
use std::sync::{Arc, PoisonError};

use arc_swap::ArcSwap;
use hashbrown::{DefaultHashBuilder, HashTable};
use tokio::time::Instant;

use super::{TargetLivenessLayer, TargetState};
use crate::clock::after;
use crate::progress::WeakProgress;
use crate::sync::atomic::{AtomicBool, Ordering};
use crate::sync::{Mutex, MutexGuard};
use crate::{Progress, Target};

/// Into how many parts the targets are divided by their hash, so that one that is new copies few.
const PARTS: usize = 16;

/// How many targets of a part are known at a time. Of more, nothing is known, so they are never left
/// alone.
const MANY: usize = 64;

/// For how many handshake timeouts a call that was taken vouches for its target.
const VOUCHES: u32 = 10;

/// What is known of the targets of one service and its clones: read without locks, copied for each
/// target that is new.
#[derive(Debug)]
pub(super) struct Targets {
    config: TargetLivenessLayer,
    known: [ArcSwap<Part>; PARTS],
    hasher: DefaultHashBuilder,
    /// Where calls without a target go.
    somewhere: Arc<Known>,
}

type Part = HashTable<(Target, Arc<Known>)>;

/// What is known of one target.
#[derive(Debug)]
struct Known {
    config: TargetLivenessLayer,
    target: Option<Target>,
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
            known: Default::default(),
            hasher: DefaultHashBuilder::default(),
            somewhere: Arc::new(Known::new(config.clone(), None)),
            config,
        }
    }

    pub(super) const fn config(&self) -> &TargetLivenessLayer {
        &self.config
    }

    /// Lets a call through, or not.
    pub(super) fn admit(&self, target: Option<&Target>) -> Option<Admission> {
        let known = match target {
            None => Some(Arc::clone(&self.somewhere)),
            Some(target) => self.known(target),
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

    fn known(&self, target: &Target) -> Option<Arc<Known>> {
        let hash = self.hasher.hash_one(target);
        let [byte, ..] = hash.to_be_bytes();
        let part = self.known.get(usize::from(byte) % PARTS)?;
        let known = find(&part.load(), hash, target).cloned();
        known.or_else(|| self.insert(part, hash, target))
    }

    /// Makes room for `target`, if that is possible. A call that runs and whose target loses its
    /// place has a verdict that nobody hears.
    fn insert(&self, part: &ArcSwap<Part>, hash: u64, target: &Target) -> Option<Arc<Known>> {
        let now = Instant::now();
        let is_idle = |known: &Known| known.lock().is_idle(now, &self.config);
        let current = part.load();
        if current.len() >= MANY && !current.iter().any(|(_, known)| is_idle(known)) {
            return None;
        }
        drop(current);
        part.rcu(|part| {
            let mut part = Part::clone(part);
            if part.len() >= MANY {
                part.retain(|(_, known)| !is_idle(known));
            }
            if part.len() < MANY && find(&part, hash, target).is_none() {
                let known = Arc::new(Known::new(self.config.clone(), Some(target.clone())));
                part.insert_unique(hash, (target.clone(), known), |(target, _)| {
                    self.hasher.hash_one(target)
                });
            }
            part
        });
        let known = find(&part.load(), hash, target).cloned();
        if let Some(known) = &known {
            known.introduce();
        }
        known
    }
}

fn find<'a>(part: &'a Part, hash: u64, target: &Target) -> Option<&'a Arc<Known>> {
    let (_, known) = part.find(hash, |(other, _)| other == target)?;
    Some(known)
}

impl Known {
    fn new(config: TargetLivenessLayer, target: Option<Target>) -> Self {
        Self {
            config,
            target,
            open: AtomicBool::new(false),
            health: Mutex::default(),
        }
    }

    /// Tells of a target that is new. Another call of it may have been quicker.
    fn introduce(&self) {
        let health = self.lock();
        if health.open_until.is_none() {
            self.tell(TargetState::Closed);
        }
    }

    /// To be called with the lock of the health held, so that the news come in order.
    fn tell(&self, state: TargetState) {
        self.config.observer.tell(self.target.as_ref(), state);
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
        self.tell(TargetState::HalfOpen);
        Some(Some(now))
    }

    /// Forgets all but this.
    fn set(&self, health: Health) {
        let mut current = self.lock();
        // It is closed for most calls: only news are worth a write that all threads see.
        if current.open_until.is_some() {
            self.open.store(false, Ordering::Release);
            self.tell(TargetState::Closed);
        }
        let before = core::mem::replace(&mut *current, health);
        drop(current);
        drop(before);
    }

    fn lock(&self) -> MutexGuard<'_, Health> {
        self.health.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What is forgotten is let through again.
impl Drop for Known {
    fn drop(&mut self) {
        if *self.open.get_mut() {
            self.tell(TargetState::Closed);
        }
    }
}

impl Health {
    /// Whether a silence that began at `since` shows anything.
    fn counts(&self, since: Instant, now: Instant, config: &TargetLivenessLayer) -> bool {
        let vouched = self
            .last_handshake
            .is_some_and(|taken| now.saturating_duration_since(taken) <= vouched_for(config));
        let counted_already = self.last_silence.is_some_and(|silence| silence > since);
        !(vouched || self.last_accepted.is_running() || counted_already)
    }

    /// Whether nothing is lost by forgetting this: no suspicion that is recent, and no call.
    fn is_idle(&self, now: Instant, config: &TargetLivenessLayer) -> bool {
        let recent = |silence| now.saturating_duration_since(silence) <= vouched_for(config);
        let suspected = self.last_silence.is_some_and(recent);
        let open = self.open_until.is_some_and(|until| now < until);
        !(suspected || open || self.probe.is_some() || self.last_accepted.is_running())
    }
}

/// How long what was seen of a target says something about it.
fn vouched_for(config: &TargetLivenessLayer) -> Duration {
    config.handshake_timeout.saturating_mul(VOUCHES)
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
    pub(super) fn waits_since(&mut self, now: Instant) {
        self.since.get_or_insert(now);
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
            known.tell(TargetState::Open);
        } else if health.counts(self.since.unwrap_or(now), now, config) {
            health.silences = health.silences.saturating_add(1);
            health.last_silence = Some(now);
            if health.silences >= config.silences && health.open_until.is_none() {
                health.open_until = Some(after(now, config.open));
                known.open.store(true, Ordering::Release);
                known.tell(TargetState::Open);
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
                known.tell(TargetState::Open);
            }
        }
    }
}

#[cfg(test)]
mod races;

#[cfg(test)]
mod tests {
    use super::*;

    const HANDSHAKE: Duration = Duration::from_secs(1);

    fn targets() -> Targets {
        Targets::new(TargetLivenessLayer::new(HANDSHAKE).silences(2))
    }

    fn target(n: usize) -> Target {
        Target::new(format!("target-{n}")).unwrap()
    }

    fn silence(targets: &Targets, n: usize) {
        let mut admission = targets.admit(Some(&target(n))).unwrap();
        admission.waits_since(Instant::now());
        admission.silent();
    }

    fn len(targets: &Targets) -> usize {
        targets.known.iter().map(|part| part.load().len()).sum()
    }

    #[tokio::test(start_paused = true)]
    async fn a_place_is_for_whom_something_is_known_of() {
        let targets = targets();
        for n in 0..2 * PARTS * MANY {
            silence(&targets, n);
        }
        assert_eq!(len(&targets), PARTS * MANY, "every part is full");
        // Of who found no place nothing is known, however often they are silent.
        let newcomer = 10_000;
        for _ in 0..3 {
            silence(&targets, newcomer);
        }
        assert!(targets.admit(Some(&target(newcomer))).is_some());

        // An old suspicion gives its place to a newcomer.
        tokio::time::advance(vouched_for(&targets.config) + HANDSHAKE).await;
        silence(&targets, newcomer);
        tokio::time::advance(Duration::from_millis(1)).await;
        silence(&targets, newcomer);
        assert!(targets.admit(Some(&target(newcomer))).is_none());
        // And what is known stays known.
        for n in 0..2 * PARTS * MANY {
            drop(targets.admit(Some(&target(n))));
        }
        assert!(targets.admit(Some(&target(newcomer))).is_none());
    }
}
