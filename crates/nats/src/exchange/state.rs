//! What changes about a call.

use core::task::Waker;
use std::collections::BTreeMap;

use async_nats::Subject;
use wrpc_middleware_errors::RpcError;
use wrpc_middleware_transport::Paths;

use super::answer::Answer;
use super::ending::Ending;
use super::inlet::{Inlet, Refusal};
use super::waiting::Waiting;
use crate::budget::Budget;
use crate::slow::Slot;

/// What an indexed stream costs before anything arrives on it.
pub(super) const STREAM: usize = 256;

#[derive(Debug, Default)]
pub(super) struct State {
    /// Where the other side is reached; a caller learns it with the handshake.
    pub(super) peer: Option<Subject>,
    pub(super) failure: Option<RpcError>,
    /// What went wrong once all streams that were known had ended: others may be missing.
    pub(super) late_failure: Option<RpcError>,
    pub(super) root: Inlet,
    pub(super) nested: BTreeMap<Box<[usize]>, Inlet>,
    pub(super) waiting: Waiting,
    /// When something last arrived, in ticks of the keepalive.
    pub(super) heard: u32,
    pub(super) params: Params,
    pub(super) ending: Ending,
    /// What the caller was told of a call that was taken.
    pub(super) answer: Answer,
    /// The other side knows that the call is over.
    pub(super) is_over: bool,
    /// The broker was asked for the peer, and nothing was heard since.
    pub(super) is_suspect: bool,
}

/// What became of the parameters of a caller.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Params {
    /// The target is told by who writes them.
    #[default]
    Written,
    /// The target is told that there are no more as soon as it took the call.
    Urgent,
    /// They were given up before it was known where they go.
    Abandoned,
    /// All went with the call, and the target was not told so, which shows whether it is slow.
    Unended(Slot),
}

impl State {
    /// Something arrived, so the other side was there.
    pub(super) fn heard(&mut self, tick: u32) {
        self.heard = tick;
        self.is_suspect = false;
    }

    pub(super) fn inlets(&mut self) -> impl Iterator<Item = &mut Inlet> {
        core::iter::once(&mut self.root).chain(self.nested.values_mut())
    }

    pub(super) fn known(&mut self, path: &[usize]) -> Option<&mut Inlet> {
        if path.is_empty() {
            Some(&mut self.root)
        } else {
            self.nested.get_mut(path)
        }
    }

    /// The stream at `path`, if it was asked for.
    pub(super) fn inlet(
        &mut self,
        path: &[usize],
        patterns: &Paths,
        budget: &Budget,
    ) -> Option<Result<&mut Inlet, Refusal>> {
        if path.is_empty() {
            return Some(Ok(&mut self.root));
        }
        if !self.nested.contains_key(path) {
            if !patterns.iter().any(|pattern| matches(pattern, path)) {
                return None;
            }
            if !budget.take(STREAM, 0, 0) {
                return Some(Err(Refusal::Overrun));
            }
        }
        let late_failure = self.late_failure.as_ref();
        Some(Ok(self.nested.entry(path.into()).or_insert_with(|| {
            let mut inlet = Inlet::default();
            if let Some(error) = late_failure {
                inlet.break_off(error.clone());
            }
            inlet
        })))
    }

    /// Whether nothing of the results can be missing.
    pub(super) fn is_complete(&self, patterns: &Paths) -> bool {
        let streams = self.nested.values();
        self.root.has_ended()
            && (patterns.is_empty()
                || !self.nested.is_empty() && streams.into_iter().all(Inlet::has_ended))
    }

    pub(super) fn wakers(&mut self) -> impl Iterator<Item = Waker> {
        let waiting = self.waiting.take();
        waiting.chain(self.inlets().filter_map(Inlet::wake))
    }

    pub(super) fn clear(&mut self, budget: &Budget) {
        self.inlets().for_each(|inlet| inlet.clear(budget));
    }

    /// Lets go of all that a call that failed has not read.
    pub(super) fn let_go(&mut self, budget: &Budget) {
        if let Some(failure) = self.failure.clone() {
            self.inlets()
                .for_each(|inlet| inlet.let_go(&failure, budget));
        }
    }
}

/// Whether a stream at `path` was asked for by `pattern`.
fn matches(pattern: &[Option<usize>], path: &[usize]) -> bool {
    pattern.len() == path.len()
        && pattern
            .iter()
            .zip(path)
            .all(|(asked, index)| asked.is_none_or(|asked| asked == *index))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_is_of_one_length() {
        assert!(matches(&[Some(1), None], &[1, 7]));
        assert!(!matches(&[Some(1), None], &[2, 7]));
        assert!(!matches(&[None], &[1, 7]));
        assert!(!matches(&[None, None], &[1]));
    }
}
