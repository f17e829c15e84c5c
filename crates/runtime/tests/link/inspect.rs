//! Upstream's error resource, and what is inside of it.

use std::io;

use wasmtime::component::{Resource, ResourceAny, Val};
use wit_parser::Resolve;
use wrpc_middleware_errors::{Delivery, RpcError, RpcErrorKind};
use wrpc_middleware_runtime::rpc;

use crate::guest::{published, relay};
use crate::host::{Guest, Running, case, entries, ok, rpc_error, text, upstream};
use crate::mock::{Script, typed};

const APP: &str = "test:app/opener";

const WIT: &str = "
    package test:app;

    interface opener {
        use wrpc:rpc/error@0.1.0.{error};
        open: func() -> result<u8, error>;
        touch: func() -> result<_, error>;
    }

    world guest {
        import wrpc:errors/inspect@0.1.0;
        import opener;
        use wrpc:rpc/error@0.1.0.{error};
        use wrpc:errors/types@0.1.0.{rpc-error};
        export open: func() -> result<u8, error>;
        export touch: func() -> result<_, error>;
        export show: func(error: borrow<error>) -> string;
        export look: func(error: borrow<error>) -> option<rpc-error>;
    }
";

const PAIRS: [(&str, &str, &str); 4] = [
    ("open", APP, "open"),
    ("touch", APP, "touch"),
    (
        "show",
        "wrpc:rpc/error@0.1.0",
        "[method]error.to-debug-string",
    ),
    ("look", "wrpc:errors/inspect@0.1.0", "rpc-error-of"),
];

fn guest() -> Guest {
    let binary = relay(published(), WIT, &PAIRS);
    Guest::with_linker(&binary, upstream, |linker| linker).unwrap()
}

