//! Configuration of [`TargetLiveness`].

use core::time::Duration;
use std::sync::Arc;

use tower::Layer;

use super::TargetLiveness;
use super::health::Targets;
use super::observer::{Observer, TargetObserver};

/// Lets calls through to targets that take them. See the [module](super) for what it bounds.
#[derive(Clone, Debug)]
pub struct TargetLivenessLayer {
    pub(super) handshake_timeout: Duration,
    pub(super) silences: u32,
    pub(super) open: Duration,
    pub(super) observer: Observer,
}

impl TargetLivenessLayer {
    /// Gives a target `handshake_timeout` to take a call.
    ///
    /// Five silences in a row open the circuit for a second.
    #[must_use]
    pub const fn new(handshake_timeout: Duration) -> Self {
        Self {
            handshake_timeout,
            silences: 5,
            open: Duration::from_secs(1),
            observer: Observer(None),
        }
    }

    /// After how many silences in a row calls to a target fail at once; `u32::MAX` for never.
    ///
    /// Zero counts as one.
    #[must_use]
    pub const fn silences(mut self, silences: u32) -> Self {
        self.silences = if silences == 0 { 1 } else { silences };
        self
    }

    /// For how long calls to a silent target fail at once before one of them may probe it.
    #[must_use]
    pub const fn open(mut self, open: Duration) -> Self {
        self.open = open;
        self
    }

    /// Tells `observer` when the state of a target changes.
    #[must_use]
    pub fn observer(mut self, observer: impl TargetObserver + 'static) -> Self {
        self.observer = Observer(Some(Arc::new(observer)));
        self
    }
}

/// Each service has a view of the targets of its own; its clones share it.
impl<S> Layer<S> for TargetLivenessLayer {
    type Service = TargetLiveness<S>;

    fn layer(&self, inner: S) -> Self::Service {
        TargetLiveness::new(inner, Arc::new(Targets::new(self.clone())))
    }
}
