//! Many threads that call one target which comes and goes.
//!
//! A stress test with an oracle rather than a model check: time is tokio's and the targets are in an
//! `arc-swap`, neither of which can be put under a model checker from outside.

use std::thread;

use super::*;

const THREADS: usize = 4;
const CALLS: usize = 3000;

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

#[test]
fn one_call_at_a_time_probes_a_target() {
    let told: Arc<Mutex<Told>> = Arc::default();
    let observer = Arc::clone(&told);
    let layer = TargetLivenessLayer::new(Duration::ZERO)
        .silences(2)
        .open(Duration::from_micros(20))
        .observer(move |_: Option<&Target>, state| observer.lock().unwrap().hear(state));
    let targets = Targets::new(layer);
    let target = Target::new("target").unwrap();
    thread::scope(|scope| {
        for thread in 0..THREADS {
            let (targets, target) = (&targets, &target);
            scope.spawn(move || {
                for n in 0..CALLS {
                    let Some(mut admission) = targets.admit(Some(target)) else {
                        thread::yield_now();
                        continue;
                    };
                    admission.waits();
                    if admission.probe.is_some() {
                        // Long enough for another to try the same.
                        thread::sleep(Duration::from_micros(50));
                    }
                    match (thread + n) % 16 {
                        0 => admission.accepted(&Progress::new("a:b/c".into(), "f".into())),
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
    assert!(told.probes > 10, "{} probes", told.probes);
    // Nobody is left who could end a probe.
    let known = targets.known(&target).unwrap();
    let health = known.lock();
    assert_eq!(health.probe, None);
    assert_eq!(
        health.open_until.is_some(),
        known.open.load(Ordering::Acquire)
    );
}
