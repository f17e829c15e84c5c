//! What decides when both directions of a call go their own way.

use core::time::Duration;
use std::io;

use tokio::time::Instant;
use wasmtime::component::Val;
use wrpc_middleware_errors::{Delivery, RpcError, RpcErrorKind};

use crate::guest::{published, relay};
use crate::host::{Guest, err, ok, rpc_error};
use crate::mock::{Failure, Script, Step, typed};

const APP: &str = "test:app/timing";

const WIT: &str = "
    package test:app;

    interface timing {
        use wrpc:errors/types@0.1.0.{rpc-error};
        get: func() -> result<u8, rpc-error>;
        poke: func() -> result<_, rpc-error>;
        nothing: func();
    }

    world guest {
        import timing;
        export timing;
    }
";

fn guest() -> Guest {
    Guest::new(&relay(published(), WIT, &[]), |linker| linker)
}

fn answer() -> Vec<Step> {
    vec![Step::Bytes(vec![0, 7])]
}

fn fail(error: &RpcError) -> Vec<Step> {
    vec![Step::Fail(Failure::Typed(error.clone()))]
}

fn later(steps: Vec<Step>) -> Vec<Step> {
    [vec![Step::Sleep(Duration::from_millis(10))], steps].concat()
}

#[tokio::test(start_paused = true)]
async fn complete_results_are_a_success_whatever_becomes_of_the_parameters() {
    let guest = guest();
    let broken = typed(RpcErrorKind::Transport, Delivery::Unknown);
    for (flush, results) in [
        (fail(&broken), answer()),
        (fail(&broken), later(answer())),
        (later(fail(&broken)), answer()),
        (vec![Step::Hang], answer()),
        (vec![Step::Hang], later(answer())),
        (
            vec![Step::Fail(Failure::Io(io::ErrorKind::BrokenPipe))],
            later(answer()),
        ),
    ] {
        let script = Script {
            flush,
            results,
            ..Script::default()
        };
        let result = guest.call(script.clone(), APP, "get", &[]).await;
        assert_eq!(result.unwrap(), Some(ok(Some(Val::U8(7)))), "{script:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_error_of_the_results_says_more_than_that_of_the_parameters() {
    let guest = guest();
    let broken = typed(RpcErrorKind::Transport, Delivery::Unknown);
    let failed = typed(RpcErrorKind::TargetFailed, Delivery::Accepted);
    for (flush, results) in [
        (fail(&broken), fail(&failed)),
        (fail(&broken), later(fail(&failed))),
        (later(fail(&broken)), fail(&failed)),
        (vec![Step::Hang], fail(&failed)),
    ] {
        let script = Script {
            flush,
            results,
            ..Script::default()
        };
        let result = guest.call(script.clone(), APP, "get", &[]).await;
        assert_eq!(result.unwrap(), Some(err(rpc_error(&failed))), "{script:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_that_was_not_sent_waits_for_no_results() {
    let guest = guest();
    let absent = typed(RpcErrorKind::TargetUnavailable, Delivery::NotSent);
    let script = Script {
        flush: fail(&absent),
        results: vec![Step::Hang],
        ..Script::default()
    };
    let start = Instant::now();
    let result = guest.call(script, APP, "get", &[]).await;
    assert_eq!(result.unwrap(), Some(err(rpc_error(&absent))));
    assert_eq!(start.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn results_that_never_come_after_a_broken_write_are_given_up_soon() {
    let guest = guest();
    for error in [
        typed(RpcErrorKind::Transport, Delivery::Unknown),
        typed(RpcErrorKind::Timeout, Delivery::Accepted),
    ] {
        let script = Script {
            flush: fail(&error),
            results: vec![Step::Hang],
            ..Script::default()
        };
        let start = Instant::now();
        let result = guest.call(script, APP, "get", &[]).await;
        assert_eq!(result.unwrap(), Some(err(rpc_error(&error))));
        assert!(start.elapsed() <= Duration::from_millis(101), "{error}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_function_without_a_value_waits_for_the_target_to_close() {
    let guest = guest();
    let closes = Duration::from_secs(5);
    let script = Script {
        results: vec![Step::Sleep(closes)],
        ..Script::default()
    };
    let start = Instant::now();
    assert_eq!(guest.call(script, APP, "nothing", &[]).await.unwrap(), None);
    assert_eq!(start.elapsed(), closes);
}

#[tokio::test(start_paused = true)]
async fn a_function_without_a_value_fails_with_what_comes_instead_of_the_close() {
    let guest = guest();
    let failed = typed(RpcErrorKind::TargetFailed, Delivery::Accepted);
    for (results, kind, delivery) in [
        (later(fail(&failed)), failed.kind(), failed.delivery()),
        (
            later(vec![Step::Fail(Failure::Io(
                io::ErrorKind::ConnectionReset,
            ))]),
            RpcErrorKind::Transport,
            Delivery::Unknown,
        ),
        (answer(), RpcErrorKind::Protocol, Delivery::Accepted),
    ] {
        let script = Script {
            results,
            ..Script::default()
        };
        let trap = guest.call(script, APP, "nothing", &[]).await.unwrap_err();
        let found = RpcError::classify(trap);
        assert_eq!((found.kind(), found.delivery()), (kind, delivery));
    }
}

#[tokio::test(start_paused = true)]
async fn a_result_without_payload_is_read_as_a_value() {
    let guest = guest();
    // It is there before the target has closed.
    let script = Script {
        results: vec![Step::Bytes(vec![0]), Step::Hang],
        ..Script::default()
    };
    let result = guest.call(script, APP, "poke", &[]).await;
    assert_eq!(result.unwrap(), Some(ok(None)));
    // A target that ends without one has failed.
    let result = guest.call(Script::default(), APP, "poke", &[]).await;
    let error = RpcError::new(
        RpcErrorKind::TargetFailed,
        Delivery::Accepted,
        format!("{APP}#poke: the stream ended before the value was complete"),
    );
    assert_eq!(result.unwrap(), Some(err(rpc_error(&error))));
}

#[tokio::test(start_paused = true)]
async fn more_than_the_declared_result_is_another_type() {
    let guest = guest();
    for func in ["get", "poke"] {
        let script = Script {
            results: vec![Step::Bytes(vec![0, 7, 0xff])],
            ..Script::default()
        };
        let result = guest.call(script, APP, func, &[]).await;
        let error = RpcError::new(
            RpcErrorKind::Protocol,
            Delivery::Accepted,
            format!("{APP}#{func}: there is more than the declared values"),
        );
        assert_eq!(result.unwrap(), Some(err(rpc_error(&error))), "{func}");
    }
}
