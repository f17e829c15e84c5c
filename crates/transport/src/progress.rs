//! How far a call has come.

use core::fmt;
use std::sync::{Arc, OnceLock, Weak};

use wrpc_middleware_errors::{Delivery, RpcError, RpcErrorKind};

use crate::Target;
use crate::function::{Failed, Function, Named};
use crate::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use crate::wakers::Wakers;

/// How far a call has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// Held back by the leaf: nothing has been handed to the transport.
    Held,
    /// It may have been handed to the transport. Nothing shows that it arrived.
    Queued,
    /// The target took it.
    Accepted,
    /// The first byte of the results has arrived.
    FirstByte,
    /// The result stream has ended, in whatever way.
    Closed,
}

/// The shared view of one call's progress: the leaf moves it on, every layer reads it.
///
/// [`delivery`](Self::delivery) derives from it, and it errs on the safe side: a leaf that never
/// speaks leaves a call [`Unknown`](Delivery::Unknown).
///
/// An [`Invocation`](crate::Invocation) and its [`Channels`](crate::Channels) share one. A clone
/// of an invocation is an attempt of its own; what it reaches counts for the original too, so that
/// a layer outside of a retry never takes a call for unsent whose second attempt was sent.
#[derive(Clone)]
pub struct Progress(Arc<Call>);

struct Call {
    origin: Origin,
    // These four are only ever set, or belong to the leaf: a store takes a fraction of what an exchange
    // of bits in a word of all of them takes.
    accepted: AtomicBool,
    first_byte: AtomicBool,
    closed: AtomicBool,
    held: AtomicBool,
    /// Whether this attempt is one of those in `sent`. Exchanged, since who sends it and who learns
    /// that it was not sent may be two threads.
    counts_as_sent: AtomicBool,
    failure: OnceLock<RpcError>,
    target: OnceLock<Target>,
    wakers: Wakers,
    /// How many attempts, this one included, may have been sent.
    sent: AtomicUsize,
    reports_acceptance: AtomicBool,
}

/// What a call is an attempt at.
enum Origin {
    /// This function: it is the call itself.
    Function(Function),
    /// The same as another.
    Call(Progress),
}

impl Origin {
    const fn call(&self) -> Option<&Progress> {
        match self {
            Self::Function(_) => None,
            Self::Call(call) => Some(call),
        }
    }
}

impl Progress {
    /// The progress of a call that may be handed to a transport at any time from now on.
    #[must_use]
    pub fn new(instance: &str, func: &str) -> Self {
        Self::with_origin(Origin::Function(Function::new(instance, func)))
    }

    /// The progress of another attempt at the same call.
    #[must_use]
    pub fn attempt(&self) -> Self {
        Self::with_origin(Origin::Call(self.clone()))
    }

    fn with_origin(origin: Origin) -> Self {
        Self(Arc::new(Call {
            origin,
            accepted: AtomicBool::new(false),
            first_byte: AtomicBool::new(false),
            closed: AtomicBool::new(false),
            held: AtomicBool::new(false),
            counts_as_sent: AtomicBool::new(false),
            failure: OnceLock::new(),
            target: OnceLock::new(),
            wakers: Wakers::default(),
            sent: AtomicUsize::new(0),
            reports_acceptance: AtomicBool::new(false),
        }))
    }

    /// How far the call has come.
    #[must_use]
    pub fn stage(&self) -> Stage {
        if self.0.closed.load(Ordering::Acquire) {
            Stage::Closed
        } else if self.0.first_byte.load(Ordering::Acquire) {
            Stage::FirstByte
        } else if self.0.accepted.load(Ordering::Acquire) {
            Stage::Accepted
        } else if self.is_held() {
            Stage::Held
        } else {
            Stage::Queued
        }
    }

    /// Whether the target may have run the call, as far as the leaf has proven it.
    #[must_use]
    pub fn delivery(&self) -> Delivery {
        if self.is_taken() {
            Delivery::Accepted
        } else if self.is_held() {
            Delivery::NotSent
        } else {
            Delivery::Unknown
        }
    }

    /// Why the call failed, if its leaf has seen it fail.
    #[must_use]
    #[inline]
    pub fn failure(&self) -> Option<&RpcError> {
        self.0.failure.get()
    }

    /// Where the call goes, for layers outside of the one that decides it.
    #[must_use]
    pub fn target(&self) -> Option<&Target> {
        self.0.target.get()
    }

    /// Records, by the layer that decides it, where the call goes. The first target stays.
    pub fn routed(&self, target: &Target) {
        for progress in self.with_origins() {
            progress.0.target.get_or_init(|| target.clone());
        }
    }

    /// Whether the leaf reports when the target took the call, other than by the first byte of
    /// the results.
    #[must_use]
    #[inline]
    pub fn reports_acceptance(&self) -> bool {
        self.0.reports_acceptance.load(Ordering::Relaxed)
    }

    /// Declares, by a leaf, that it reports when the target took the call.
    #[inline]
    pub fn set_reports_acceptance(&self) {
        self.0.reports_acceptance.store(true, Ordering::Relaxed);
    }

