//! The five ways in which a function returns a failure of its call.

use std::io;

use wasmtime::component::Val;
use wrpc_middleware_errors::{Delivery, RpcError, RpcErrorKind};

use crate::guest::{published, relay};
use crate::host::{Guest, case, err, failure, ok, rpc_error, text};
use crate::mock::{Failure, Script, Step, typed};

const APP: &str = "test:app/greeter@0.1.0";

const WIT: &str = "
    package test:app@0.1.0;

    interface greeter {
        use wrpc:errors/types@0.1.0.{rpc-error};
        variant own-error { busy, rpc(rpc-error), second(rpc-error) }
        variant text-error { busy, bad-name(string), other(string) }
        variant closed { busy, named(string) }
        greet: func(name: string) -> result<string, rpc-error>;
        poke: func() -> result<_, rpc-error>;
        mine: func() -> result<u8, own-error>;
        text: func() -> result<u8, string>;
        text-case: func() -> result<u8, text-error>;
        shut: func() -> result<u8, closed>;
        unit: func() -> result<u8>;
        plain: func() -> u8;
        nothing: func();
    }

    world guest {
        import greeter;
        export greeter;
    }
";

fn guest(string_errors: bool) -> Guest {
    Guest::new(&relay(published(), WIT, &[]), |linker| {
        linker.string_errors(string_errors)
    })
}

/// What a failure becomes, for each row that has a value for it.
fn failed(func: &str, error: &RpcError) -> Val {
    match func {
        "greet" | "poke" => err(rpc_error(error)),
        "mine" => err(case("rpc", rpc_error(error))),
        "text" => err(text(&error.to_string())),
        "text-case" => err(case("other", text(&error.to_string()))),
        _ => unreachable!(),
    }
}

fn params(func: &str) -> Vec<Val> {
    if func == "greet" {
        vec![text("bob")]
    } else {
        Vec::new()
    }
}

#[test]
fn the_first_row_that_fits_is_reported() {
    let rows = |string_errors| {
        let functions = guest(string_errors).linked.functions;
        functions
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
    };
    let row = |func: &str, row: &str| format!("{APP}#{func} -> {row}");
    assert_eq!(
        rows(true),
        [
            row("greet", "rpc-error"),
            row("poke", "rpc-error"),
            row("mine", "rpc(rpc-error)"),
            row("text", "string"),
            row("text-case", "other(string)"),
            row("shut", "trap"),
            row("unit", "trap"),
            row("plain", "trap"),
            row("nothing", "trap"),
        ]
    );
    assert_eq!(
        rows(false)[3..5],
        [row("text", "trap"), row("text-case", "trap")]
    );
}

#[tokio::test(start_paused = true)]
async fn values_arrive_as_the_target_sent_them() {
    let guest = guest(true);
    // The last case of `rpc-error`, with a delivery of the target's own call.
    let denied = b"\x01\x01\x00\x04gone";
    let sent = rpc_error(&RpcError::new(
        RpcErrorKind::LinkDenied,
        Delivery::NotSent,
        "gone",
    ));
    for (func, bytes, expected) in [
        ("greet", &b"\0\x02hi"[..], ok(Some(text("hi")))),
        ("greet", denied, err(sent.clone())),
        ("poke", b"\0", ok(None)),
        ("poke", denied, err(sent.clone())),
        ("mine", b"\0\x07", ok(Some(Val::U8(7)))),
        ("mine", b"\x01\0", err(Val::Variant("busy".into(), None))),
        (
            "mine",
            b"\x01\x02\x01\x00\x04gone",
            err(case("second", sent)),
        ),
        ("text", b"\x01\x02no", err(text("no"))),
        (
            "text-case",
            b"\x01\x01\x01x",
            err(case("bad-name", text("x"))),
        ),
        ("shut", b"\x01\0", err(Val::Variant("busy".into(), None))),
        ("unit", b"\x01", Val::Result(Err(None))),
        ("plain", b"\x2a", Val::U8(42)),
    ] {
        let result = guest
            .call(Script::answer(bytes), APP, func, &params(func))
            .await;
        assert_eq!(result.unwrap(), Some(expected), "{func} {bytes:?}");
    }
    let result = guest.call(Script::default(), APP, "nothing", &[]).await;
    assert_eq!(result.unwrap(), None);
}

