//! The owned request of a call.

use std::sync::Arc;

use bytes::Bytes;
use tokio::time::Instant;

use crate::{Progress, Target};

/// The paths of asynchronous results that the caller subscribes to.
pub type Paths = Arc<[Box<[Option<usize>]>]>;

/// A call as a value: what the services of a stack take.
///
/// Cheap to clone, so that retries and hedging of `tower` work on it. A clone is another attempt
/// at the same call, with a [`Progress`] of its own.
#[derive(Debug)]
#[non_exhaustive]
pub struct Invocation<C> {
    /// What the host said about the call. See [`CallContext`](crate::CallContext).
    pub context: C,
    /// The encoded synchronous parameters.
    pub params: Bytes,
    /// The paths of asynchronous results.
    pub paths: Paths,
    /// When the call has to be over. Layers only ever bring it forward.
    pub deadline: Option<Instant>,
    /// Where the call goes, once that is resolved.
    pub target: Option<Target>,
    pub(crate) progress: Progress,
}

impl<C> Invocation<C> {
    /// A call of `func` of `instance` without asynchronous results, deadline or target.
    pub fn new(context: C, instance: &str, func: &str, params: Bytes) -> Self {
        Self {
            context,
            progress: Progress::new(instance, func),
            params,
            paths: Paths::default(),
            deadline: None,
            target: None,
        }
    }

    /// The same call with the paths of its asynchronous results.
    #[must_use]
    pub fn with_paths(mut self, paths: Paths) -> Self {
        self.paths = paths;
        self
    }

    /// The same call, to be over at `deadline`.
    #[must_use]
    pub fn with_deadline(mut self, deadline: Instant) -> Self {
        self.deadline = Some(deadline);
        self
    }

    /// The same call, going to `target`.
    #[must_use]
    pub fn with_target(mut self, target: Target) -> Self {
        self.target = Some(target);
        self
    }

    /// The same call, the same attempt, with another context.
    #[must_use]
    pub fn map_context<D>(self, map: impl FnOnce(C) -> D) -> Invocation<D> {
        Invocation {
            context: map(self.context),
            params: self.params,
            paths: self.paths,
            deadline: self.deadline,
            target: self.target,
            progress: self.progress,
        }
    }

    /// The instance that exports the function, `namespace:package/interface@version`; empty for a
    /// function at the root of a world.
    #[must_use]
    #[inline]
    pub fn instance(&self) -> &str {
        self.progress.name().instance()
    }

    /// The function.
    #[must_use]
    #[inline]
    pub fn func(&self) -> &str {
        self.progress.name().func()
    }

    /// How far the call has come.
    #[must_use]
    pub fn progress(&self) -> &Progress {
        &self.progress
    }
}

impl<C: Clone> Clone for Invocation<C> {
    fn clone(&self) -> Self {
        Self {
            context: self.context.clone(),
            params: self.params.clone(),
            paths: Arc::clone(&self.paths),
            deadline: self.deadline,
            target: self.target.clone(),
            progress: self.progress.attempt(),
        }
    }
}
