//! One incoming stream of a call: what has arrived and was not read yet.

use core::task::Waker;
use std::collections::VecDeque;

use bytes::Bytes;
use wrpc_middleware_errors::RpcError;

use crate::budget::{Budget, OWN};

/// What a message costs beyond its bytes.
const OVERHEAD: usize = 64;

/// Below this a message is copied if it has to wait: it would keep the buffer that it was read
/// into, with the messages of others.
const SMALL: usize = 4096;

#[derive(Debug, Default)]
pub(crate) struct Inlet {
    chunks: VecDeque<Bytes>,
    /// What of the budget is taken.
    held: usize,
    /// How many messages have arrived.
    messages: u64,
    numbered: bool,
    end: Option<End>,
    waker: Option<Waker>,
    /// Whether there is a reader, or was one.
    pub(super) taken: bool,
    /// Whether the reader is gone.
    abandoned: bool,
}

#[derive(Clone, Debug)]
enum End {
    Clean,
    Failed(RpcError),
}

/// Why a message can't be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// A message before it is missing.
    Gap,
    /// There is no room for it.
    Overrun,
}

/// What there is to read.
#[derive(Debug)]
pub(crate) enum Next {
    Chunk(Bytes),
    End,
    Failed(RpcError),
    Pending,
}

impl Inlet {
    /// One that has a reader.
    pub(super) fn of_reader() -> Self {
        Self {
            taken: true,
            ..Self::default()
        }
    }

    /// Takes a chunk. Returns who waits for it.
    pub(super) fn push(
        &mut self,
        chunk: Bytes,
        sequence: Option<u64>,
        budget: &Budget,
    ) -> Result<Option<Waker>, Refusal> {
        if self.end.is_some() {
            return Ok(None);
        }
        self.count(sequence)?;
        if self.abandoned {
            return Ok(None);
        }
        let cost = chunk.len().saturating_add(OVERHEAD);
        // A peer may begin many streams that nobody reads.
        let own = if self.taken { OWN } else { 0 };
        if !budget.take(cost, self.held, own) {
            return Err(Refusal::Overrun);
        }
        self.held += cost;
        let waits = self.chunks.is_empty() && self.waker.is_some();
        self.chunks.push_back(if waits || chunk.len() >= SMALL {
            chunk
        } else {
            Bytes::copy_from_slice(&chunk)
        });
        Ok(self.waker.take())
    }

    /// Ends the stream. Returns who waits for it.
    pub(super) fn close(
        &mut self,
        error: Option<RpcError>,
        sequence: Option<u64>,
    ) -> Result<Option<Waker>, Refusal> {
        if self.end.is_some() {
            return Ok(None);
        }
        self.count(sequence)?;
        self.end = Some(match error {
            None => End::Clean,
            Some(error) => End::Failed(error),
        });
        Ok(self.waker.take())
    }

    /// The message is the next one, as far as it says.
    ///
    /// One without a number is the first on its subject, or one of a peer that numbers none.
    fn count(&mut self, sequence: Option<u64>) -> Result<(), Refusal> {
        let missing = match sequence {
            Some(number) => number != self.messages,
            None => self.numbered,
        };
        if missing {
            return Err(Refusal::Gap);
        }
        self.numbered |= sequence.is_some();
        self.messages += 1;
        Ok(())
    }

    /// What there is to read; `waker` is woken once there is something.
    pub(super) fn next(&mut self, waker: &Waker, budget: &Budget) -> Next {
        if let Some(chunk) = self.chunks.pop_front() {
            let cost = chunk.len().saturating_add(OVERHEAD);
            self.held = self.held.saturating_sub(cost);
            budget.give_back(cost);
            return Next::Chunk(chunk);
        }
        match &self.end {
            Some(End::Clean) => Next::End,
            Some(End::Failed(error)) => Next::Failed(error.clone()),
            None => {
                match &mut self.waker {
                    Some(known) => known.clone_from(waker),
                    none => *none = Some(waker.clone()),
                }
                Next::Pending
            }
        }
    }