#[tokio::test(start_paused = true)]
async fn every_kind_of_failure_is_a_value_of_the_functions_own_type() {
    let guest = guest(true);
    for kind in RpcErrorKind::ALL {
        for delivery in Delivery::ALL {
            for func in ["greet", "poke", "mine", "text", "text-case"] {
                let error = typed(kind, delivery);
                let script = Script::refuse(error.clone());
                let result = guest.call(script, APP, func, &params(func)).await;
                let expected = failed(func, &error);
                assert_eq!(result.unwrap(), Some(expected), "{func} {kind} {delivery}");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_has_no_value_for_a_failure_traps_with_the_failure_as_its_cause() {
    let guest = guest(false);
    for kind in RpcErrorKind::ALL {
        for func in ["text", "text-case", "shut", "unit", "plain", "nothing"] {
            let error = typed(kind, Delivery::Unknown);
            let script = Script::refuse(error.clone());
            let trap = guest.call(script, APP, func, &[]).await.unwrap_err();
            let chain: Vec<String> = trap.chain().map(ToString::to_string).collect();
            assert!(chain.contains(&error.to_string()), "{func}: {chain:?}");
            let found = RpcError::classify(trap);
            assert_eq!(found.kind(), kind, "{func}");
            assert_eq!(found.delivery(), Delivery::Unknown, "{func}");
        }
    }
}

/// A place for the call to fail at, and the case, the delivery and the reason that it has to be.
type Failed = (&'static str, Script, RpcErrorKind, Delivery, &'static str);

fn failures() -> Vec<Failed> {
    let io = |kind| vec![Step::Fail(Failure::Io(kind))];
    let bytes = |bytes: &[u8]| Step::Bytes(bytes.to_vec());
    vec![
        (
            "invoke, untyped",
            Script {
                invoke: io(io::ErrorKind::ConnectionRefused),
                ..Script::default()
            },
            RpcErrorKind::Transport,
            Delivery::Unknown,
            "the connection failed",
        ),
        (
            "flush, untyped, nobody there",
            Script {
                flush: io(io::ErrorKind::NotConnected),
                results: vec![Step::Hang],
                ..Script::default()
            },
            RpcErrorKind::Transport,
            Delivery::Unknown,
            "the connection failed",
        ),
        (
            "results, untyped, at once",
            Script {
                results: io(io::ErrorKind::ConnectionReset),
                ..Script::default()
            },
            RpcErrorKind::Transport,
            Delivery::Unknown,
            "the connection failed",
        ),
        (
            "results, untyped, after a byte",
            Script {
                results: [vec![bytes(b"\0")], io(io::ErrorKind::ConnectionReset)].concat(),
                ..Script::default()
            },
            RpcErrorKind::Transport,
            Delivery::Accepted,
            "the connection failed",
        ),
        (
            "closed at once",
            Script::default(),
            RpcErrorKind::TargetFailed,
            Delivery::Accepted,
            "the stream ended before the value was complete",
        ),
        (
            "closed in the middle",
            Script::answer(b"\0\x05he"),
            RpcErrorKind::TargetFailed,
            Delivery::Accepted,
            "the stream ended before the value was complete",
        ),
        (
            "no result",
            Script::answer(b"\x07"),
            RpcErrorKind::Protocol,
            Delivery::Accepted,
            "a `result` starts with 7, neither 0 nor 1",
        ),
        (
            "more than the limit",
            Script::answer(b"\0\xff\xff\xff\xff\x0f"),
            RpcErrorKind::Protocol,
            Delivery::Accepted,
            "the values exceed the limit of 67108864 bytes",
        ),
    ]
}

#[tokio::test(start_paused = true)]
async fn whatever_a_call_fails_at_it_names_the_function_and_no_address() {
    let guest = guest(false);
    for (place, script, kind, delivery, reason) in failures() {
        let result = guest.call(script, APP, "greet", &[text("bob")]).await;
        let message = format!("{APP}#greet: {reason}");
        let expected = case(kind.as_str(), failure(delivery.as_str(), &message));
        assert_eq!(result.unwrap(), Some(err(expected)), "{place}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_error_of_the_stack_is_left_as_it_is_wherever_it_arises() {
    let guest = guest(false);
    let error = typed(RpcErrorKind::Overloaded, Delivery::Accepted);
    let fail = || vec![Step::Fail(Failure::Typed(error.clone()))];
    for (place, script) in [
        (
            "invoke",
            Script {
                invoke: fail(),
                ..Script::default()
            },
        ),
        (
            "flush",
            Script {
                flush: fail(),
                results: vec![Step::Hang],
                ..Script::default()
            },
        ),
        (
            "results",
            Script {
                results: fail(),
                ..Script::default()
            },
        ),
    ] {
        for (func, expected) in [
            ("greet", err(rpc_error(&error))),
            ("poke", err(rpc_error(&error))),
        ] {
            let result = guest.call(script.clone(), APP, func, &params(func)).await;
            assert_eq!(result.unwrap(), Some(expected), "{func} at {place}");
        }
        let trap = guest.call(script, APP, "nothing", &[]).await.unwrap_err();
        let found = RpcError::classify(trap);
        assert_eq!(found.to_string(), error.to_string(), "at {place}");
    }
}

#[tokio::test]
async fn the_call_is_made_as_declared() {
    let guest = guest(false);
    let mut running = guest.start(Script::answer(b"\0\x02hi")).await;
    running.call(APP, "greet", &[text("bob")]).await.unwrap();
    let calls = running.mock().calls.lock().unwrap().clone();
    let [call] = calls.as_slice() else {
        panic!("{calls:?}");
    };
    assert_eq!(call.instance, APP);
    assert_eq!(call.func, "greet");
    assert_eq!(&call.params[..], b"\x03bob");
    assert!(call.paths.is_empty());
}
