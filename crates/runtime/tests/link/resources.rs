//! Resources of the target, streams, and functions at the root of a world.

use core::error::Error as _;
use core::time::Duration;
use std::collections::HashMap;
use std::io;

use bytes::Bytes;
use wasmtime::component::{Resource, ResourceAny, Val};
use wasmtime_wasi::async_trait;
use wasmtime_wasi::p2::pipe::MemoryInputPipe;
use wasmtime_wasi::p2::{DynInputStream, InputStream, Pollable, StreamError};
use wrpc_middleware_errors::{Delivery, RpcError, RpcErrorKind};

use crate::guest::{published, relay};
use crate::host::{Guest, Running, entries, err, ok, rpc_error, text, upstream};
use crate::mock::{Failure, Script, Step, typed};

const APP: &str = "test:app/things@0.1.0";

const WIT: &str = "
    package test:app@0.1.0;

    interface things {
        use wrpc:errors/types@0.1.0.{rpc-error};
        resource thing {
            constructor(name: string);
            open: static func(name: string) -> result<thing, rpc-error>;
            get: func() -> result<string, rpc-error>;
        }
        consume: func(thing: thing) -> u8;
    }

    interface streams {
        use wasi:io/streams@0.2.0.{input-stream};
        record page { title: string, body: input-stream }
        fetch: func() -> result<page>;
        store: func(name: string, body: input-stream) -> u8;
    }

    world guest {
        use things.{thing};
        use streams.{page};
        use wasi:io/streams@0.2.0.{input-stream};
        use wrpc:errors/types@0.1.0.{rpc-error};
        import streams;
        import ping: func(name: string) -> result<string, rpc-error>;
        export ping: func(name: string) -> result<string, rpc-error>;
        export make: func(name: string) -> thing;
        export open: func(name: string) -> result<thing, rpc-error>;
        export get: func(thing: borrow<thing>) -> result<string, rpc-error>;
        export consume: func(thing: thing) -> u8;
        export discard: func(thing: thing);
        export fetch: func() -> result<page>;
        export store: func(name: string, body: input-stream) -> u8;
    }
";

const STREAMS: &str = "test:app/streams@0.1.0";

fn guest() -> Guest {
    let binary = relay(
        published(),
        WIT,
        &[
            ("make", APP, "[constructor]thing"),
            ("open", APP, "[static]thing.open"),
            ("get", APP, "[method]thing.get"),
            ("consume", APP, "consume"),
            ("discard", APP, "[resource-drop]thing"),
            ("fetch", STREAMS, "fetch"),
            ("store", STREAMS, "store"),
        ],
    );
    Guest::with_linker(&binary, upstream, |linker| linker).unwrap()
}

/// The last call, as instance, function and parameters.
fn last(running: &Running) -> (String, String, Vec<u8>) {
    let calls = running.mock().calls.lock().unwrap();
    let call = calls.last().unwrap();
    (
        call.instance.clone(),
        call.func.clone(),
        call.params.to_vec(),
    )
}

fn called(instance: &str, func: &str, params: &[u8]) -> (String, String, Vec<u8>) {
    (instance.into(), func.into(), params.to_vec())
}

#[tokio::test(start_paused = true)]
async fn functions_at_the_root_of_a_world_are_called_without_an_instance() {
    let guest = guest();
    let mut running = guest.start(Script::answer(b"\0\x02hi")).await;
    let result = running.call("", "ping", &[text("bob")]).await;
    assert_eq!(result.unwrap(), Some(ok(Some(text("hi")))));
    assert_eq!(last(&running), called("", "ping", b"\x03bob"));

    let error = typed(RpcErrorKind::LinkDenied, Delivery::NotSent);
    let script = Script::refuse(error.clone());
    let result = guest.call(script, "", "ping", &[text("bob")]).await;
    assert_eq!(result.unwrap(), Some(err(rpc_error(&error))));
}

#[tokio::test(start_paused = true)]
async fn resources_are_handles_of_the_target() {
    let guest = guest();
    // A handle of three bytes, then what the method returns.
    let mut running = guest.start(Script::answer(b"\x03abc")).await;
    let made = running.call("", "make", &[text("x")]).await;
    assert_eq!(last(&running), called(APP, "thing", b"\x01x"));
    let Some(Val::Resource(thing)) = made.unwrap() else {
        panic!("no resource");
    };

    answer(&mut running, b"\0\x02hi");
    let got = running.call("", "get", &[Val::Resource(thing)]).await;
    assert_eq!(got.unwrap(), Some(ok(Some(text("hi")))));
    assert_eq!(last(&running), called(APP, "thing.get", b"\x03abc"));
    assert_eq!(entries(&mut running.store.data_mut().table), 1);

    answer(&mut running, b"\x09");
    let consumed = running.call("", "consume", &[Val::Resource(thing)]).await;
    assert_eq!(consumed.unwrap(), Some(Val::U8(9)));
    assert_eq!(last(&running), called(APP, "consume", b"\x03abc"));
    assert_eq!(entries(&mut running.store.data_mut().table), 0);

    answer(&mut running, b"\0\x02de");
    let opened = running.call("", "open", &[text("y")]).await;
    assert_eq!(last(&running), called(APP, "thing.open", b"\x01y"));
    let Some(Val::Result(Ok(Some(thing)))) = opened.unwrap() else {
        panic!("no resource");
    };

    // A handle that the guest drops is gone here, too.
    assert_eq!(entries(&mut running.store.data_mut().table), 1);
    running.call("", "discard", &[*thing]).await.unwrap();
    assert_eq!(entries(&mut running.store.data_mut().table), 0);
}

