//! How many requests run, and what ends them early.

use futures::StreamExt as _;
use nix::sys::signal::Signal;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use crate::support::gateway::Gateway;
use crate::support::http::{
    Answer, ask, connect, connect_http2, get, head, raw, request, rest, until,
};
use crate::support::setup::block_on;
use wrpc_middleware_testing::wait::guard;

/// A place for one request, for longer than any test takes.
const ONE: [&str; 4] = ["--max-requests", "1", "--request-timeout", "1h"];

#[test]
fn one_request_more_than_may_run_is_refused_at_once() {
    let mut gateway = Gateway::new(&ONE);
    block_on(async {
        let mut connection = connect(gateway.address).await;
        let wait = connection.send_request(request(gateway.address, "/wait"));
        let wait = tokio::spawn(wait);
        gateway.runs();
        let mut other = connect(gateway.address).await;
        for _ in 0..3 {
            let refused = ask(&mut other, request(gateway.address, "/host")).await;
            let refused = Answer::of(refused).await;
            let expected = (503, "too many requests are running here\n");
            assert_eq!(refused.text(), expected);
            assert_eq!(refused.headers.get("retry-after").unwrap(), "1");
        }
        assert!(!wait.is_finished());
    });
}

/// Nothing but the end of its connection ends such a guest, within the hour.
#[test]
fn a_client_that_leaves_ends_its_request() {
    let mut gateway = Gateway::new(&ONE);
    for path in ["/wait", "/spin", "/half-wait", "/half-spin"] {
        block_on(async {
            let mut connection = connect(gateway.address).await;
            let response = connection.send_request(request(gateway.address, path));
            let response = tokio::spawn(response);
            gateway.runs();
            assert_eq!(get(gateway.address, "/host").await.status, 503, "{path}");
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
    let options = ["--max-requests", "2", "--request-timeout", "1h"];
    let mut gateway = Gateway::new(&options);
    block_on(async {
        let mut connection = connect_http2(gateway.address).await;
        let kept = tokio::spawn(connection.send_request(request(gateway.address, "/wait")));
        gateway.runs();
        for path in ["/wait", "/half-wait"] {
            let response = connection.send_request(request(gateway.address, path));
            let response = tokio::spawn(response);
            gateway.runs();
            assert_eq!(get(gateway.address, "/host").await.status, 503, "{path}");
            response.abort();
            drop(response.await);
            until(gateway.address, "/host", 200).await;
        }
        assert!(!kept.is_finished());
    });
}

#[test]
fn a_client_that_leaves_ends_the_calls_of_its_request() {
    let gateway = Gateway::new(&["--request-timeout", "1h", "--timeout", "1h"]);
    let _greeter = gateway.setup.serve("slow.wasm", &[]);
    block_on(async {
        let nats = async_nats::connect(gateway.setup.nats.url()).await.unwrap();
        let mut messages = nats.subscribe(">").await.unwrap();
        nats.publish("probe", "".into()).await.unwrap();
        let mut next = async |what: &str, is: &dyn Fn(&str) -> bool| {
            guard(what, async {
                loop {
                    let message = messages.next().await.unwrap();
                    if is(message.subject.as_str()) {
                        return message.reply.unwrap_or_else(|| "none".into());
                    }
                }
            })
            .await
        };
        next("the subscription", &|subject| subject == "probe").await;

        let mut connection = connect(gateway.address).await;
        let response = connection.send_request(request(gateway.address, "/greet"));
        let response = tokio::spawn(response);
        let inbox = next("the call", &|subject| subject.contains(".wrpc.0.0.1.")).await;
        let target = next("the handshake", &|subject| subject == inbox.as_str()).await;
        drop(connection);
        response.abort();
        let cancel = format!("{target}.cancel");
        next("the cancellation", &|subject| subject == cancel).await;
    });
}

/// Its guest can't write any more, which is not its fault.
#[test]
fn a_client_that_leaves_is_no_failure_of_the_component() {
    let mut gateway = Gateway::new(&[]);
    block_on(async {
        for _ in 0..20 {
            let mut connection = connect(gateway.address).await;
            let large = ask(&mut connection, request(gateway.address, "/large")).await;
            gateway.runs();
            drop((large, connection));
        }
    });
    gateway.process.signal(Signal::SIGTERM);
    let (status, stderr) = gateway.process.ended();
    assert_eq!(status.code(), Some(0), "{stderr}");
    assert!(!stderr.contains("trapped"), "{stderr}");
}

/// The guest is long gone by then; what it has left waits for its client.
#[test]
fn a_client_that_does_not_read_is_cut_off() {
    let options = ["--max-requests", "1", "--request-timeout", "500ms"];
    let mut gateway = Gateway::new(&options);
    block_on(async {
        let mut stream = TcpStream::connect(gateway.address).await.unwrap();
        let ask = head("GET /large HTTP/1.1", &[("host", "a.example")]);
        stream.write_all(&ask).await.unwrap();
        gateway.runs();
        until(gateway.address, "/host", 200).await;
        let got = rest(&mut stream).await;
        assert!(got.starts_with("HTTP/1.1 200 OK"));
        assert!(!got.ends_with("\r\n0\r\n\r\n"));
    });
    // The control has the time.
    let gateway = Gateway::new(&[]);
    let ask = head(
        "GET /large HTTP/1.1",
        &[("host", "a.example"), ("connection", "close")],
    );
    let got = block_on(raw(gateway.address, &ask));
    assert!(got.ends_with("\r\n0\r\n\r\n"));
}

/// A response that is not read is overdue a second after its request's deadline. The connection
/// takes no more requests then, but those that run end as they would.
#[test]
fn a_response_that_is_not_read_cuts_off_no_other_of_its_connection() {
    let mut gateway = Gateway::new(&["--request-timeout", "2s"]);
    block_on(async {
        let mut connection = connect_http2(gateway.address).await;
        let large = connection.send_request(request(gateway.address, "/large"));
        let large = guard("a response", large).await.unwrap();
        gateway.runs();
        // Each of these ends at its deadline, the second one after the other is overdue.
        for _ in 0..2 {
            let wait = connection.send_request(request(gateway.address, "/wait"));
            let wait = guard("a response", wait).await.unwrap();
            assert_eq!(Answer::of(wait).await.status, 504);
        }
        assert!(
            Answer::of(large).await.body.is_err(),
            "the connection is cut"
        );
    });
}
