//! A process that is told what to do, and says what happens.

use core::time::Duration;
use std::collections::VecDeque;
use std::process::Command;

use wrpc_middleware_testing::process::Process;
use wrpc_middleware_testing::wait::{GUARD, until};

use crate::speech::{Counts, Ended, Said, Told};

/// The caller, or a target.
pub(super) struct Peer {
    process: Process,
    /// What it said and nobody has waited for yet.
    unheard: VecDeque<Said>,
}

impl Peer {
    /// Starts it, and waits until it is ready.
    pub(super) async fn start(command: &mut Command) -> Self {
        let mut peer = Self {
            process: Process::run(command),
            unheard: VecDeque::new(),
        };
        peer.hears("ready", |said| (*said == Said::Ready).then_some(()))
            .await;
        peer
    }

    pub(super) fn process(&self) -> &Process {
        &self.process
    }

    pub(super) fn into_process(self) -> Process {
        self.process
    }

    pub(super) fn call(&mut self, id: &str, func: &str) {
        let (id, func) = (id.into(), func.into());
        self.tell(&Told::Call { id, func });
    }

    pub(super) fn go(&mut self, func: &str) {
        self.tell(&Told::Go { func: func.into() });
    }

    fn tell(&mut self, told: &Told) {
        self.process.tell(&told.line());
    }

    /// Waits until it says, or has said, what `is` looks for.
    async fn hears<T>(&mut self, what: &str, mut is: impl FnMut(&Said) -> Option<T>) -> T {
        for (at, said) in self.unheard.iter().enumerate() {
            if let Some(found) = is(said) {
                self.unheard.remove(at);
                return found;
            }
        }
        loop {
            let line = self.process.line().await;
            let line = line.unwrap_or_else(|| panic!("a process ended: {what} was waited for"));
            let Some(said) = Said::parse(&line) else {
                continue;
            };
            match is(&said) {
                Some(found) => return found,
                None => self.unheard.push_back(said),
            }
        }
    }

    /// Waits until it runs a call.
    pub(super) async fn begins(&mut self, id: &str) {
        self.hears("the target to begin", |said| {
            matches!(said, Said::Begun { id: begun } if begun == id).then_some(())
        })
        .await;
    }

    /// Waits until it is in the middle of a call; the way the call ended instead, if it did.
    pub(super) async fn reaches(&mut self, id: &str) -> Option<Ended> {
        self.hears("the caller to come to the middle", |said| match said {
            Said::Reached { id: reached } if reached == id => Some(None),
            Said::Ended(ended) if ended.id == id => Some(Some(ended.clone())),
            _ => None,
        })
        .await
    }

    /// Waits for the end of a call, so long; `None` if it has not ended then.
    pub(super) async fn ends(&mut self, id: &str, bound: Duration) -> Option<Ended> {
        let end = self.hears("the end of a call", |said| match said {
            Said::Ended(ended) if ended.id == id => Some(ended.clone()),
            _ => None,
        });
        tokio::time::timeout(bound.min(GUARD), end).await.ok()
    }

    /// Forgets that the connection was lost before now.
    pub(super) fn forget_disconnects(&mut self) {
        self.unheard.retain(|said| *said != Said::Disconnected);
    }

    /// Waits until it has noticed that its connection is lost.
    pub(super) async fn disconnects(&mut self) {
        self.hears("the connection to be lost", |said| {
            (*said == Said::Disconnected).then_some(())
        })
        .await;
    }

    /// What it holds.
    pub(super) async fn counts(&mut self) -> Counts {
        self.tell(&Told::Count);
        self.hears("the counts", |said| match said {
            Said::Counted(counts) => Some(*counts),
            _ => None,
        })
        .await
    }

    /// What it holds while nothing happens.
    pub(super) async fn resting(&mut self) -> Counts {
        let mut last = None;
        until("a process to rest", async || {
            let now = self.counts().await;
            last.replace(now) == Some(now) && now.calls == 0
        })
        .await;
        last.unwrap_or_default()
    }
}
