//! Functions only: an instance for each call.

use core::time::Duration;
use std::sync::atomic::Ordering::SeqCst;

use bytes::Bytes;
use futures::StreamExt as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use wrpc_middleware_runtime::{DecodeError, ExportServer, InvocationFailure, Limits};
use wrpc_transport::{Index as _, Invoke as _, InvokeExt as _};

use crate::guests;
use crate::host::{Host, Shared, engine, prepare};
use crate::net::{Calls, Net, SYNC};

const CALC: &str = "test:serve/calc";

fn server(binary: &[u8]) -> (ExportServer<Host>, Shared) {
    let engine = engine();
    let component = prepare(&engine, binary);
    let shared = Shared::default();
    let made = shared.clone();
    (
        ExportServer::new(component, move || made.store(&engine)),
        shared,
    )
}

#[tokio::test(start_paused = true)]
async fn every_export_is_served_to_upstreams_client() {
    let (server, shared) = server(&guests::calc());
    let net = Net::default();
    let exports = server.serve(net.transport()).await.unwrap();
    let mut functions: Vec<_> = exports.functions().map(str::to_owned).collect();
    functions.sort();
    assert_eq!(
        functions,
        [
            "double",
            "test:serve/calc#add",
            "test:serve/calc#count",
            "test:serve/calc#echo",
            "test:serve/calc#nothing",
            "test:serve/calc#pause",
            "test:serve/calc#spin",
            "test:serve/calc#sum",
            "test:serve/calc#trap",
        ]
    );
    let mut calls = Calls::run(exports);
    let ((sum,), _) = net
        .connect()
        .invoke_values::<_, (u32, u32), (u32,)>((), CALC, "add", (40, 2), SYNC)
        .await
        .unwrap();
    assert_eq!(sum, 42);
    let ((double,), _) = net
        .connect()
        .invoke_values::<_, (u32,), (u32,)>((), "", "double", (21,), SYNC)
        .await
        .unwrap();
    assert_eq!(double, 42);
    let long = "x".repeat(100_000);
    let ((echo,), _) = net
        .connect()
        .invoke_values::<_, (&str,), (String,)>((), CALC, "echo", (&long,), SYNC)
        .await
        .unwrap();
    assert_eq!(echo, long);
    for _ in 0..2 {
        let ((count,), _) = net
            .connect()
            .invoke_values::<_, (), (u32,)>((), CALC, "count", (), SYNC)
            .await
            .unwrap();
        assert_eq!(count, 1, "an instance for each call");
    }
    net.connect()
        .invoke_values::<_, (), ()>((), CALC, "nothing", (), SYNC)
        .await
        .unwrap();
    for _ in 0..6 {
        calls.next().await.unwrap();
    }
    assert_eq!(shared.stores.load(SeqCst), 6);
    assert_eq!(shared.alive.load(SeqCst), 0);
}

#[tokio::test(start_paused = true)]
async fn calls_run_at_the_same_time() {
    let (server, shared) = server(&guests::calc());
    let net = Net::default();
    let _calls = Calls::run(server.serve(net.transport()).await.unwrap());
    let paused: Vec<_> = (0..10)
        .map(|_| {
            let client = net.connect();
            tokio::spawn(async move {
                client
                    .invoke_values::<_, (), (u32,)>((), CALC, "pause", (), SYNC)
                    .await
                    .unwrap()
                    .0
            })
        })
        .collect();
    while shared.pausing.load(SeqCst) < 10 {
        tokio::task::yield_now().await;
    }
    let ((sum,), _) = net
        .connect()
        .invoke_values::<_, (u32, u32), (u32,)>((), CALC, "add", (1, 2), SYNC)
        .await
        .unwrap();
    assert_eq!(sum, 3);
    shared.gate.0.add_permits(10);
    for paused in paused {
        assert_eq!(paused.await.unwrap(), (1,));
    }
}