fn resource(result: Option<Val>) -> ResourceAny {
    match result {
        Some(Val::Result(Err(Some(error)))) => match *error {
            Val::Resource(error) => error,
            error => panic!("{error:?}"),
        },
        result => panic!("{result:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn the_ok_value_alone_travels() {
    let guest = guest();
    let result = guest.call(Script::answer(b"\x07"), "", "open", &[]).await;
    assert_eq!(result.unwrap(), Some(ok(Some(Val::U8(7)))));
    // Without a value, it is the close that counts.
    let result = guest.call(Script::default(), "", "touch", &[]).await;
    assert_eq!(result.unwrap(), Some(ok(None)));
}

#[tokio::test(start_paused = true)]
async fn a_failure_is_the_resource_with_the_failure_inside() {
    let guest = guest();
    for kind in RpcErrorKind::ALL {
        for func in ["open", "touch"] {
            let error = typed(kind, Delivery::Unknown);
            let mut running = guest.start(Script::refuse(error.clone())).await;
            let resource = resource(running.call("", func, &[]).await.unwrap());
            let looked = running.call("", "look", &[Val::Resource(resource)]).await;
            let expected = Val::Option(Some(Box::new(rpc_error(&error))));
            assert_eq!(looked.unwrap(), Some(expected), "{func} {kind}");

            // Looking takes nothing away.
            let looked = running.call("", "look", &[Val::Resource(resource)]).await;
            assert!(matches!(looked, Ok(Some(Val::Option(Some(_))))));
            assert_eq!(entries(&mut running.store.data_mut().table), 1);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_guest_does_not_see_where_a_failure_comes_from() {
    let guest = guest();
    let error = RpcError::new(RpcErrorKind::Transport, Delivery::Unknown, "lost")
        .with_source("default.greeter at nats://10.0.0.1:4222");
    let mut running = guest.start(Script::refuse(error)).await;
    let resource = resource(running.call("", "open", &[]).await.unwrap());
    let shown = running.call("", "show", &[Val::Resource(resource)]).await;
    assert_eq!(shown.unwrap(), Some(text("transport: lost")));
}

/// What the guest gets to see of `error`, which the host made.
async fn look(running: &mut Running, error: rpc::Error) -> Val {
    let store = &mut running.store;
    let error: Resource<rpc::Error> = store.data_mut().table.push(error).unwrap();
    let error = ResourceAny::try_from_resource(error, &mut *store).unwrap();
    let looked = running.call("", "look", &[Val::Resource(error)]).await;
    looked.unwrap().unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_failure_is_found_wherever_upstream_keeps_it() {
    let guest = guest();
    let mut running = guest.start(Script::default()).await;
    let error = typed(RpcErrorKind::Overloaded, Delivery::NotSent);
    let io = || io::Error::from(error.clone());
    let context = || anyhow::Error::from(io()).context("one").context("two");
    for wrapped in [
        rpc::Error::Invoke(error.clone().into()),
        rpc::Error::Invoke(context()),
        rpc::Error::Invoke(anyhow::anyhow!("inner").context(error.clone())),
        rpc::Error::IncomingIndex(context()),
        rpc::Error::OutgoingIndex(context()),
        rpc::Error::Stream(rpc::StreamError::Read(io())),
        rpc::Error::Stream(rpc::StreamError::Write(io())),
        rpc::Error::Stream(rpc::StreamError::Flush(io())),
        rpc::Error::Stream(rpc::StreamError::Shutdown(io())),
    ] {
        let text = format!("{wrapped:?}");
        let expected = Val::Option(Some(Box::new(rpc_error(&error))));
        assert_eq!(look(&mut running, wrapped).await, expected, "{text}");
    }
    for other in [
        rpc::Error::Invoke(anyhow::anyhow!("no idea")),
        rpc::Error::Stream(rpc::StreamError::LockPoisoned),
        rpc::Error::Stream(rpc::StreamError::TypeMismatch("type")),
        rpc::Error::Stream(rpc::StreamError::Read(io::ErrorKind::TimedOut.into())),
    ] {
        let text = format!("{other:?}");
        assert_eq!(look(&mut running, other).await, Val::Option(None), "{text}");
    }
}

#[tokio::test(start_paused = true)]
async fn another_version_of_the_type_fits() {
    let mut resolve = Resolve::default();
    let wit = concat!(env!("CARGO_MANIFEST_DIR"), "/../../wit/deps/");
    resolve.push_dir(format!("{wit}io")).unwrap();
    resolve.push_dir(format!("{wit}rpc")).unwrap();
    resolve
        .push_str(
            "errors.wit",
            "package wrpc:errors@0.3.0;
            interface types {
                record failure { message: string, hint: option<u32> }
                variant rpc-error { timeout(failure), other(failure) }
            }
            interface inspect {
                use wrpc:rpc/error@0.1.0.{error};
                use types.{rpc-error};
                rpc-error-of: func(error: borrow<error>) -> option<rpc-error>;
            }",
        )
        .unwrap();
    let pairs = PAIRS.map(|(export, interface, func)| match export {
        "look" => (export, "wrpc:errors/inspect@0.3.0", func),
        _ => (export, interface, func),
    });
    let binary = relay(
        resolve,
        &WIT.replace("errors/inspect@0.1.0", "errors/inspect@0.3.0")
            .replace("errors/types@0.1.0", "errors/types@0.3.0"),
        &pairs,
    );
    let guest = Guest::with_linker(&binary, upstream, |linker| linker).unwrap();
    assert_eq!(&*guest.linked.host, ["wrpc:errors/inspect@0.3.0".into()]);

    let error = RpcError::new(RpcErrorKind::LinkDenied, Delivery::NotSent, "no link");
    let mut running = guest.start(Script::refuse(error)).await;
    let resource = resource(running.call("", "open", &[]).await.unwrap());
    let looked = running.call("", "look", &[Val::Resource(resource)]).await;
    let failure = Val::Record(vec![
        ("message".into(), text("link-denied: no link")),
        ("hint".into(), Val::Option(None)),
    ]);
    let expected = Val::Option(Some(Box::new(case("other", failure))));
    assert_eq!(looked.unwrap(), Some(expected));
}
