//! Turns, and what becomes of rows that fail.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;

const LOAD: Load = Load {
    concurrency: 3,
    payload: 16,
    rounds: 4,
    turn: Duration::from_millis(1),
    warm_up: Duration::ZERO,
    grace: Duration::from_millis(20),
};

fn logged(name: &'static str, log: &Arc<Mutex<Vec<&'static str>>>) -> Contender {
    let log = Arc::clone(log);
    Contender::new(name, move || {
        let log = Arc::clone(&log);
        async move {
            Ok(move || {
                log.lock().unwrap().push(name);
                Box::pin(tokio::task::yield_now()).into_ok()
            })
        }
    })
}

/// A future of a call that can't fail.
trait IntoOk: Future<Output = ()> + Send + Sized + 'static {
    fn into_ok(self) -> BoxFuture<'static, anyhow::Result<()>> {
        Box::pin(async {
            self.await;
            Ok(())
        })
    }
}

impl<F: Future<Output = ()> + Send + 'static> IntoOk for F {}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_take_turns_in_changing_order() {
    let log = Arc::default();
    let rows = ["a", "b", "c"].map(|name| logged(name, &log));
    let comparison = compare("title", "a", LOAD, rows.into()).await;
    assert_eq!(comparison.baseline, "a");
    for row in &comparison.rows {
        assert_eq!(row.rounds.len(), LOAD.rounds);
        assert!(row.rounds.iter().all(|round| round.calls >= 3));
        assert!(row.latency.p50_ns > 0 && row.latency.p50_ns <= row.latency.max_ns);
    }
    let mut turns = log.lock().unwrap().clone();
    turns.dedup();
    // The warm-up, then a round each; where two rounds meet, one row has two turns.
    assert_eq!(
        turns.concat(),
        "abc abc cba bca acb"
            .replace(' ', "")
            .replace("cc", "c")
            .replace("aa", "a")
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_time_of_a_call_is_its_latency_and_its_cpu_time() {
    const BUSY: Duration = Duration::from_millis(5);
    let contender = Contender::new("busy", || async {
        Ok(|| -> BoxFuture<'static, _> {
            let begun = cpu_time().unwrap();
            while cpu_time().unwrap() - begun < nanoseconds(BUSY) {}
            Box::pin(async { Ok(()) })
        })
    });
    let load = Load {
        concurrency: 1,
        grace: Duration::from_mins(1),
        ..LOAD
    };
    let comparison = compare("title", "busy", load, vec![contender]).await;
    let [row] = &comparison.rows[..] else {
        panic!("one row");
    };
    assert!(row.latency.p50_ns >= nanoseconds(BUSY) / 2, "{row:?}");
    for round in &row.rounds {
        assert!(round.cpu_ns >= round.calls * nanoseconds(BUSY), "{round:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_without_an_answer_are_counted_and_replaced() {
    let calls = Arc::new(AtomicUsize::new(0));
    let contender = Contender::new("lossy", move || {
        let calls = Arc::clone(&calls);
        async move {
            Ok(move || {
                // The warm-up takes the first three.
                let lost = calls.fetch_add(1, Ordering::Relaxed) == 3;
                let call: BoxFuture<'static, anyhow::Result<()>> = if lost {
                    Box::pin(core::future::pending())
                } else {
                    Box::pin(async { Ok(()) })
                };
                call
            })
        }
    });
    let comparison = compare("title", "lossy", LOAD, vec![contender]).await;
    let [row] = &comparison.rows[..] else {
        panic!("one row");
    };
    assert_eq!((row.unanswered, row.rounds.len()), (1, LOAD.rounds));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_round_without_an_answer_is_one_of_many() {
    let calls = Arc::new(AtomicUsize::new(0));
    let contender = |first_lost: usize, last_lost: usize| {
        let calls = Arc::clone(&calls);
        Contender::new("lossy", move || {
            let calls = Arc::clone(&calls);
            async move {
                Ok(move || -> BoxFuture<'static, anyhow::Result<()>> {
                    let call = calls.fetch_add(1, Ordering::Relaxed);
                    if (first_lost..=last_lost).contains(&call) {
                        Box::pin(core::future::pending())
                    } else {
                        Box::pin(async { Ok(()) })
                    }
                })
            }
        })
    };
    let load = Load {
        concurrency: 1,
        ..LOAD
    };
    // The first call is the warm-up's.
    let comparison = compare("title", "lossy", load, vec![contender(1, 1)]).await;
    let [row] = &comparison.rows[..] else {
        panic!("one row");
    };
    assert_eq!((row.unanswered, row.failed.as_deref()), (1, None));
    let answered: Vec<_> = row.rounds.iter().map(|round| round.calls > 0).collect();
    assert_eq!(answered, [false, true, true, true]);

    // What ended before a call that never does is not lost with it.
    calls.store(0, Ordering::Relaxed);
    let long = Load {
        rounds: 1,
        turn: Duration::from_millis(200),
        ..load
    };
    let comparison = compare("title", "lossy", long, vec![contender(5, 5)]).await;
    let [row] = &comparison.rows[..] else {
        panic!("one row");
    };
    let ended: Vec<_> = row.rounds.iter().map(|round| round.calls).collect();
    assert_eq!((ended, row.unanswered), (vec![4], 1));

    let comparison = compare("title", "lossy", load, vec![contender(0, usize::MAX)]).await;
    let [row] = &comparison.rows[..] else {
        panic!("one row");
    };
    assert_eq!(row.failed.as_deref(), Some("no call was answered"));
    // Not a fourth, where it is plain that nothing comes.
    assert_eq!(row.unanswered, 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_row_that_fails_says_why_and_stops_no_other() {
    let failing = Contender::new("failing", || async {
        Ok(|| -> BoxFuture<'static, _> { Box::pin(async { anyhow::bail!("broken") }) })
    });
    let left_out = Contender::skipped("left out", "too large");
    let log = Arc::default();
    let rows = vec![failing, left_out, logged("good", &log)];
    let comparison = compare("title", "good", LOAD, rows).await;
    let rows: Vec<_> = comparison
        .rows
        .iter()
        .map(|row| {
            (
                row.rounds.len(),
                row.failed.as_deref(),
                row.skipped.as_deref(),
            )
        })
        .collect();
    assert_eq!(
        rows,
        [
            (0, Some("broken"), None),
            (0, None, Some("too large")),
            (LOAD.rounds, None, None)
        ]
    );
}
