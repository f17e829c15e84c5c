//! Components that fail to answer, wholly or in the middle.

use crate::support::gateway::Gateway;
use crate::support::http::{connect, get, request};
use crate::support::setup::block_on;
use wrpc_middleware_testing::wait::guard;

const SHORT: [&str; 2] = ["--request-timeout", "500ms"];

#[test]
fn a_guest_without_an_answer_is_answered_for() {
    let mut gateway = Gateway::new(&SHORT);
    let table = [
        ("/trap", 500, "failed to answer", "the component trapped"),
        (
            "/silent",
            500,
            "failed to answer",
            "ended without an answer",
        ),
        ("/switch", 500, "failed to answer", "answered 101"),
        ("/spin", 504, "in time", "while the component was computing"),
        ("/wait", 504, "in time", "while the component was waiting"),
    ];
    for (path, status, text, logged) in table {
        let answer = block_on(get(gateway.address, path));
        let (got, body) = answer.text();
        assert_eq!(got, status, "{path}");
        assert!(body.contains(text), "{path}: {body}");
        let line = gateway.process.says(&format!("GET {path}: "));
        assert!(line.contains(logged), "{line}");
        // Nothing of it is left.
        assert_eq!(block_on(get(gateway.address, "/host")).status, 200);
    }
}

/// Nothing but the bound ends it, within the hour.
#[test]
fn a_guest_that_takes_what_the_host_keeps_without_end_is_ended() {
    let mut gateway = Gateway::new(&["--request-timeout", "1h"]);
    for path in ["/hoard", "/append"] {
        let answer = block_on(get(gateway.address, path));
        let expected = (500, "the component failed to answer\n");
        assert_eq!(answer.text(), expected, "{path}");
        let line = gateway.process.says(&format!("GET {path}: "));
        assert!(line.contains("the component trapped"), "{line}");
        assert_eq!(block_on(get(gateway.address, "/host")).status, 200);
    }
}

#[test]
fn an_error_code_becomes_its_status() {
    let gateway = Gateway::new(&[]);
    let answer = block_on(get(gateway.address, "/code"));
    assert_eq!(
        answer.text(),
        (504, "the component answered with an error\n")
    );
}

/// Whether a response is cut off, and the connection with it.
async fn is_cut(gateway: &Gateway, path: &str) -> bool {
    let mut connection = connect(gateway.address).await;
    let response = connection.send_request(request(gateway.address, path));
    // Its head may not have been sent yet.
    let Ok(response) = guard("a response", response).await else {
        return true;
    };
    assert_eq!(response.status(), 200, "{path}");
    let cut = crate::support::http::Answer::of(response)
        .await
        .body
        .is_err();
    let open = guard("a connection", connection.ready()).await.is_ok();
    assert_eq!(open, !cut, "{path}");
    cut
}

#[test]
fn an_answer_that_breaks_off_does_not_look_complete() {
    let gateway = Gateway::new(&SHORT);
    let paths = [
        "/half-trap",
        "/half-spin",
        "/half-wait",
        "/half-drop",
        "/short",
    ];
    for path in paths {
        assert!(block_on(is_cut(&gateway, path)), "{path}");
    }
    let gateway = Gateway::new(&[]);
    for path in ["/large", "/exact", "/rest-spin"] {
        assert!(!block_on(is_cut(&gateway, path)), "control: {path}");
    }
}

/// More of them than there are threads.
#[test]
fn guests_that_compute_keep_nobody_waiting() {
    let mut gateway = Gateway::new(&["--request-timeout", "1h"]);
    block_on(async {
        let mut spinning = Vec::new();
        for _ in 0..8 {
            let mut connection = connect(gateway.address).await;
            let spin = connection.send_request(request(gateway.address, "/spin"));
            spinning.push((tokio::spawn(spin), connection));
            gateway.runs();
        }
        for _ in 0..8 {
            assert_eq!(get(gateway.address, "/host").await.status, 200);
        }
        for (spin, _) in spinning {
            assert!(!spin.is_finished());
            spin.abort();
        }
    });
}

#[test]
fn a_memory_has_a_limit() {
    let gateway = Gateway::new(&[]);
    let answer = block_on(get(gateway.address, "/grow"));
    assert_eq!(answer.text(), (200, "bob"));
    let gateway = Gateway::new(&["--max-memory", "4294967296"]);
    let answer = block_on(get(gateway.address, "/grow"));
    assert_eq!(answer.status, 500, "control");
}

#[test]
fn there_is_no_way_out_over_http() {
    let gateway = Gateway::new(&[]);
    let answer = block_on(get(gateway.address, "/out"));
    assert_eq!(answer.text(), (403, "denied"));
}