#[tokio::test(start_paused = true)]
async fn a_caller_who_sends_no_parameters_holds_up_nobody() {
    let (server, shared) = server(&guests::calc());
    let net = Net::default();
    let mut calls = Calls::run(server.serve(net.transport()).await.unwrap());
    let mut silent = Vec::new();
    for _ in 0..10 {
        let half = Bytes::from_static(&[1]);
        silent.push(
            net.connect()
                .invoke((), CALC, "add", half, SYNC)
                .await
                .unwrap(),
        );
    }
    let ((sum,), _) = net
        .connect()
        .invoke_values::<_, (u32, u32), (u32,)>((), CALC, "add", (1, 2), SYNC)
        .await
        .unwrap();
    assert_eq!(sum, 3);
    calls.next().await.unwrap();
    assert_eq!(
        shared.stores.load(SeqCst),
        1,
        "no store before the parameters"
    );

    silent.clear();
    for _ in 0..10 {
        let error = calls.next().await.unwrap_err();
        assert_eq!(error.function(), "test:serve/calc#add");
        assert!(matches!(
            error.failure(),
            InvocationFailure::Parameters(DecodeError::UnexpectedEnd)
        ));
    }
}

#[tokio::test(start_paused = true)]
async fn bad_parameters_and_traps_are_typed_and_end_the_call_without_a_result() {
    let (server, _) = server(&guests::calc());
    let net = Net::default();
    let server = server.limits(Limits::default().with_elements(100));
    let mut calls = Calls::run(server.serve(net.transport()).await.unwrap());
    let table: [(&str, &[u8], &str); 5] = [
        (
            "add",
            &[0xff, 0xff, 0xff, 0xff, 0xff, 1],
            "the parameters could not be decoded: an integer does not fit 32 bits",
        ),
        (
            "add",
            &[1, 2, 3],
            "the parameters could not be decoded: there is more than the declared values",
        ),
        (
            "sum",
            &[0xff, 0xff, 0xff, 0xff, 0x0f],
            "the parameters could not be decoded: the values exceed the limit of 100 elements",
        ),
        (
            "echo",
            &[1, 0xff],
            "the parameters could not be decoded: a `string` is not valid UTF-8",
        ),
        (
            "trap",
            &[],
            "the component trapped: error while executing at wasm backtrace",
        ),
    ];
    for (func, params, text) in table {
        let client = net.connect();
        let params = Bytes::from_static(params);
        let (_outgoing, mut incoming) = client.invoke((), CALC, func, params, SYNC).await.unwrap();
        let mut result = Vec::new();
        incoming.read_to_end(&mut result).await.unwrap();
        assert!(result.is_empty());
        let error = format!("{:#}", anyhow::Error::from(calls.next().await.unwrap_err()));
        let expected = format!("a call of `test:serve/calc#{func}` was not answered: {text}");
        assert!(error.starts_with(&expected), "{error}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_that_takes_too_long_is_dropped_with_its_store() {
    let (server, shared) = server(&guests::calc());
    let limit = Duration::from_secs(2);
    let server = server.max_duration(limit);
    let net = Net::default();
    let mut calls = Calls::run(server.serve(net.transport()).await.unwrap());
    // Waits in the host, computes without end, waits for its parameters.
    for (func, params) in [("pause", &[][..]), ("spin", &[]), ("add", &[1])] {
        let start = tokio::time::Instant::now();
        let client = net.connect();
        let params = Bytes::from_static(params);
        let (_outgoing, mut incoming) = client.invoke((), CALC, func, params, SYNC).await.unwrap();
        if func == "spin" {
            // The clock moves by itself only while nobody computes.
            while shared.alive.load(SeqCst) == 0 {
                tokio::task::yield_now().await;
            }
            tokio::time::advance(limit).await;
        }
        let mut result = Vec::new();
        incoming.read_to_end(&mut result).await.unwrap();
        let error = calls.next().await.unwrap_err();
        assert!(matches!(error.failure(), InvocationFailure::TimedOut(after) if *after == limit));
        assert!(start.elapsed() < limit + Duration::from_millis(10));
        assert_eq!(shared.alive.load(SeqCst), 0, "{func}");
    }
}

#[tokio::test(start_paused = true)]
async fn dropping_the_stream_stops_taking_calls_and_lets_running_ones_finish() {
    let (server, shared) = server(&guests::calc());
    let net = Net::default();
    let mut exports = server.serve(net.transport()).await.unwrap();
    let client = net.connect();
    let call = tokio::spawn(async move {
        client
            .invoke_values::<_, (), (u32,)>((), CALC, "pause", (), SYNC)
            .await
            .map(|(values, _)| values)
    });
    let ((), invocation) = exports.next().await.unwrap().unwrap();
    let running = tokio::spawn(invocation);
    drop(exports);
    shared.gate.0.add_permits(1);
    running.await.unwrap().unwrap();
    assert_eq!(call.await.unwrap().unwrap(), (1,));

    let refused = net
        .connect()
        .invoke_values::<_, (u32, u32), (u32,)>((), CALC, "add", (1, 2), SYNC)
        .await;
    assert!(refused.is_err());
}

#[tokio::test(start_paused = true)]
async fn skipped_functions_are_not_served() {
    let (server, _) = server(&guests::calc());
    let net = Net::default();
    let exports = server
        .skip("")
        .skip_function(CALC, "spin")
        .skip_function("test:serve/calc@1.0.0", "add")
        .serve(net.transport())
        .await
        .unwrap();
    let functions: Vec<_> = exports.functions().collect();
    assert_eq!(functions.len(), 7);
    assert!(!functions.contains(&"double") && !functions.contains(&"test:serve/calc#spin"));
}

#[tokio::test(start_paused = true)]
async fn an_rpc_error_means_that_there_is_no_result() {
    let (server, _) = server(&guests::fallible());
    let net = Net::default();
    let mut calls = Calls::run(server.serve(net.transport()).await.unwrap());
    let instance = "test:serve/fallible";
    let ((value,), _) = net
        .connect()
        .invoke_values::<_, (bool,), (u32,)>((), instance, "checked", (true,), SYNC)
        .await
        .unwrap();
    assert_eq!(value, 42, "the value travels without its `result`");
    calls.next().await.unwrap();
    let refused = net
        .connect()
        .invoke_values::<_, (bool,), (u32,)>((), instance, "checked", (false,), SYNC)
        .await;
    assert!(refused.is_err());
    let error = calls.next().await.unwrap_err();
    assert!(matches!(error.failure(), InvocationFailure::Rpc(_)));
    let error = format!("{:#}", anyhow::Error::from(error));
    assert!(error.ends_with("a callee of the guest is away"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn streams_and_resources_of_peers_pass_through() {
    let (server, shared) = server(&guests::passing());
    let net = Net::default();
    let mut calls = Calls::run(server.serve(net.transport()).await.unwrap());
    let instance = "test:serve/passing";

    let (mut outgoing, mut incoming) = net
        .connect()
        .invoke((), instance, "peer", Bytes::from_static(b"\x03abc"), SYNC)
        .await
        .unwrap();
    outgoing.shutdown().await.unwrap();
    let mut result = Vec::new();
    incoming.read_to_end(&mut result).await.unwrap();
    assert_eq!(result, b"\x03abc");
    calls.next().await.unwrap();

    let paths: [&[Option<usize>]; 1] = [&[Some(0)]];
    let (outgoing, incoming) = net
        .connect()
        .invoke((), instance, "bytes", Bytes::new(), paths)
        .await
        .unwrap();
    let mut sent = outgoing.index(&[0]).unwrap();
    let mut received = incoming.index(&[0]).unwrap();
    // A chunk arrives before the stream ends.
    let mut buffer = [0; 6];
    sent.write_all(b"\x05hello").await.unwrap();
    received.read_exact(&mut buffer).await.unwrap();
    assert_eq!(&buffer, b"\x05hello");
    sent.write_all(&[0]).await.unwrap();
    let mut end = Vec::new();
    received.read_to_end(&mut end).await.unwrap();
    assert_eq!(end, [0]);
    calls.next().await.unwrap();
    assert_eq!(shared.alive.load(SeqCst), 0);

    // The caller gives up halfway: what follows must not look like the end.
    let (outgoing, incoming) = net
        .connect()
        .invoke((), instance, "bytes", Bytes::new(), paths)
        .await
        .unwrap();
    let mut sent = outgoing.index(&[0]).unwrap();
    let mut received = incoming.index(&[0]).unwrap();
    sent.write_all(b"\x05hel").await.unwrap();
    drop((sent, outgoing));
    let mut all = Vec::new();
    received.read_to_end(&mut all).await.unwrap();
    assert_eq!(all, b"\x03hel");
    let error = calls.next().await.unwrap_err();
    assert!(
        matches!(error.failure(), InvocationFailure::Write(_)),
        "{error:?}"
    );
}
