//! The host's own bound on a call.

use core::time::Duration;

use tokio::time::{Instant, timeout};
use wasmtime::component::Val;
use wrpc_middleware_errors::{Delivery, RpcError, RpcErrorKind};

use crate::guest::{published, relay};
use crate::host::{Guest, err, ok, rpc_error, text};
use crate::mock::{Script, Step};

const APP: &str = "test:app/greeter";

const WIT: &str = "
    package test:app;

    interface greeter {
        use wrpc:errors/types@0.1.0.{rpc-error};
        greet: func(name: string) -> result<string, rpc-error>;
        nothing: func();
    }

    world guest {
        import greeter;
        export greeter;
    }
";

const LIMIT: Duration = Duration::from_secs(2);

fn guest() -> Guest {
    Guest::new(&relay(published(), WIT, &[]), |linker| linker)
}

fn late(delivery: Delivery) -> RpcError {
    RpcError::new(
        RpcErrorKind::Timeout,
        delivery,
        format!("{APP}#greet: the time that the host gives a call passed"),
    )
}

async fn greet(
    guest: &Guest,
    script: Script,
    limit: Option<Duration>,
) -> wasmtime::Result<Option<Val>> {
    let mut running = guest.start(script).await;
    running.store.data_mut().ctx.timeout = limit;
    let result = running.call(APP, "greet", &[text("bob")]).await;
    assert_eq!(running.mock().alive(), 0, "the call is given up");
    result
}

/// One byte of a long string every tenth of a second, for ever.
fn drip() -> Vec<Step> {
    let drop = [
        Step::Sleep(Duration::from_millis(100)),
        Step::Bytes(vec![b'x']),
    ];
    let head = Step::Bytes(vec![0, 0xff, 0x7f]);
    [head]
        .into_iter()
        .chain(core::iter::repeat_n(drop, 1000).flatten())
        .collect()
}

#[tokio::test(start_paused = true)]
async fn one_deadline_bounds_the_whole_call() {
    let guest = guest();
    let most = Step::Sleep(LIMIT * 3 / 4);
    for (script, delivery) in [
        (
            Script {
                invoke: vec![Step::Hang],
                ..Script::default()
            },
            Delivery::Unknown,
        ),
        (
            Script {
                flush: vec![Step::Hang],
                results: vec![Step::Hang],
                ..Script::default()
            },
            Delivery::Unknown,
        ),
        (
            Script {
                results: vec![Step::Hang],
                ..Script::default()
            },
            Delivery::Unknown,
        ),
        // Each phase is in time, the call is not.
        (
            Script {
                invoke: vec![most.clone()],
                results: vec![most, Step::Bytes(vec![0]), Step::Hang],
                ..Script::default()
            },
            Delivery::Unknown,
        ),
        (
            Script {
                results: drip(),
                ..Script::default()
            },
            Delivery::Accepted,
        ),
    ] {
        let start = Instant::now();
        let result = greet(&guest, script, Some(LIMIT)).await;
        let elapsed = start.elapsed();
        assert!(
            elapsed >= LIMIT && elapsed < LIMIT + Duration::from_millis(2),
            "{elapsed:?}"
        );
        assert_eq!(result.unwrap(), Some(err(rpc_error(&late(delivery)))));
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_within_the_limit_is_left_alone() {
    let guest = guest();
    let script = Script {
        invoke: vec![Step::Sleep(LIMIT / 4)],
        flush: vec![Step::Sleep(LIMIT / 4)],
        results: vec![Step::Sleep(LIMIT / 2), Step::Bytes(b"\0\x02hi".to_vec())],
        ..Script::default()
    };
    let result = greet(&guest, script, Some(LIMIT)).await;
    assert_eq!(result.unwrap(), Some(ok(Some(text("hi")))));
}

#[tokio::test(start_paused = true)]
async fn what_has_no_value_for_it_traps_with_the_timeout() {
    let guest = guest();
    let script = Script {
        results: vec![Step::Hang],
        ..Script::default()
    };
    let mut running = guest.start(script).await;
    running.store.data_mut().ctx.timeout = Some(LIMIT);
    let trap = running.call(APP, "nothing", &[]).await.unwrap_err();
    let found = RpcError::classify(trap);
    assert_eq!(found.kind(), RpcErrorKind::Timeout);
    assert_eq!(found.delivery(), Delivery::Unknown);
}

#[tokio::test(start_paused = true)]
async fn without_a_limit_a_call_takes_as_long_as_the_target_does() {
    let guest = guest();
    let day = Duration::from_hours(24);
    let script = Script {
        results: vec![Step::Sleep(day), Step::Bytes(b"\0\x02hi".to_vec())],
        ..Script::default()
    };
    let result = greet(&guest, script, None).await;
    assert_eq!(result.unwrap(), Some(ok(Some(text("hi")))));

    let script = Script {
        results: vec![Step::Hang],
        ..Script::default()
    };
    let mut running = guest.start(script).await;
    let params = [text("bob")];
    let call = running.call(APP, "greet", &params);
    assert!(timeout(day, call).await.is_err());
}
