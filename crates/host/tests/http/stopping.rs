//! What a signal to stop does.

use core::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use core::time::Duration;
use std::sync::Arc;

use futures::StreamExt as _;
use nix::sys::signal::Signal;
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::support::gateway::Gateway;
use crate::support::http::{Answer, connect, connect_http2, get, request};
use crate::support::process::Process;
use crate::support::setup::block_on;
use wrpc_middleware_testing::wait::guard;

/// Asserts that the process ends with success and cuts nothing off.
fn assert_ends_in_order(process: Process) {
    let (status, stderr) = process.ended();
    assert_eq!(status.code(), Some(0), "{stderr}");
    assert!(!stderr.contains("cut off"), "{stderr}");
}

/// The grace period is longer than any test waits.
#[test]
fn idle_connections_keep_nothing_from_stopping() {
    for signal in [Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP] {
        let gateway = Gateway::new(&["--grace", "1h"]);
        block_on(async {
            let _silent = TcpStream::connect(gateway.address).await.unwrap();
            let mut idle = connect(gateway.address).await;
            let mut http2 = connect_http2(gateway.address).await;
            let response = idle.send_request(request(gateway.address, "/host"));
            let response = guard("a response", response).await.unwrap();
            assert_eq!(Answer::of(response).await.status, 200);
            let response = http2.send_request(request(gateway.address, "/host"));
            let response = guard("a response", response).await.unwrap();
            assert_eq!(Answer::of(response).await.status, 200);
            gateway.process.signal(signal);
            assert_ends_in_order(gateway.process);
        });
    }
}

#[test]
fn requests_that_run_are_answered_and_no_others_come() {
    let mut gateway = Gateway::new(&["--grace", "1h"]);
    let _greeter = gateway.setup.serve("soon.wasm", &["--max-calls", "100"]);
    block_on(async {
        let nats = async_nats::connect(gateway.setup.nats.url()).await.unwrap();
        let calls = nats.subscribe("default.greeter.wrpc.0.0.1.>").await;
        let mut calls = calls.unwrap();
        nats.flush().await.unwrap();
        let mut running = JoinSet::new();
        for nth in 0..20 {
            let address = gateway.address;
            let (mut http1, mut http2) = (connect(address).await, connect_http2(address).await);
            running.spawn(async move {
                let greet = request(address, "/greet");
                let response = if nth % 2 == 0 {
                    http1.send_request(greet).await
                } else {
                    http2.send_request(greet).await
                };
                Answer::of(response.unwrap()).await
            });
        }
        for _ in 0..20 {
            guard("a call", calls.next()).await.unwrap();
        }
        gateway.process.signal(Signal::SIGTERM);
        gateway.process.says("SIGTERM: stopping, within 1h");
        for answer in guard("all answers", running.join_all()).await {
            assert_eq!(answer.text(), (200, "bob"));
        }
        let address = gateway.address;
        assert_ends_in_order(gateway.process);
        assert!(TcpStream::connect(address).await.is_err());
    });
}

/// A request that runs, whose answer is still to come.
fn waiting(gateway: &Gateway) -> impl Future<Output = Answer> + use<> {
    let address = gateway.address;
    async move { get(address, "/wait").await }
}

#[test]
fn the_grace_period_ends_requests_that_do_not() {
    let mut gateway = Gateway::new(&["--grace", "50ms"]);
    block_on(async {
        let answer = tokio::spawn(waiting(&gateway));
        gateway.runs();
        gateway.process.signal(Signal::SIGTERM);
        let answer = guard("an answer", answer).await.unwrap();
        assert_eq!(answer.text(), (503, "the host is about to stop\n"));
        let (status, stderr) = gateway.process.ended();
        assert_eq!(status.code(), Some(0), "{stderr}");
        let expected = "1 running request is cut off after the grace period";
        assert!(stderr.contains(expected), "{stderr}");
    });
}

#[test]
fn a_second_signal_does_not_wait() {
    let mut gateway = Gateway::new(&["--grace", "1h"]);
    block_on(async {
        let answer = tokio::spawn(waiting(&gateway));
        gateway.runs();
        gateway.process.signal(Signal::SIGTERM);
        gateway.process.says("SIGTERM: stopping, within 1h");
        gateway.process.signal(Signal::SIGTERM);
        let (status, stderr) = gateway.process.ended();
        assert_eq!(status.code(), Some(0), "{stderr}");
        assert!(stderr.contains("cut off by SIGTERM"), "{stderr}");
        assert_eq!(guard("an answer", answer).await.unwrap().status, 503);
    });
}

/// Clients that ask as fast as they can, each on one connection.
#[test]
fn no_request_is_lost_when_a_host_under_load_stops() {
    const CLIENTS: usize = 32;

    let gateway = Gateway::new(&["--grace", "1h"]);
    let _greeter = gateway.setup.serve("quick.wasm", &[]);
    let answered = Arc::new(AtomicUsize::new(0));
    let told = Arc::new(AtomicUsize::new(0));
    let stopped = Arc::new(AtomicBool::new(false));
    block_on(async {
        let mut clients = JoinSet::new();
        for _ in 0..CLIENTS {
            let (answered, told) = (Arc::clone(&answered), Arc::clone(&told));
            let stopped = Arc::clone(&stopped);
            let address = gateway.address;
            clients.spawn(async move {
                let mut connection = connect(address).await;
                // Until the host says that this was the last one. It may also close while it has
                // nothing to answer, and cross with a request of a client that was slow to send it.
                loop {
                    let ready = guard("a connection", connection.ready()).await;
                    let response = connection.send_request(request(address, "/greet"));
                    let response = guard("a response", response).await;
                    if stopped.load(Ordering::Relaxed) && (ready.is_err() || response.is_err()) {
                        return;
                    }
                    let answer = Answer::of(response.unwrap()).await;
                    assert_eq!(answer.text(), (200, "hello, bob"));
                    answered.fetch_add(1, Ordering::Relaxed);
                    if answer
                        .headers
                        .get("connection")
                        .is_some_and(|it| it == "close")
                    {
                        assert!(stopped.load(Ordering::Relaxed));
                        told.fetch_add(1, Ordering::Relaxed);
                        return;
                    }
                }
            });
        }
        let mut interval = tokio::time::interval(Duration::from_millis(5));
        guard("some answers", async {
            while answered.load(Ordering::Relaxed) < 20 * CLIENTS {
                interval.tick().await;
            }
        })
        .await;
        stopped.store(true, Ordering::Relaxed);
        gateway.process.signal(Signal::SIGTERM);
        guard("all clients", clients.join_all()).await;
        assert_ne!(told.load(Ordering::Relaxed), 0);
        assert_ends_in_order(gateway.process);
    });
}
