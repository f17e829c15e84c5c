//! `GET /?name=bob` is answered with what a greeter says to bob. Where it can't be reached, the
//! answer says why, or is the text of `&default=TEXT` if there is one.

mod back_off;
mod bindings;
mod http;

use bindings::example::greetings::greeter::greet;
use bindings::wrpc::errors::types::{Delivery, RpcError};
use http::{Request, Response};

/// Asks for a greeting, again if that is safe and may help.
fn greet_patiently(name: &str) -> Result<String, RpcError> {
    for delay in back_off::DELAYS {
        match greet(name) {
            Err(error) if may_pass(&error) => back_off::sleep(delay),
            greeting_or_error => return greeting_or_error,
        }
    }
    greet(name)
}

/// Whether the same call may succeed in a moment and can't have any effect twice.
fn may_pass(error: &RpcError) -> bool {
    match error {
        // It takes an operator to add the link, and a developer to mend the interface.
        RpcError::LinkDenied(_) | RpcError::Protocol(_) => false,
        // Nobody has run the call. To repeat it after `unknown` or `accepted`, `greet` would have
        // to be idempotent.
        RpcError::Timeout(failure)
        | RpcError::TargetUnavailable(failure)
        | RpcError::TargetFailed(failure)
        | RpcError::Overloaded(failure)
        | RpcError::Transport(failure)
        | RpcError::Other(failure) => failure.delivery == Delivery::NotSent,
    }
}

/// Says over HTTP what went wrong.
fn explain(error: RpcError) -> Response {
    let (status, case, failure) = match error {
        RpcError::LinkDenied(failure) => (403, "link-denied", failure),
        RpcError::TargetUnavailable(failure) => (503, "target-unavailable", failure),
        RpcError::Overloaded(failure) => (503, "overloaded", failure),
        RpcError::Timeout(failure) => (504, "timeout", failure),
        RpcError::TargetFailed(failure) => (502, "target-failed", failure),
        RpcError::Transport(failure) => (502, "transport", failure),
        RpcError::Protocol(failure) => (502, "protocol", failure),
        // Every case that was added after this component was built, too.
        RpcError::Other(failure) => (500, "other", failure),
    };
    // The message is for the operator, not for whoever asked.
    eprintln!("{case}: {}", failure.message);
    let delivery = match failure.delivery {
        Delivery::NotSent => "not-sent",
        Delivery::Unknown => "unknown",
        Delivery::Accepted => "accepted",
    };
    let response = Response::new(status, format!("{case}, {delivery}\n"));
    if status == 503 {
        response.with_header("retry-after", "1")
    } else {
        response
    }
}

fn answer(request: &Request) -> Response {
    let Some(name) = request.parameter("name") else {
        return Response::new(400, "whom to greet? /?name=bob\n");
    };
    match (greet_patiently(&name), request.parameter("default")) {
        (Ok(greeting), _) => Response::new(200, format!("{greeting}\n")),
        // Whoever asked can do without the greeter, whatever is the matter with it.
        (Err(_), Some(default)) => Response::new(200, format!("{default}\n")),
        (Err(error), None) => explain(error),
    }
}
