//! How many requests run, and what ends them early.

use core::time::Duration;

use http_body_util::BodyExt as _;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::time::Instant;

use crate::client::{connect, connect_http2, get, guard, head, request, rest, until};
use crate::gateway::Gateway;
use crate::support::setup::block_on;

/// A place for one request, for longer than any test takes.
const ONE: [&str; 4] = ["--max-requests", "1", "--request-timeout", "1h"];

/// Asks until there is no place, that is until the request that takes it runs.
async fn full(gateway: &Gateway) {
    until(gateway.address, "/host", 503).await;
}

#[test]
fn one_request_more_than_may_run_is_refused_at_once() {
    let gateway = Gateway::new(&ONE);
    block_on(async {
        let mut connection = connect(gateway.address).await;
        let wait = connection.send_request(request(gateway.address, "/wait"));
        let wait = tokio::spawn(wait);
        full(&gateway).await;
        let refused = get(gateway.address, "/host").await;
        assert_eq!(
            refused.text(),
            (503, "too many requests are running here\n")
        );
        assert_eq!(refused.headers.get("retry-after").unwrap(), "1");
        // The refused one does not take a place, nor does its connection close.
        let mut other = connect(gateway.address).await;
        for _ in 0..3 {
            let response = other.send_request(request(gateway.address, "/host"));
            let response = guard("a response", response).await.unwrap();
            assert_eq!(response.status(), 503);
            response.into_body().collect().await.unwrap();
        }
        assert!(!wait.is_finished());
    });
}

/// Nothing but the end of its connection ends such a guest, within the hour.
#[test]
fn a_client_that_leaves_ends_its_request() {
    let gateway = Gateway::new(&ONE);
    for path in ["/wait", "/spin", "/half-wait", "/half-spin"] {
        block_on(async {
            let mut connection = connect(gateway.address).await;
            let response = connection.send_request(request(gateway.address, path));
            let response = tokio::spawn(response);
            full(&gateway).await;
            drop(connection);
            response.abort();
            // The response that has begun has to be dropped, too.
            drop(response.await);
            until(gateway.address, "/host", 200).await;
        });
    }
}

#[test]
fn a_stream_of_http2_that_is_reset_ends_its_request_and_no_other() {
    let gateway = Gateway::new(&["--max-requests", "2", "--request-timeout", "1h"]);
    block_on(async {
        let mut connection = connect_http2(gateway.address).await;
        let kept = tokio::spawn(connection.send_request(request(gateway.address, "/wait")));
        until(gateway.address, "/host", 200).await;
        for path in ["/wait", "/half-wait"] {
            let response = connection.send_request(request(gateway.address, path));
            let response = tokio::spawn(response);
            full(&gateway).await;
            response.abort();
            drop(response.await);
            until(gateway.address, "/host", 200).await;
        }
        assert!(!kept.is_finished());
    });
}

/// The target has a place for one call, too, and would be busy for an hour.
#[test]
fn a_client_that_leaves_ends_the_calls_of_its_request() {
    let gateway = Gateway::new(&["--request-timeout", "1h", "--timeout", "1h"]);
    let _greeter = gateway.setup.serve("slow.wasm", &["--max-calls", "1"]);
    block_on(async {
        let mut leaving = connect(gateway.address).await;
        let leaving_response = leaving.send_request(request(gateway.address, "/greet"));
        let leaving_response = tokio::spawn(leaving_response);
        // Refused by the target.
        until_overloaded(&gateway).await;
        drop(leaving);
        leaving_response.abort();
        // Taken by the target: no answer, and the place is taken again.
        let mut next = connect(gateway.address).await;
        let next = guard("a place", async {
            loop {
                let response = next.send_request(request(gateway.address, "/greet"));
                match tokio::time::timeout(Duration::from_secs(1), response).await {
                    Ok(response) => drop(response.unwrap().into_body().collect().await),
                    Err(_) => break,
                }
                guard("a connection", next.ready()).await.unwrap();
            }
        });
        next.await;
    });
}

async fn until_overloaded(gateway: &Gateway) {
    guard("overloaded", async {
        loop {
            let mut connection = connect(gateway.address).await;
            let response = connection.send_request(request(gateway.address, "/greet"));
            if let Ok(response) = tokio::time::timeout(Duration::from_secs(1), response).await {
                let answer = crate::client::Answer::of(response.unwrap()).await;
                assert_eq!(answer.text(), (500, "overloaded"));
                return;
            }
        }
    })
    .await;
}

/// The guest is long gone by then; what it has left waits for its client.
#[test]
fn a_client_that_does_not_read_is_cut_off() {
    let options = ["--max-requests", "1", "--request-timeout", "500ms"];
    let gateway = Gateway::new(&options);
    block_on(async {
        let mut stream = TcpStream::connect(gateway.address).await.unwrap();
        let ask = head("GET /large HTTP/1.1", &[("host", "a.example")]);
        stream.write_all(&ask).await.unwrap();
        full(&gateway).await;
        until(gateway.address, "/host", 200).await;
        let begun = Instant::now();
        let got = rest(&mut stream).await;
        assert!(begun.elapsed() < Duration::from_secs(60));
        assert!(got.starts_with("HTTP/1.1 200 OK"));
        assert!(!got.ends_with("\r\n0\r\n\r\n"));
        // The control reads.
        let answer = get(gateway.address, "/exact").await;
        assert_eq!(answer.body.map(|body| body.len()), Some(12));
    });
}
