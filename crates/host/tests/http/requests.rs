//! Requests and responses as they should be.

use bytes::Bytes;
use futures::StreamExt as _;
use http_body_util::{BodyExt as _, StreamBody};
use hyper::body::Frame;
use hyper::{Method, Request};
use tokio::sync::mpsc;

use crate::support::gateway::{Gateway, start};
use crate::support::http::{
    Answer, Body, ask, connect, connect_http2, get, head, post, raw, request, send,
};
use crate::support::setup::{Setup, block_on};
use wrpc_middleware_testing::wait::guard;

const LARGE: usize = 16 * 1024 * 1024;

#[test]
fn a_component_answers_with_what_it_got_over_wrpc() {
    let gateway = Gateway::new(&[]);
    let _greeter = gateway.setup.serve("quick.wasm", &[]);
    for path in ["/greet", "/greet?name=%20", "/greet/all"] {
        let answer = block_on(get(gateway.address, path));
        assert_eq!(answer.text(), (200, "hello, bob"), "{path}");
    }
    assert_eq!(
        block_on(get(gateway.address, "/none")).text(),
        (404, "other")
    );
}

#[test]
fn bodies_stream_both_ways() {
    let gateway = Gateway::new(&[]);
    block_on(async {
        let (sender, receiver) = mpsc::unbounded_channel::<Bytes>();
        let frames = futures::stream::unfold(receiver, async |mut receiver| {
            let data = receiver.recv().await?;
            Some((Ok(Frame::data(data)), receiver))
        });
        let body = StreamBody::new(frames.boxed());
        let mut echo = post(gateway.address, "/echo", "");
        *echo.body_mut() = body.boxed_unsync();
        let mut connection = connect(gateway.address).await;
        let response = guard("a response", connection.send_request(echo)).await;
        let mut body = response.unwrap().into_body();
        for part in ["one", "two", "three"] {
            // Each part comes back before the next one is sent.
            sender.send(part.into()).unwrap();
            let frame = guard("a part", body.frame()).await.unwrap().unwrap();
            assert_eq!(frame.into_data().unwrap(), part);
        }
        drop(sender);
        assert!(guard("the end", body.frame()).await.is_none());
    });
}

#[test]
fn large_bodies_arrive_whole() {
    let gateway = Gateway::new(&[]);
    block_on(async {
        let answer = get(gateway.address, "/large").await;
        assert_eq!(answer.body.unwrap().len(), LARGE);
        let sent: Bytes = (0..=255).cycle().take(LARGE / 4).collect();
        let answer = send(post(gateway.address, "/echo", sent.clone())).await;
        assert!(answer.body.unwrap() == sent);
    });
}

fn head_request(gateway: &Gateway, path: &str) -> Request<Body> {
    let mut head = request(gateway.address, path);
    *head.method_mut() = Method::HEAD;
    head
}

/// The guest writes all of it, and gives its place back.
#[test]
fn a_response_to_head_has_no_body() {
    let gateway = Gateway::new(&["--max-requests", "1"]);
    block_on(async {
        let mut http1 = connect(gateway.address).await;
        let mut http2 = connect_http2(gateway.address).await;
        for (path, length) in [("/large", None), ("/exact", Some("12"))] {
            for over_http2 in [false, true] {
                let answer = guard("a place", async {
                    loop {
                        let head = head_request(&gateway, path);
                        let response = if over_http2 {
                            http2.send_request(head).await.unwrap()
                        } else {
                            ask(&mut http1, head).await
                        };
                        let answer = Answer::of(response).await;
                        if answer.status != 503 {
                            break answer;
                        }
                    }
                })
                .await;
                assert_eq!(answer.text(), (200, ""), "{path} {over_http2}");
                let said = answer.headers.get("content-length");
                let said = said.map(|length| length.to_str().unwrap());
                assert_eq!(said, length, "{path} {over_http2}");
            }
        }
    });
}

#[test]
fn what_the_host_answers_to_head_has_no_body() {
    let gateway = Gateway::new(&[]);
    block_on(async {
        let answer = send(head_request(&gateway, "/trap")).await;
        assert_eq!(answer.text(), (500, ""));
        let mut http2 = connect_http2(gateway.address).await;
        for _ in 0..2 {
            let response = http2.send_request(head_request(&gateway, "/trap"));
            let answer = Answer::of(guard("a response", response).await.unwrap()).await;
            assert_eq!(answer.text(), (500, ""));
        }
    });
}

