//! How old links may be.

use core::sync::atomic::{AtomicU64, Ordering};
use core::time::Duration;
use std::sync::Arc;

use tokio::time::Instant;
use wrpc_middleware_transport::Target;
use wrpc_middleware_transport::link::{LinkPolicy, LinkRequest};

/// When something was last proven to be current. Shared by its clones.
#[derive(Clone, Debug)]
pub struct Freshness(Arc<Proof>);

#[derive(Debug)]
struct Proof {
    origin: Instant,
    /// Nanoseconds after the origin, and one more; zero: never.
    at: AtomicU64,
}

impl Default for Freshness {
    fn default() -> Self {
        Self(Arc::new(Proof {
            origin: Instant::now(),
            at: AtomicU64::new(0),
        }))
    }
}

impl Freshness {
    /// Nothing was proven yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// It was current at `at`. Proofs of earlier times change nothing.
    pub fn prove(&self, at: Instant) {
        let since = at.saturating_duration_since(self.0.origin).as_nanos();
        let since = u64::try_from(since).unwrap_or(u64::MAX).saturating_add(1);
        self.0.at.fetch_max(since, Ordering::Release);
    }

    /// The time since the last proof; `None` if there never was one.
    #[must_use]
    pub fn age(&self) -> Option<Duration> {
        let at = self.0.at.load(Ordering::Acquire).checked_sub(1)?;
        let since = self.0.origin.elapsed();
        Some(since.saturating_sub(Duration::from_nanos(at)))
    }
}

/// Asks `P` as long as the last proof of its links is young enough, and denies every call otherwise:
/// a link that was revoked behind the back of a host must not live for ever.
///
/// Without a limit, one proof at any time is enough.
///
/// ```
/// use core::time::Duration;
/// use tokio::time::Instant;
/// use wrpc_middleware_links::live::{Freshness, MaxAge};
/// use wrpc_middleware_transport::link::LinkTable;
///
/// let freshness = Freshness::new();
/// let policy = MaxAge::new(LinkTable::default(), freshness.clone(), Some(Duration::from_secs(30)));
/// assert!(!policy.is_fresh());
/// freshness.prove(Instant::now());
/// assert!(policy.is_fresh());
/// ```
#[derive(Clone, Debug)]
pub struct MaxAge<P> {
    policy: P,
    freshness: Freshness,
    limit: Option<Duration>,
}

impl<P> MaxAge<P> {
    /// Denies every call while the last proof is older than `limit`, or there is none.
    #[must_use]
    pub const fn new(policy: P, freshness: Freshness, limit: Option<Duration>) -> Self {
        Self {
            policy,
            freshness,
            limit,
        }
    }

    /// Whether the policy is asked.
    #[must_use]
    pub fn is_fresh(&self) -> bool {
        let young = |age| self.limit.is_none_or(|limit| age <= limit);
        self.freshness.age().is_some_and(young)
    }
}

impl<P: LinkPolicy> LinkPolicy for MaxAge<P> {
    fn authorize(&self, request: &LinkRequest<'_>) -> Option<Target> {
        if self.is_fresh() {
            self.policy.authorize(request)
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;
    use wrpc_middleware_transport::link::{Link, LinkTable};

    use super::*;

    const LIMIT: Duration = Duration::from_secs(30);
    const MILLISECOND: Duration = Duration::from_millis(1);

    fn table() -> LinkTable {
        let target = Target::new("greeter").unwrap();
        let interface = "test:app/greeter".parse().unwrap();
        LinkTable::new([Link::new("client", target, interface)]).unwrap()
    }

    fn permits(policy: &impl LinkPolicy) -> bool {
        let request = LinkRequest::new(Some("client"), "test:app/greeter", "greet");
        policy.authorize(&request).is_some()
    }

    #[tokio::test(start_paused = true)]
    async fn links_are_denied_once_their_proof_is_too_old() {
        advance(LIMIT).await;
        let freshness = Freshness::new();
        let policy = MaxAge::new(table(), freshness.clone(), Some(LIMIT));
        let for_ever = MaxAge::new(table(), freshness.clone(), None);
        assert_eq!((permits(&policy), freshness.age()), (false, None));
        assert!(!permits(&for_ever));
        let asked = Instant::now();
        advance(LIMIT / 2).await;
        // It was asked for some time before the answer came.
        freshness.prove(asked);
        assert_eq!(freshness.age(), Some(LIMIT / 2));
        assert!(permits(&policy) && permits(&for_ever));
        advance(LIMIT / 2).await;
        assert!(permits(&policy));
        advance(MILLISECOND).await;
        assert!(!permits(&policy));
        assert!(permits(&table()), "without the layer");
        assert!(permits(&for_ever));
        // An older proof does not help, a new one does.
        freshness.prove(asked);
        assert!(!permits(&policy));
        freshness.prove(Instant::now());
        assert!(permits(&policy));
        assert_eq!(freshness.age(), Some(Duration::ZERO));
    }
}
