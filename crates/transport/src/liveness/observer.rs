//! Who is told what is known of the targets.

use core::fmt;
use std::sync::Arc;

use crate::Target;

/// What is known of a target, as [`TargetLiveness`](super::TargetLiveness) sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TargetState {
    /// Calls are let through.
    Closed,
    /// It was silent several times in a row: calls fail at once.
    Open,
    /// One call was let through to probe it. Others still fail at once.
    HalfOpen,
}

impl TargetState {
    /// Every state.
    pub const ALL: [Self; 3] = [Self::Closed, Self::Open, Self::HalfOpen];

    /// Its name, as circuit breakers have it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Open => "open",
            Self::HalfOpen => "half-open",
        }
    }
}

impl fmt::Display for TargetState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Is told each time that the state of a target changes, for metrics and logs.
///
/// A target is [`Closed`](TargetState::Closed) when it is seen first, and again when it is
/// forgotten. Without a target, for calls that have none, `target` is `None`.
///
/// It is called while a lock of that target is held: it has to be quick and must not make calls.
pub trait TargetObserver: Send + Sync {
    /// The state of `target` is `state` from now on.
    fn changed(&self, target: Option<&Target>, state: TargetState);
}

impl<F: Fn(Option<&Target>, TargetState) + Send + Sync> TargetObserver for F {
    fn changed(&self, target: Option<&Target>, state: TargetState) {
        self(target, state);
    }
}

/// One, if there is one.
#[derive(Clone, Default)]
pub(super) struct Observer(pub(super) Option<Arc<dyn TargetObserver>>);

impl Observer {
    pub(super) fn tell(&self, target: Option<&Target>, state: TargetState) {
        if let Some(observer) = &self.0 {
            observer.changed(target, state);
        }
    }
}

impl fmt::Debug for Observer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "Some" } else { "None" })
    }
}
