//! How a call ended.

use core::fmt;

use wrpc_middleware_errors::{Delivery, RpcError, RpcErrorKind};

/// How a call ended, as metrics and spans tell it.
///
/// An `err` that the target returned travelled as a value: the call was [`Ok`](Self::Ok).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// It was answered.
    Ok,
    /// It failed, so.
    Failed(RpcErrorKind, Delivery),
    /// It was dropped before its end, by its caller. On the side that serves it: its caller gave
    /// up, or what ran for it was dropped.
    Cancelled(Delivery),
}

/// As many as [`Outcome::class`] tells apart.
pub(crate) const CLASSES: usize = 2 + RpcErrorKind::ALL.len();

/// As many as [`Outcome::index`] tells apart.
pub(crate) const INDICES: usize = 1 + DELIVERIES * (CLASSES - 1);

const DELIVERIES: usize = 3;

impl Outcome {
    /// The outcome of a call that failed with `error`.
    #[must_use]
    pub fn of(error: &RpcError) -> Self {
        Self::Failed(error.kind(), error.delivery())
    }

    /// Its name: `ok`, the case of `rpc-error`, or `cancelled`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Failed(kind, _) => kind.as_str(),
            Self::Cancelled(_) => "cancelled",
        }
    }

    /// Whether the target may have run the call that it did not answer.
    #[must_use]
    pub const fn delivery(self) -> Option<Delivery> {
        match self {
            Self::Ok => None,
            Self::Failed(_, delivery) | Self::Cancelled(delivery) => Some(delivery),
        }
    }

    /// The number of its name.
    pub(crate) fn class(self) -> usize {
        match self {
            Self::Ok => 0,
            Self::Cancelled(_) => 1,
            Self::Failed(kind, _) => {
                let kinds = RpcErrorKind::ALL.iter();
                let number = kinds.take_while(|known| **known != kind).count();
                // A kind of a later version would be as `other`, the last.
                2 + number.min(RpcErrorKind::ALL.len() - 1)
            }
        }
    }

    /// The number of its name and delivery.
    pub(crate) fn index(self) -> usize {
        let delivery = match self.delivery() {
            None => return 0,
            Some(Delivery::NotSent) => 0,
            Some(Delivery::Unknown) => 1,
            Some(_) => 2,
        };
        1 + DELIVERIES * (self.class() - 1) + delivery
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_outcome_has_a_number_of_its_own() {
        let deliveries = [Delivery::NotSent, Delivery::Unknown, Delivery::Accepted];
        let failed = RpcErrorKind::ALL
            .into_iter()
            .flat_map(|kind| deliveries.map(|delivery| Outcome::Failed(kind, delivery)));
        let cancelled = deliveries.map(Outcome::Cancelled);
        let all: Vec<_> = failed.chain(cancelled).chain([Outcome::Ok]).collect();
        let indices: HashSet<_> = all.iter().map(|outcome| outcome.index()).collect();
        assert_eq!(indices, (0..INDICES).collect());
        let classes: HashSet<_> = all.iter().map(|outcome| outcome.class()).collect();
        assert_eq!(classes, (0..CLASSES).collect());
        let names: HashSet<_> = all.iter().map(|outcome| outcome.as_str()).collect();
        assert_eq!(names.len(), CLASSES);
    }
}
