//! The functions that are served.

use std::sync::{Arc, OnceLock, PoisonError, Weak};

use async_nats::Subject;
use futures::task::AtomicWaker;
use wrpc_middleware_errors::{Delivery, RpcError, RpcErrorKind};

use crate::connect::Violation;
use crate::function::Function;
use crate::sync::atomic::{AtomicBool, Ordering};
use crate::sync::{Mutex, MutexGuard};

/// One function, as long as it is served.
#[derive(Debug)]
pub(super) struct Served {
    pub(super) subject: Subject,
    pub(super) function: Arc<Function>,
    refused: OnceLock<RpcError>,
    is_draining: AtomicBool,
    pub(super) waker: AtomicWaker,
}

impl Served {
    pub(super) fn new(subject: Subject, function: Function) -> Self {
        Self {
            subject,
            function: Arc::new(function),
            refused: OnceLock::new(),
            is_draining: AtomicBool::new(false),
            waker: AtomicWaker::new(),
        }
    }

    /// Why the broker does not pass calls on.
    pub(super) fn refusal(&self) -> Option<&RpcError> {
        self.refused.get()
    }

    pub(super) fn is_draining(&self) -> bool {
        self.is_draining.load(Ordering::Acquire)
    }

    pub(super) fn drain(&self) {
        self.is_draining.store(true, Ordering::Release);
        self.waker.wake();
    }

    fn refuse(&self, violation: &Violation) {
        self.refused.get_or_init(|| {
            let reason = "the broker does not permit to serve it";
            self.function
                .error(RpcErrorKind::Transport, Delivery::NotSent, reason)
                .with_source(violation.clone())
        });
        self.waker.wake();
    }
}

/// All of them.
#[derive(Debug, Default)]
pub(crate) struct ServedFunctions(Mutex<Vec<Weak<Served>>>);

impl ServedFunctions {
    fn all(&self) -> MutexGuard<'_, Vec<Weak<Served>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn insert(&self, served: &Arc<Served>) {
        let mut all = self.all();
        all.retain(|served| served.strong_count() > 0);
        all.push(Arc::downgrade(served));
    }

    /// Stops taking calls.
    pub(super) fn drain(&self) {
        self.all()
            .iter()
            .filter_map(Weak::upgrade)
            .for_each(|served| served.drain());
    }

    /// The broker does not permit the subscription to `subject`.
    pub(crate) fn refused(&self, subject: &str, violation: &Violation) {
        let all = self.all();
        let served = all.iter().filter_map(Weak::upgrade);
        for served in served.filter(|served| *served.subject == *subject) {
            served.refuse(violation);
        }
    }
}
