//! The calls of a connection.

use std::sync::{Arc, PoisonError, Weak};

use tokio::sync::oneshot;

use crate::exchange::Exchange;
use crate::id::{Id, IdMap};
use crate::sync::atomic::{AtomicBool, Ordering};
use crate::sync::{Mutex, MutexGuard};

/// Threads that call at the same time rarely meet at one of these.
const PARTS: usize = if cfg!(shuttle) { 1 } else { 64 };

type Exchanges = IdMap<Weak<Exchange>>;

/// Every call whose streams are held by somebody, by the id in the subject that it is reached at.
///
/// Holds none of them: one that is dropped removes itself.
#[derive(Debug)]
pub(crate) struct Registry {
    parts: Box<[Mutex<Exchanges>]>,
    /// Messages to ourselves.
    echoes: Mutex<IdMap<oneshot::Sender<()>>>,
    is_closed: AtomicBool,
}

impl Default for Registry {
    fn default() -> Self {
        Self {
            parts: (0..PARTS).map(|_| Mutex::default()).collect(),
            echoes: Mutex::default(),
            is_closed: AtomicBool::new(false),
        }
    }
}

impl Registry {
    fn part(&self, id: &Id) -> Option<MutexGuard<'_, Exchanges>> {
        let part = self.parts.get(id.part(self.parts.len()))?;
        Some(part.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn insert(&self, id: Id, exchange: &Arc<Exchange>) {
        if let Some(mut part) = self.part(&id) {
            part.insert(id, Arc::downgrade(exchange));
        }
    }

    /// Nothing arrives for any call any more. One that is not among [all](Self::all) of them after
    /// this, as it is inserted later, finds it [closed](Self::is_closed) after that.
    pub(crate) fn close(&self) {
        self.is_closed.store(true, Ordering::Release);
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.is_closed.load(Ordering::Acquire)
    }

    pub(crate) fn remove(&self, id: &Id) {
        if let Some(mut part) = self.part(id) {
            part.remove(id);
        }
    }

    pub(crate) fn get(&self, id: &Id) -> Option<Arc<Exchange>> {
        self.part(id)?.get(id)?.upgrade()
    }

    /// Every call there is at the moment.
    pub(crate) fn all(&self) -> impl Iterator<Item = Arc<Exchange>> {
        self.parts.iter().flat_map(|part| {
            let part = part.lock().unwrap_or_else(PoisonError::into_inner);
            // Collected, since the last of a call may be dropped by who gets it, and removes it.
            part.values().filter_map(Weak::upgrade).collect::<Vec<_>>()
        })
    }

    /// How many calls there are.
    pub(crate) fn len(&self) -> usize {
        let len = |part: &Mutex<Exchanges>| {
            let part = part.lock().unwrap_or_else(PoisonError::into_inner);
            part.len()
        };
        self.parts.iter().map(len).sum()
    }

    /// Awaits the message to ourselves under `id`.
    pub(crate) fn expect_echo(&self, id: Id) -> oneshot::Receiver<()> {
        let (sender, receiver) = oneshot::channel();
        let mut echoes = self.echoes();
        // Whoever waited for these has given up.
        echoes.retain(|_, sender| !sender.is_closed());
        echoes.insert(id, sender);
        receiver
    }

    /// Tells who awaits it that the message to ourselves under `id` is here. Returns whether
    /// somebody does.
    pub(crate) fn echo(&self, id: &Id) -> bool {
        let sender = self.echoes().remove(id);
        sender.is_some_and(|sender| sender.send(()).is_ok())
    }

    fn echoes(&self) -> MutexGuard<'_, IdMap<oneshot::Sender<()>>> {
        self.echoes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
