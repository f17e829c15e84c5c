//! The Wasmtime engine that all components of the process share.

use core::num::NonZeroUsize;
use core::time::Duration;

use tokio::time::Instant;
use wasmtime::{
    Config, Engine, InstanceAllocationStrategy, PoolingAllocationConfig, Store, UpdateDeadline,
};

/// How long a guest may compute before it lets others run.
pub(crate) const TICK: Duration = Duration::from_millis(5);

/// How many turns of tasks may pass before Tokio looks at the network again. By its default, 61,
/// guests that compute would keep everybody else off the network for a third of a second.
pub const EVENT_INTERVAL: u32 = 8;

/// Frames of a trap's backtrace, for those who ask for them by `RUST_LOG=debug`.
const BACKTRACE_FRAMES: NonZeroUsize = NonZeroUsize::MIN.saturating_add(31);

/// An engine whose guests give way every few milliseconds, so that a computing guest neither
/// keeps others waiting nor outlives its call: dropping the call's future, store and all, ends it.
///
/// # Errors
///
/// The machine is one that Wasmtime can't run on, or the clock's thread can't be started.
pub fn new() -> anyhow::Result<Engine> {
    with(InstanceAllocationStrategy::OnDemand)
}

/// The same, whose instances live in places that are set aside at the start. Making one is then a
/// matter of microseconds, and there are never more than there are places.
///
/// # Errors
///
/// Those of [`new`], and that the pool does not fit into the address space.
pub(crate) fn pooled(pool: PoolingAllocationConfig) -> anyhow::Result<Engine> {
    with(InstanceAllocationStrategy::Pooling(pool))
}

fn with(allocation: InstanceAllocationStrategy) -> anyhow::Result<Engine> {
    let mut config = Config::new();
    config.allocation_strategy(allocation);
    config.epoch_interruption(true);
    let frames = tracing::enabled!(tracing::Level::DEBUG).then_some(BACKTRACE_FRAMES);
    config.wasm_backtrace_max_frames(frames);
    let engine = Engine::new(&config)?;
    let clock = engine.weak();
    // A thread and not a task: guests that never give way would keep the task from running.
    std::thread::Builder::new()
        .name("epoch-clock".into())
        .spawn(move || {
            while let Some(engine) = clock.upgrade() {
                engine.increment_epoch();
                drop(engine);
                std::thread::sleep(TICK);
            }
        })?;
    Ok(engine)
}

/// A store whose guest gives way at every tick of its engine.
pub(crate) fn store<T: 'static>(engine: &Engine, data: T) -> Store<T> {
    let mut store = Store::new(engine, data);
    store.set_epoch_deadline(1);
    store.epoch_deadline_async_yield_and_update(1);
    store
}

/// The trap of a guest that computed past its deadline.
#[derive(Debug, thiserror::Error)]
#[error("the guest was still computing when its time was up")]
pub(crate) struct DeadlinePassed;

/// Has the guest of a [`store`] trap with [`DeadlinePassed`] at the first tick after `deadline`.
///
/// A guest that waits for its host at that time is not ended by this.
pub(crate) fn trap_at<T: 'static>(store: &mut Store<T>, deadline: Instant) {
    store.epoch_deadline_callback(move |_| {
        if Instant::now() < deadline {
            Ok(UpdateDeadline::Yield(1))
        } else {
            Err(wasmtime::Error::new(DeadlinePassed))
        }
    });
}
