//! Connections that are idle, slow, too many, or ask for too much.

use core::time::Duration;

use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use crate::support::gateway::Gateway;
use crate::support::http::{Answer, connect, connect_http2, get, head, raw, request, rest};
use crate::support::setup::block_on;
use wrpc_middleware_testing::wait::guard;

const HOST: (&str, &str) = ("host", "a.example");

#[test]
fn connections_without_a_request_are_closed() {
    let gateway = Gateway::new(&["--idle-timeout", "300ms"]);
    block_on(async {
        // One that says nothing, and one that says half a request.
        assert_eq!(raw(gateway.address, b"").await, "");
        let half = raw(gateway.address, b"GET /host HTTP/1.1\r\nhost: a").await;
        assert!(!half.contains("200 OK"), "{half}");
        let preface = raw(gateway.address, b"PRI * HTTP/2.0\r\n").await;
        assert_eq!(preface, "");
        // And those whose last request was answered.
        let answered = raw(gateway.address, &head("GET /host HTTP/1.1", &[HOST])).await;
        assert!(answered.starts_with("HTTP/1.1 200 OK"), "{answered}");
        let mut connection = connect_http2(gateway.address).await;
        let response = connection.send_request(request(gateway.address, "/host"));
        assert_eq!(guard("a response", response).await.unwrap().status(), 200);
        let mut interval = tokio::time::interval(Duration::from_millis(10));
        guard("the end of a connection", async {
            while !connection.is_closed() {
                interval.tick().await;
            }
        })
        .await;
    });
}

/// It is busy for longer than it may be idle.
#[test]
fn control_a_connection_with_a_request_is_not_idle() {
    let options = ["--idle-timeout", "300ms", "--request-timeout", "1s"];
    let gateway = Gateway::new(&options);
    assert_eq!(block_on(get(gateway.address, "/wait")).status, 504);
}

#[test]
fn a_connection_too_many_waits_for_its_turn() {
    let gateway = Gateway::new(&["--max-connections", "1"]);
    block_on(async {
        let mut first = connect(gateway.address).await;
        let response = first.send_request(request(gateway.address, "/host"));
        let response = guard("a response", response).await.unwrap();
        assert_eq!(Answer::of(response).await.status, 200);
        let mut second = TcpStream::connect(gateway.address).await.unwrap();
        let ask = head("GET /host HTTP/1.1", &[HOST, ("connection", "close")]);
        second.write_all(&ask).await.unwrap();
        let mut byte = [0];
        let early = second.peek(&mut byte);
        let early = tokio::time::timeout(Duration::from_millis(300), early).await;
        assert!(early.is_err(), "{early:?}");
        drop(first);
        let answer = rest(&mut second).await;
        assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
    });
}

#[test]
fn headers_have_a_limit() {
    let gateway = Gateway::new(&[]);
    let large = "x".repeat(70_000);
    let fits = "x".repeat(30_000);
    let many: Vec<_> = (0..200).map(|n| (format!("x-{n}"), "y")).collect();
    let many: Vec<_> = many
        .iter()
        .map(|(name, value)| (name.as_str(), *value))
        .collect();
    let first = |headers: &[(&str, &str)]| {
        let headers = [&[HOST, ("connection", "close")], headers].concat();
        let answer = block_on(raw(gateway.address, &head("GET /host HTTP/1.1", &headers)));
        answer.lines().next().map(str::to_owned)
    };
    assert_eq!(
        first(&[("x", &fits)]).unwrap(),
        "HTTP/1.1 200 OK",
        "control"
    );
    let refused = "HTTP/1.1 431 Request Header Fields Too Large";
    assert_eq!(first(&many).unwrap(), refused);
    // The answer may be lost if the host closes while the client still sends.
    assert!(first(&[("x", &large)]).is_none_or(|line| line == refused));
}