    /// Ends the stream in an error that no message brought. Returns who waits for it.
    pub(super) fn break_off(&mut self, error: RpcError) -> Option<Waker> {
        if self.end.is_none() {
            self.end = Some(End::Failed(error));
        }
        self.waker.take()
    }

    pub(super) fn has_ended(&self) -> bool {
        self.end.is_some()
    }

    /// Whether the peer has said that this is all.
    pub(super) fn has_clean_end(&self) -> bool {
        matches!(self.end, Some(End::Clean))
    }

    pub(super) fn wake(&mut self) -> Option<Waker> {
        self.waker.take()
    }

    /// Lets go of what has arrived and of what comes.
    pub(super) fn abandon(&mut self, budget: &Budget) {
        self.abandoned = true;
        self.waker = None;
        self.clear(budget);
    }

    /// Lets go of what has arrived. Where there was something, nothing looks like the end of it.
    pub(super) fn let_go(&mut self, failure: &RpcError, budget: &Budget) {
        if !self.chunks.is_empty() && self.has_clean_end() {
            self.end = Some(End::Failed(failure.clone()));
        }
        self.clear(budget);
    }

    pub(super) fn clear(&mut self, budget: &Budget) {
        self.chunks = VecDeque::new();
        budget.give_back(core::mem::take(&mut self.held));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn budget() -> Budget {
        Budget::new(1000, 500)
    }

    fn read(inlet: &mut Inlet, budget: &Budget) -> Next {
        inlet.next(Waker::noop(), budget)
    }

    #[test]
    fn chunks_come_out_in_order_and_then_the_end() {
        let (mut inlet, budget) = (Inlet::default(), budget());
        for (number, text) in [(None, "a"), (Some(1), "b")] {
            inlet.push(text.into(), number, &budget).unwrap();
        }
        inlet.close(None, Some(2)).unwrap();
        assert!(matches!(read(&mut inlet, &budget), Next::Chunk(c) if c == "a"));
        assert!(matches!(read(&mut inlet, &budget), Next::Chunk(c) if c == "b"));
        for _ in 0..2 {
            assert!(matches!(read(&mut inlet, &budget), Next::End));
        }
        assert_eq!(budget.held(), 0);
    }

    #[test]
    fn a_missing_message_is_seen_in_the_next() {
        let budget = budget();
        for (numbers, last) in [
            (&[][..], Some(1)),
            (&[None][..], Some(2)),
            (&[None, Some(1)][..], Some(1)),
            (&[None, Some(1)][..], None),
        ] {
            let mut inlet = Inlet::default();
            for number in numbers {
                inlet.push("x".into(), *number, &budget).unwrap();
            }
            let pushed = inlet.push("x".into(), last, &budget);
            assert_eq!(pushed.unwrap_err(), Refusal::Gap, "{numbers:?} {last:?}");
            assert_eq!(inlet.close(None, last).unwrap_err(), Refusal::Gap);
        }
    }

    #[test]
    fn a_peer_without_numbers_is_believed() {
        let (mut inlet, budget) = (Inlet::default(), budget());
        for _ in 0..3 {
            inlet.push("x".into(), None, &budget).unwrap();
        }
        inlet.close(None, None).unwrap();
    }

    #[test]
    fn what_nobody_reads_is_bounded_and_let_go() {
        let (mut inlet, budget) = (Inlet::default(), budget());
        let chunk = Bytes::from(vec![0; 400]);
        inlet.push(chunk.clone(), None, &budget).unwrap();
        let pushed = inlet.push(chunk.clone(), Some(1), &budget);
        assert_eq!(pushed.unwrap_err(), Refusal::Overrun);
        inlet.abandon(&budget);
        assert_eq!(budget.held(), 0);
        let mut abandoned = Inlet::default();
        abandoned.abandon(&budget);
        for n in 0..100 {
            let number = (n > 0).then_some(n);
            abandoned.push(chunk.clone(), number, &budget).unwrap();
        }
        assert_eq!(budget.held(), 0);
    }
}
