//! The policy.

use core::fmt;
use core::time::Duration;
use std::sync::Arc;

use tokio::time::{Sleep, sleep};
use tower::retry::Policy;
use tower::retry::budget::{Budget as _, TpsBudget};
use wrpc_middleware_errors::{RpcError, RpcErrorKind};

use crate::{Channels, Invocation};

const SHORTEST: Duration = Duration::from_millis(50);
const LONGEST: Duration = Duration::from_secs(5);

/// Which calls are repeated, how often and when. See the [module](super).
///
/// The policy of one [`tower::retry::Retry`] and its clones share a budget.
#[derive(Clone)]
pub struct RetryPolicy {
    retries_left: u32,
    next: Duration,
    longest: Duration,
    budget: Arc<TpsBudget>,
}

impl RetryPolicy {
    /// Repeats a call up to `retries` times: after 50 ms, then after twice the wait each time, up
    /// to 5 s, each wait shortened at random by up to a half.
    ///
    /// Over ten seconds, a fifth of all calls may be repeated, and ten a second in any case.
    #[must_use]
    pub fn new(retries: u32) -> Self {
        Self {
            retries_left: retries,
            next: SHORTEST,
            longest: LONGEST,
            budget: Arc::new(TpsBudget::new(Duration::from_secs(10), 10, 0.2)),
        }
    }

    /// The first wait and the longest one.
    #[must_use]
    pub fn backoff(mut self, first: Duration, longest: Duration) -> Self {
        self.next = first.min(longest);
        self.longest = longest;
        self
    }

    /// Draws on another budget.
    #[must_use]
    pub fn budget(mut self, budget: Arc<TpsBudget>) -> Self {
        self.budget = budget;
        self
    }

    fn next_wait(&mut self) -> Duration {
        let wait = self.next.mul_f64(rand::random_range(0.5..=1.0));
        self.next = self.next.saturating_mul(2).min(self.longest);
        wait
    }
}

fn may_pass(error: &RpcError) -> bool {
    error.is_safe_to_retry()
        && matches!(
            error.kind(),
            RpcErrorKind::TargetUnavailable | RpcErrorKind::Overloaded | RpcErrorKind::Transport
        )
}

impl<C, O, I> Policy<Invocation<C>, Channels<O, I>, RpcError> for RetryPolicy
where
    C: Clone,
{
    type Future = Sleep;

    fn retry(
        &mut self,
        invocation: &mut Invocation<C>,
        result: &mut Result<Channels<O, I>, RpcError>,
    ) -> Option<Sleep> {
        let Err(error) = result else {
            self.budget.deposit();
            return None;
        };
        if !may_pass(error) {
            return None;
        }
        self.retries_left = self.retries_left.checked_sub(1)?;
        let wait = sleep(self.next_wait());
        if invocation
            .deadline
            .is_some_and(|deadline| wait.deadline() >= deadline)
        {
            return None;
        }
        self.budget.withdraw().then_some(wait)
    }

    fn clone_request(&mut self, invocation: &Invocation<C>) -> Option<Invocation<C>> {
        Some(invocation.clone())
    }
}

impl fmt::Debug for RetryPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RetryPolicy")
            .field("retries_left", &self.retries_left)
            .field("next", &self.next)
            .field("longest", &self.longest)
            .finish_non_exhaustive()
    }
}
