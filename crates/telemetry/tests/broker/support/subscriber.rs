//! Who is interested in spans, on one thread.

use std::sync::OnceLock;

use tracing::subscriber::{DefaultGuard, NoSubscriber, set_default};
use tracing::{Dispatch, Subscriber};

/// As long as there is a single subscriber in a process, `tracing` asks the one of the thread that
/// meets a span first, and other tests run on other threads, without any.
static OTHERS: OnceLock<[Dispatch; 2]> = OnceLock::new();

/// Makes `subscriber` that of this thread, until what this returns is dropped.
pub fn subscribe(subscriber: impl Subscriber + Send + Sync + 'static) -> DefaultGuard {
    OTHERS.get_or_init(|| [(); 2].map(|()| Dispatch::new(NoSubscriber::new())));
    set_default(subscriber)
}
