//! What was seen of a call.

use core::sync::atomic::{AtomicU8, Ordering};
use std::io;
use std::sync::OnceLock;

use wrpc_middleware_errors::{Delivery, RpcError, RpcErrorKind};
use wrpc_middleware_transport::Progress;

use super::Observer;
use crate::Outcome;

/// Bytes were read.
const READ: u8 = 1;
/// The stream at the root was read to its end.
const READ_TO_END: u8 = 1 << 1;
/// Somebody has read, or tried to.
const ASKED: u8 = 1 << 2;
/// A reader was dropped that waited.
const CUT: u8 = 1 << 3;
/// The stream at the root was closed by its writer.
const CLOSED: u8 = 1 << 4;

/// What was seen of a call. The streams of the call share it; the last of them ends the call.
pub(crate) struct Flow<E: Observer> {
    flags: AtomicU8,
    read: OnceLock<Outcome>,
    write: OnceLock<Outcome>,
    made: Option<Made>,
    observer: E,
}

/// How far a call has come, for who made it.
struct Made {
    /// Of all attempts at it.
    call: Progress,
    /// Of the attempt that has the streams.
    attempt: Progress,
}

impl<E: Observer> Flow<E> {
    /// Of a call that is made.
    pub(crate) const fn made(call: Progress, attempt: Progress, observer: E) -> Self {
        Self::new(Some(Made { call, attempt }), observer)
    }

    /// Of a call that is served.
    #[cfg(feature = "nats")]
    pub(crate) const fn served(observer: E) -> Self {
        Self::new(None, observer)
    }

    const fn new(made: Option<Made>, observer: E) -> Self {
        Self {
            flags: AtomicU8::new(0),
            read: OnceLock::new(),
            write: OnceLock::new(),
            made,
            observer,
        }
    }

    pub(crate) const fn observer(&self) -> &E {
        &self.observer
    }

    fn set(&self, flags: u8) {
        if self.flags.load(Ordering::Relaxed) & flags != flags {
            self.flags.fetch_or(flags, Ordering::AcqRel);
        }
    }

    pub(super) fn has_read(&self, is_end: bool) {
        self.set(ASKED | if is_end { READ_TO_END } else { READ });
    }

    pub(super) fn waits(&self) {
        self.set(ASKED);
    }

    pub(super) fn cut(&self) {
        self.set(CUT);
    }

    pub(super) fn closed(&self) {
        self.set(CLOSED);
    }

    pub(super) fn read_failed(&self, error: &io::Error) {
        self.read.get_or_init(|| self.failure(error));
    }

    pub(super) fn write_failed(&self, error: &io::Error) {
        self.write.get_or_init(|| self.failure(error));
    }

    /// The call is no longer wanted, whatever its streams say.
    #[cfg(feature = "nats")]
    pub(crate) fn given_up(&self, error: &RpcError) {
        self.write.get_or_init(|| crate::served::outcome(error));
    }

    fn failure(&self, error: &io::Error) -> Outcome {
        match (RpcError::find(error), &self.made) {
            #[cfg(feature = "nats")]
            (Some(error), None) => crate::served::outcome(error),
            (Some(error), _) => Outcome::of(error),
            (None, made) => {
                let known = made.as_ref().map(|made| made.call.delivery());
                Outcome::Failed(RpcErrorKind::Other, known.unwrap_or(Delivery::Accepted))
            }
        }
    }

    fn outcome(&self) -> Outcome {
        let flags = self.flags.load(Ordering::Acquire);
        match &self.made {
            Some(made) => self.outcome_of_made(flags, made),
            None => self.outcome_of_served(flags),
        }
    }

    fn outcome_of_made(&self, flags: u8, made: &Made) -> Outcome {
        let seen = |flag| flags & flag != 0;
        if let Some(failed) = self.read.get() {
            *failed
        } else if seen(READ | READ_TO_END) && !seen(CUT) {
            Outcome::Ok
        } else if let Some(failed) = self.write.get() {
            *failed
        } else if let Some(failure) = made.attempt.failure() {
            Outcome::of(failure)
        } else if seen(CLOSED) && !seen(ASKED) {
            Outcome::Ok
        } else {
            Outcome::Cancelled(made.call.delivery())
        }
    }

    fn outcome_of_served(&self, flags: u8) -> Outcome {
        if let Some(failed) = self.write.get() {
            *failed
        } else if flags & CLOSED != 0 {
            Outcome::Ok
        } else if let Some(failed) = self.read.get() {
            *failed
        } else {
            Outcome::Failed(RpcErrorKind::TargetFailed, Delivery::Accepted)
        }
    }
}

impl<E: Observer> Drop for Flow<E> {
    fn drop(&mut self) {
        let outcome = self.outcome();
        self.observer.ended(outcome);
    }
}
