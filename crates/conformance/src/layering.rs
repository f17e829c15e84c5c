//! With and without each layer.

use core::fmt;
use core::time::Duration;

use tower::retry::RetryLayer;
use tower::{Layer as _, ServiceBuilder};
use wrpc_middleware_transport::foreign::ForeignLayer;
use wrpc_middleware_transport::limit::ConcurrencyLimitLayer;
use wrpc_middleware_transport::link::{LinkAuthorizationLayer, LinkRequest};
use wrpc_middleware_transport::liveness::TargetLivenessLayer;
use wrpc_middleware_transport::retry::RetryPolicy;
use wrpc_middleware_transport::timeout::TimeoutLayer;
use wrpc_middleware_transport::{Stack, Target};

use crate::call::Caller;
use crate::clock::{HANDSHAKE, TIMEOUT};
use crate::observed::Observed;

/// What is above the leaf. Every scenario runs under each of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Layering {
    /// Nothing: the leaf alone.
    Bare,
    /// [`LinkAuthorizationLayer`] alone.
    LinkAuthorization,
    /// [`TimeoutLayer`] alone.
    Timeout,
    /// [`TargetLivenessLayer`] alone.
    TargetLiveness,
    /// [`ConcurrencyLimitLayer`] alone, behind `tower`'s load shedding.
    ConcurrencyLimit,
    /// `tower`'s retries alone, by a [`RetryPolicy`].
    Retry,
    /// [`Stack`]: authorization, timeout, liveness.
    Stack,
}

/// How the layers of a scenario are set.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Settings {
    /// Whether a link permits the calls.
    pub(crate) permitted: bool,
    /// How many calls may run at a time.
    pub(crate) limit: usize,
    /// After how many silences a target is left alone.
    pub(crate) silences: u32,
}

impl Settings {
    /// Nothing but time keeps a call from its target.
    pub(crate) const OPEN: Self = Self {
        permitted: true,
        limit: 1024,
        silences: u32::MAX,
    };
}

impl Layering {
    /// Every layering, the leaf alone first.
    pub const ALL: [Self; 7] = [
        Self::Bare,
        Self::LinkAuthorization,
        Self::Timeout,
        Self::TargetLiveness,
        Self::ConcurrencyLimit,
        Self::Retry,
        Self::Stack,
    ];

    /// Whether calls need a link.
    pub(crate) const fn authorizes(self) -> bool {
        matches!(self, Self::LinkAuthorization | Self::Stack)
    }

    /// Whether calls have a deadline.
    pub(crate) const fn times_out(self) -> bool {
        matches!(self, Self::Timeout | Self::Stack)
    }

    /// Whether targets have to take calls in time.
    pub(crate) const fn awaits_handshake(self) -> bool {
        matches!(self, Self::TargetLiveness | Self::Stack)
    }

    /// Whether the number of running calls is limited.
    pub(crate) const fn limits(self) -> bool {
        matches!(self, Self::ConcurrencyLimit)
    }

    /// Whether calls are made again that failed and were not sent.
    pub(crate) const fn repeats(self) -> bool {
        matches!(self, Self::Retry)
    }

    /// A caller of `leaf` through these layers.
    pub(crate) fn caller(self, leaf: &Observed, settings: Settings) -> Caller {
        let leaf = leaf.clone();
        let permitted = settings.permitted;
        let policy = move |request: &LinkRequest<'_>| -> Option<Target> {
            request.target.filter(|_| permitted).cloned()
        };
        let timeout = TimeoutLayer::new(TIMEOUT);
        let liveness = TargetLivenessLayer::new(HANDSHAKE)
            .silences(settings.silences)
            .open(LEFT_ALONE);
        match self {
            Self::Bare => Caller::new(leaf),
            Self::LinkAuthorization => Caller::new(LinkAuthorizationLayer::new(policy).layer(leaf)),
            Self::Timeout => Caller::new(timeout.layer(leaf)),
            Self::TargetLiveness => Caller::new(liveness.layer(leaf)),
            Self::ConcurrencyLimit => Caller::new(
                ServiceBuilder::new()
                    .layer(ForeignLayer::new())
                    .load_shed()
                    .layer(ConcurrencyLimitLayer::new(settings.limit))
                    .service(leaf),
            ),
            Self::Retry => Caller::new(RetryLayer::new(RetryPolicy::new(1)).layer(leaf)),
            Self::Stack => Caller::new(
                Stack::new(policy)
                    .timeout_layer(timeout)
                    .liveness_layer(liveness)
                    .layer(leaf),
            ),
        }
    }
}

/// For how long a silent target is left alone: longer than a scenario lasts.
const LEFT_ALONE: Duration = Duration::from_hours(10);

impl fmt::Display for Layering {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Bare => "no layers",
            Self::LinkAuthorization => "link authorization",
            Self::Timeout => "timeout",
            Self::TargetLiveness => "target liveness",
            Self::ConcurrencyLimit => "concurrency limit",
            Self::Retry => "retry",
            Self::Stack => "the whole stack",
        })
    }
}
