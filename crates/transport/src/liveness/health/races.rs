//! Many threads that call one target which comes and goes.

use super::*;
use crate::sync::thread;

/// What was told of the target, which has to be a way through the states: from [`Closed`] to [`Open`],
/// from there to one probe at a time.
///
/// [`Closed`]: TargetState::Closed
/// [`Open`]: TargetState::Open
#[derive(Default)]
struct Told {
    now: Option<TargetState>,
    probes: usize,
    wrong: Vec<(Option<TargetState>, TargetState)>,
}

impl Told {
    fn hear(&mut self, state: TargetState) {
        use TargetState::{Closed, HalfOpen, Open};
        let is_right = matches!(
            (self.now, state),
            (None | Some(Closed | HalfOpen), Closed | Open) | (Some(Open), HalfOpen | Closed)
        );
        if !is_right {
            self.wrong.push((self.now, state));
        }
        self.probes += usize::from(state == HalfOpen);
        self.now = Some(state);
    }
}

/// Has so many threads make so many calls each, and returns how many of them probed the target.
fn calls(threads: usize, calls: usize, open: Duration) -> usize {
    let told: Arc<Mutex<Told>> = Arc::default();
    let observer = Arc::clone(&told);
    let layer = TargetLivenessLayer::new(Duration::ZERO)
        .silences(2)
        .open(open)
        .observer(move |_: Option<&Target>, state| observer.lock().unwrap().hear(state));
    let targets = Targets::new(layer);
    let target = Target::new("target").unwrap();
    thread::scope(|scope| {
        for thread in 0..threads {
            let (targets, target) = (&targets, &target);
            scope.spawn(move || {
                for n in 0..calls {
                    let Some(mut admission) = targets.admit(Some(target)) else {
                        thread::yield_now();
                        continue;
                    };
                    admission.waits_since(Instant::now());
                    if admission.probe.is_some() {
                        // Long enough for another to try the same.
                        thread::sleep(open * 2);
                    }
                    match (thread + n) % 16 {
                        0 => admission.accepted(&Progress::new("a:b/c", "f")),
                        1 => admission.absent(),
                        2..4 => drop(admission),
                        _ => admission.silent(),
                    }
                }
            });
        }
    });
    let told = told.lock().unwrap();
    assert_eq!(told.wrong, [], "told in another order");
    // Nobody is left who could end a probe.
    let known = targets.known(&target).unwrap();
    let health = known.lock();
    assert_eq!(health.probe, None);
    assert_eq!(
        health.open_until.is_some(),
        known.open.load(Ordering::Acquire)
    );
    told.probes
}

#[cfg(not(shuttle))]
#[test]
fn one_call_at_a_time_probes_a_target() {
    let probes = calls(4, 3000, Duration::from_micros(20));
    assert!(probes > 10, "{probes} probes");
}

#[cfg(shuttle)]
#[test]
fn one_call_at_a_time_probes_a_target() {
    use std::sync::atomic::AtomicUsize;
    let probes = Arc::new(AtomicUsize::new(0));
    let all = Arc::clone(&probes);
    wrpc_middleware_testing::interleavings::interleave(move || {
        all.fetch_add(calls(3, 6, Duration::ZERO), Ordering::Relaxed);
    });
    let probes = probes.load(Ordering::Relaxed);
    assert!(probes > 10, "{probes} probes");
}