    /// Holds the call back until the guard is dropped or [sent](Held::send): as long as it lives,
    /// this attempt has not been handed to the transport.
    ///
    /// For a leaf that waits for something, a connection for example, before it sends.
    #[must_use = "the call counts as unsent only as long as the guard lives"]
    pub fn hold(&self) -> Held<'_> {
        self.0.held.store(true, Ordering::Release);
        Held(self)
    }

    /// Records, by a leaf, that the target took the call.
    #[inline]
    pub fn accepted(&self) {
        self.reach(|call| &call.accepted);
    }

    /// Records, by a leaf, that the first byte of the results has arrived.
    #[inline]
    pub fn first_byte(&self) {
        self.reach(|call| &call.first_byte);
    }

    /// Records, by a leaf, that the result stream has ended.
    #[inline]
    pub fn closed(&self) {
        self.0.closed.store(true, Ordering::Release);
    }

    /// Records, by a leaf, that the call is handed to the transport from now on.
    ///
    /// It counts as possibly sent until the leaf [fails](Self::fail) it with a delivery of
    /// [`NotSent`](Delivery::NotSent).
    pub fn sent(&self) {
        if !self.0.counts_as_sent.swap(true, Ordering::AcqRel) {
            for progress in self.with_origins() {
                progress.0.sent.fetch_add(1, Ordering::AcqRel);
            }
        }
        // Who says so may be slower than the answer to what was sent.
        if self.is_proven_unsent() {
            self.not_sent();
        }
    }

    fn is_proven_unsent(&self) -> bool {
        let failure = self.failure();
        failure.is_some_and(|failure| failure.delivery() == Delivery::NotSent)
    }

    fn not_sent(&self) {
        if self.0.counts_as_sent.swap(false, Ordering::AcqRel) {
            for progress in self.with_origins() {
                progress.0.sent.fetch_sub(1, Ordering::AcqRel);
            }
        }
    }

    /// `error` with a delivery that holds for every attempt at the call: an attempt that was not
    /// sent may follow one that was.
    pub(crate) fn for_all_attempts(&self, error: RpcError) -> RpcError {
        let proven = if self.is_taken() {
            Delivery::Accepted
        } else if self.0.sent.load(Ordering::Acquire) > 0 {
            Delivery::Unknown
        } else {
            Delivery::NotSent
        };
        let delivery = error.delivery().max(proven);
        error.with_delivery(delivery)
    }

    fn with_origins(&self) -> impl Iterator<Item = &Self> {
        core::iter::successors(Some(self), |progress| progress.0.origin.call())
    }

    fn is_taken(&self) -> bool {
        self.0.accepted.load(Ordering::Acquire) || self.0.first_byte.load(Ordering::Acquire)
    }

    /// Another attempt at the same call may have been sent while this one is held.
    fn is_held(&self) -> bool {
        self.0.held.load(Ordering::Acquire) && self.0.sent.load(Ordering::Acquire) == 0
    }

    /// What one attempt has reached, the call has reached.
    #[inline]
    fn reach(&self, mark: fn(&Call) -> &AtomicBool) {
        for progress in self.with_origins() {
            let reached = mark(&progress.0);
            if reached.load(Ordering::Relaxed) {
                return;
            }
            reached.store(true, Ordering::Release);
        }
    }

    /// Records, by a leaf, why the call failed, and wakes every stream of it. The first failure
    /// stays, and is returned.
    #[expect(
        clippy::must_use_candidate,
        reason = "to record it may be all that is wanted"
    )]
    pub fn fail(&self, error: RpcError) -> &RpcError {
        let failure = self.0.failure.get_or_init(|| error);
        if failure.delivery() == Delivery::NotSent {
            self.not_sent();
        }
        self.closed();
        self.0.wakers.wake();
        failure
    }

    /// The name of the called function, `namespace:package/interface#function`, for messages.
    #[must_use]
    pub fn function(&self) -> impl fmt::Display + '_ {
        self.name()
    }

    pub(crate) fn name(&self) -> &Function {
        let mut call = self;
        loop {
            match &call.0.origin {
                Origin::Function(function) => return function,
                Origin::Call(origin) => call = origin,
            }
        }
    }

    /// An error of this call, with the function in front of `reason` as its message.
    ///
    /// The message is made only if somebody asks for it.
    #[must_use]
    pub fn error(
        &self,
        kind: RpcErrorKind,
        delivery: Delivery,
        reason: impl fmt::Display + Send + Sync + 'static,
    ) -> RpcError {
        let detail = Failed {
            function: self.name().clone(),
            reason,
        };
        RpcError::from_detail(kind, delivery, detail)
    }

    /// The error with the function in its message.
    pub(crate) fn named(&self, error: RpcError) -> RpcError {
        if self.name().starts(error.message()) {
            return error;
        }
        let named = Named {
            function: self.name().clone(),
            error,
        };
        RpcError::from_detail(named.error.kind(), named.error.delivery(), named)
    }

    pub(crate) fn wakers(&self) -> &Wakers {
        &self.0.wakers
    }

    pub(crate) fn downgrade(&self) -> WeakProgress {
        WeakProgress(Arc::downgrade(&self.0))
    }
}

