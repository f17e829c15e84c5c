//! One call, watched to the end of its last stream.
//!
//! What the streams of a call tell about it:
//!
//! | seen by who made the call | outcome |
//! |---|---|
//! | a read failed | its error |
//! | the results ended, or some were read and nobody waits for more | `ok` |
//! | a write failed | its error |
//! | the leaf has recorded a failure that nobody saw | that |
//! | the parameters were closed and nobody ever asked for results | `ok` |
//! | none of it | `cancelled` |
//!
//! | seen by who serves the call | outcome |
//! |---|---|
//! | the results failed to be written | why; `cancelled` if the caller gave up |
//! | the results were closed | `ok` |
//! | the parameters failed to be read | why; `cancelled` if the caller gave up |
//! | none of it | `target-failed`, which is what the caller gets |

mod flow;
mod future;
#[cfg(feature = "nats")]
mod served;
mod stream;

pub(crate) use self::flow::Flow;
pub use self::future::ResponseFuture;
#[cfg(feature = "nats")]
pub use self::served::ServedFuture;
pub use self::stream::Observed;
use crate::Outcome;

/// What is told how a call ended, once.
pub trait Observer: Send + Sync + Unpin + 'static {
    /// The call ended so.
    fn ended(&mut self, outcome: Outcome);

    /// Runs what is done for the call.
    fn within<R>(&self, work: impl FnOnce() -> R) -> R {
        work()
    }
}

/// Both are told.
impl<A: Observer, B: Observer> Observer for (A, B) {
    fn ended(&mut self, outcome: Outcome) {
        self.0.ended(outcome);
        self.1.ended(outcome);
    }

    fn within<R>(&self, work: impl FnOnce() -> R) -> R {
        let (a, b) = self;
        a.within(|| b.within(work))
    }
}