#[test]
fn http2_has_requests_side_by_side() {
    let gateway = Gateway::new(&[]);
    let _greeter = gateway.setup.serve("soon.wasm", &[]);
    block_on(async {
        let connection = connect_http2(gateway.address).await;
        let answers = (0..20).map(async |_| {
            let mut connection = connection.clone();
            guard("a connection", connection.ready()).await.unwrap();
            let mut greet = request(gateway.address, "/greet");
            greet.headers_mut().clear();
            let response = guard("a response", connection.send_request(greet)).await;
            Answer::of(response.unwrap()).await
        });
        for answer in futures::future::join_all(answers).await {
            assert_eq!(answer.text(), (200, "bob"));
        }
        let mut connection = connection;
        let host = connection.send_request(request(gateway.address, "/host"));
        let answer = Answer::of(guard("a response", host).await.unwrap()).await;
        assert_eq!(answer.text(), (200, gateway.address.to_string().as_str()));
    });
}

#[test]
fn a_guest_that_goes_on_after_its_answer_keeps_nobody_waiting() {
    let gateway = Gateway::new(&["--timeout", "1h", "--request-timeout", "2h"]);
    // It would go on for an hour.
    let _greeter = gateway.setup.serve("slow.wasm", &[]);
    for path in ["/linger", "/exact"] {
        assert_eq!(block_on(get(gateway.address, path)).status, 200, "{path}");
    }
}

type Headers = &'static [(&'static str, &'static str)];

/// What a request of these lines gets: its status, and the text.
fn answered(gateway: &Gateway, line: &str, headers: &[(&str, &str)]) -> (String, String) {
    let headers = [headers, &[("connection", "close")]].concat();
    let answer = block_on(raw(gateway.address, &head(line, &headers)));
    let (first, _) = answer.split_once("\r\n").unwrap();
    let (_, body) = answer.split_once("\r\n\r\n").unwrap();
    (first.to_owned(), body.to_owned())
}

#[test]
fn a_request_names_one_host() {
    let gateway = Gateway::new(&[]);
    let good: &[(&str, Headers, &str)] = &[
        (
            "GET /host HTTP/1.1",
            &[("host", "a.example:80")],
            "a.example:80",
        ),
        (
            "GET http://b.example/host HTTP/1.1",
            &[("host", "a.example")],
            "b.example",
        ),
        ("GET /host HTTP/1.0", &[("host", "a.example")], "a.example"),
        ("GET /host HTTP/1.0", &[], "127.0.0.1:"),
    ];
    for (line, headers, expected) in good {
        let (status, body) = answered(&gateway, line, headers);
        assert!(status.ends_with("200 OK"), "{line} {headers:?}: {status}");
        assert!(body.contains(expected), "{line} {headers:?}: {body}");
    }
    let bad: &[Headers] = &[
        &[],
        &[("host", "a.example"), ("host", "b.example")],
        &[("host", "a b")],
        &[("host", "ä")],
    ];
    for headers in bad {
        let (status, body) = answered(&gateway, "GET /host HTTP/1.1", headers);
        assert_eq!(status, "HTTP/1.1 400 Bad Request", "{headers:?}");
        assert_eq!(body, "the request has to name one host\n");
    }
    let (status, _) = answered(&gateway, "CONNECT a.example:80 HTTP/1.1", &[("host", "a")]);
    assert_eq!(status, "HTTP/1.1 501 Not Implemented");
}

#[test]
fn requests_are_logged_without_what_their_query_says() {
    let setup = Setup::new();
    let log = [("RUST_LOG", "wrpc_host=info")];
    let (mut process, address) = start(&setup, &["--request-timeout", "500ms"], &log);
    for (path, expected) in [
        ("/host?secret=1", "status=200"),
        ("/trap?secret=1", "status=500"),
        ("/half-wait?secret=1", "answered in part"),
        ("/host?secret=1", "answered"),
    ] {
        block_on(get(address, path));
        let (shown, _) = path.split_once('?').unwrap();
        let line = process.says(&format!("method=GET path=\"{shown}\""));
        assert!(line.contains(expected), "{line}");
        assert!(line.contains("took="), "{line}");
        assert!(!line.contains("secret"), "{line}");
    }
}