impl fmt::Debug for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Progress")
            .field("function", &format_args!("{}", self.function()))
            .field("stage", &self.stage())
            .field("failure", &self.failure())
            .finish()
    }
}

/// A call that has not been handed to the transport yet. See [`Progress::hold`].
#[derive(Debug)]
pub struct Held<'a>(&'a Progress);

impl Held<'_> {
    /// Records that the call is handed to the transport from now on.
    pub fn send(self) {
        self.0.sent();
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.0.0.held.store(false, Ordering::Release);
    }
}

/// Knows about a call without keeping it alive.
#[derive(Clone, Debug, Default)]
pub(crate) struct WeakProgress(Weak<Call>);

impl fmt::Debug for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Call")
    }
}

impl WeakProgress {
    /// Whether streams of the call are still held and its results have not ended.
    pub(crate) fn is_running(&self) -> bool {
        self.upgrade()
            .is_some_and(|call| call.stage() < Stage::Closed)
    }

    /// The call, if anybody still has it.
    pub(crate) fn upgrade(&self) -> Option<Progress> {
        self.0.upgrade().map(Progress)
    }
}

#[cfg(test)]
mod races;

#[cfg(test)]
mod tests {
    use super::*;

    fn progress() -> Progress {
        Progress::new("a:b/c", "f")
    }

    #[test]
    fn delivery_is_what_the_leaf_has_proven() {
        let call = progress();
        assert_eq!(call.delivery(), Delivery::Unknown);
        let held = call.hold();
        assert_eq!(
            (call.stage(), call.delivery()),
            (Stage::Held, Delivery::NotSent)
        );
        drop(held);
        assert_eq!(
            (call.stage(), call.delivery()),
            (Stage::Queued, Delivery::Unknown)
        );
        call.closed();
        assert_eq!(call.delivery(), Delivery::Unknown);
        call.accepted();
        assert_eq!(
            (call.stage(), call.delivery()),
            (Stage::Closed, Delivery::Accepted)
        );
    }

    #[test]
    fn what_an_attempt_reaches_counts_for_its_origin() {
        let call = progress();
        let attempt = call.attempt();
        let second = attempt.attempt();
        second.accepted();
        second.closed();
        assert_eq!(call.delivery(), Delivery::Accepted);
        assert_eq!(call.stage(), Stage::Accepted);
        assert_eq!(call.attempt().delivery(), Delivery::Unknown);
    }

    #[test]
    fn where_an_attempt_goes_is_where_its_origin_goes() {
        let call = progress();
        let attempt = call.attempt();
        assert_eq!(call.target(), None);
        for name in ["first", "second"] {
            attempt.routed(&Target::new(name).unwrap());
            for progress in [&attempt, &call] {
                assert_eq!(progress.target().map(Target::as_str), Some("first"));
            }
        }
    }

    #[test]
    fn a_held_attempt_does_not_make_its_origin_unsent() {
        let call = progress();
        let attempt = call.attempt();
        let _held = attempt.hold();
        assert_eq!(attempt.delivery(), Delivery::NotSent);
        assert_eq!(call.delivery(), Delivery::Unknown);
    }

    #[test]
    fn a_held_origin_of_an_attempt_that_was_sent_is_unknown() {
        let call = progress();
        let _held = call.hold();
        let attempt = call.attempt();
        let held = attempt.hold();
        assert_eq!(call.delivery(), Delivery::NotSent);
        held.send();
        assert_eq!(attempt.delivery(), Delivery::Unknown);
        assert_eq!(call.delivery(), Delivery::Unknown);
    }

    #[test]
    fn a_failure_that_is_faster_than_the_word_that_it_was_sent_counts() {
        let not_sent = || RpcError::new(RpcErrorKind::Transport, Delivery::NotSent, "f: no");
        let call = progress();
        let attempt = call.attempt();
        attempt.fail(not_sent());
        attempt.sent();
        for progress in [&attempt, &call] {
            assert_eq!(
                progress.for_all_attempts(not_sent()).delivery(),
                Delivery::NotSent
            );
        }
    }

    #[test]
    fn a_failure_holds_for_all_attempts() {
        let not_sent = || RpcError::new(RpcErrorKind::Transport, Delivery::NotSent, "f: no");
        let call = progress();
        let first = call.attempt();
        first.sent();
        first.fail(not_sent());
        assert_eq!(
            call.for_all_attempts(not_sent()).delivery(),
            Delivery::NotSent
        );
        call.attempt().sent();
        assert_eq!(
            call.for_all_attempts(not_sent()).delivery(),
            Delivery::Unknown
        );
        call.attempt().accepted();
        assert_eq!(
            call.for_all_attempts(not_sent()).delivery(),
            Delivery::Accepted
        );
    }
}