fn answer(running: &mut Running, bytes: &[u8]) {
    running.store.data_mut().ctx.mock.script = Script::answer(bytes).into();
}

#[tokio::test(start_paused = true)]
async fn failures_of_functions_of_resources_are_values_or_traps() {
    let guest = guest();
    let error = typed(RpcErrorKind::TargetUnavailable, Delivery::NotSent);
    let script = Script::refuse(error.clone());
    let result = guest.call(script.clone(), "", "open", &[text("x")]).await;
    assert_eq!(result.unwrap(), Some(err(rpc_error(&error))));
    let trap = guest.call(script, "", "make", &[text("x")]).await;
    assert!(format!("{:#}", trap.unwrap_err()).contains(&error.to_string()));
}

#[tokio::test(start_paused = true)]
async fn a_stream_in_a_result_is_read_from_its_own_path() {
    let guest = guest();
    let mut running = guest
        .start(Script {
            results: vec![Step::Bytes(b"\0\x05title".to_vec())],
            children: HashMap::from([(
                vec![0, 1],
                vec![
                    Step::Bytes(b"\x02ab".to_vec()),
                    Step::Sleep(Duration::from_secs(1)),
                    Step::Bytes(b"\x01c\0".to_vec()),
                ],
            )]),
            ..Script::default()
        })
        .await;
    let page = running.call("", "fetch", &[]).await.unwrap();
    let paths = running.mock().calls.lock().unwrap()[0].paths.clone();
    assert_eq!(paths, [[Some(0), Some(1)]]);

    let Some(Val::Result(Ok(Some(page)))) = page else {
        panic!("{page:?}");
    };
    let Val::Record(fields) = *page else {
        panic!("{page:?}");
    };
    assert_eq!(fields[0].1, text("title"));
    let Val::Resource(body) = fields[1].1 else {
        panic!("{fields:?}");
    };
    let body: Resource<DynInputStream> = body.try_into_resource(&mut running.store).unwrap();
    let mut body = running.store.data_mut().table.delete(body).unwrap();
    let mut read = Vec::new();
    loop {
        match body.blocking_read(100).await {
            Ok(bytes) => read.extend_from_slice(&bytes),
            Err(StreamError::Closed) => break,
            Err(error) => panic!("{error}"),
        }
    }
    assert_eq!(read, b"abc");
}

#[tokio::test(start_paused = true)]
async fn a_stream_in_the_parameters_is_written_to_its_own_path_even_after_the_answer() {
    let guest = guest();
    let mut running = guest
        .start(Script {
            // The target answers before the stream can be written.
            write: vec![Step::Sleep(Duration::from_secs(1))],
            results: vec![Step::Bytes(vec![5])],
            ..Script::default()
        })
        .await;
    let stored = store(&mut running, hello()).await;
    assert_eq!(stored.unwrap(), Some(Val::U8(5)));
    assert_eq!(last(&running), called(STREAMS, "store", b"\x01x"));
    let written = running.mock().written.lock().unwrap().clone();
    assert_eq!(written, HashMap::from([(vec![1], b"\x05hello\0".to_vec())]));
    assert_eq!(entries(&mut running.store.data_mut().table), 0);
}

fn hello() -> DynInputStream {
    Box::new(MemoryInputPipe::new(&b"hello"[..]))
}

/// Passes a stream to the target.
async fn store(running: &mut Running, stream: DynInputStream) -> wasmtime::Result<Option<Val>> {
    let stream = running.store.data_mut().table.push(stream).unwrap();
    let stream = ResourceAny::try_from_resource(stream, &mut running.store).unwrap();
    let params = [text("x"), Val::Resource(stream)];
    running.call("", "store", &params).await
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_can_not_be_written_fails_the_call_unless_the_target_answers() {
    let guest = guest();
    let broken = typed(RpcErrorKind::Transport, Delivery::Accepted);
    let script = |results| Script {
        write: vec![Step::Fail(Failure::Typed(broken.clone()))],
        results,
        ..Script::default()
    };
    let answer = vec![Step::Sleep(Duration::from_millis(10)), Step::Bytes(vec![5])];
    let mut running = guest.start(script(answer)).await;
    assert_eq!(
        store(&mut running, hello()).await.unwrap(),
        Some(Val::U8(5))
    );

    let mut running = guest.start(script(vec![Step::Hang])).await;
    let trap = store(&mut running, hello()).await.unwrap_err();
    assert_eq!(RpcError::classify(trap).to_string(), broken.to_string());
    assert_eq!(running.mock().alive(), 0);
}

/// A stream that another call returned, say, which has timed out since.
struct Late;

#[async_trait]
impl Pollable for Late {
    async fn ready(&mut self) {}
}

impl InputStream for Late {
    fn read(&mut self, _: usize) -> Result<Bytes, StreamError> {
        let error = typed(RpcErrorKind::Timeout, Delivery::NotSent);
        Err(StreamError::LastOperationFailed(
            io::Error::from(error).into(),
        ))
    }
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_fails_at_the_guest_is_no_failure_of_the_transport() {
    let guest = guest();
    let mut running = guest
        .start(Script {
            results: vec![Step::Hang],
            ..Script::default()
        })
        .await;
    let trap = store(&mut running, Box::new(Late)).await.unwrap_err();
    let error = RpcError::classify(trap);
    assert_eq!(
        (error.kind(), error.delivery(), error.message()),
        (
            RpcErrorKind::Other,
            Delivery::Unknown,
            "test:app/streams@0.1.0#store: a stream among the parameters failed where it comes from"
        )
    );
    assert!(
        RpcError::find(error.source().unwrap()).is_some(),
        "{error:?}"
    );
}
