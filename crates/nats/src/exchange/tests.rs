//! What one call holds, and how it fails.

use core::pin::Pin;
use core::task::{Context, Poll, Waker};

use tokio::io::{AsyncRead as _, ReadBuf};

use super::*;
use crate::budget::Budget;
use crate::connect::Violation;
use crate::connection::ConnectionState;
use crate::offline::{self, message};
use crate::serve::offline::Server;
use crate::{Incoming, header};

async fn connection() -> Arc<Connection> {
    offline::connection(Budget::new(1 << 20, 1 << 20), 2048)
        .await
        .0
}

fn read(stream: &mut Incoming) -> RpcError {
    let mut buf = [0];
    let cx = &mut Context::from_waker(Waker::noop());
    match Pin::new(stream).poll_read(cx, &mut ReadBuf::new(&mut buf)) {
        Poll::Ready(Err(error)) => RpcError::classify(error),
        polled => panic!("{polled:?}"),
    }
}

#[tokio::test]
async fn a_call_that_was_taken_is_not_said_to_be_unsent_by_another_target() {
    let connection = connection().await;
    let progress = Progress::new("a:b/c", "f");
    let subject = "t.wrpc.0.0.1.a:b/c.f".into();
    let exchange = Exchange::of_caller(connection, progress.clone(), subject, Paths::default());
    let mut incoming = Incoming::new(Arc::clone(&exchange));
    let mut taken = message(exchange.inbox());
    taken.reply = Some("_INBOX.t.one".into());
    exchange.deliver(Part::Root, taken);

    let full = RpcError::new(RpcErrorKind::Overloaded, Delivery::NotSent, "f: full");
    let mut refused = message(exchange.inbox());
    refused.headers = Some(header::refusal(&full));
    exchange.deliver(Part::Root, refused);

    let error = read(&mut incoming);
    assert_eq!(
        (error.kind(), error.delivery()),
        (RpcErrorKind::Overloaded, Delivery::Accepted)
    );
    assert_eq!(progress.delivery(), Delivery::Accepted);
}

#[tokio::test]
async fn a_served_call_that_failed_fails_no_other_way_when_its_connection_is_lost() {
    let connection = connection().await;
    let server = Server::over(Arc::clone(&connection), Paths::default());
    let mut call = message("t.wrpc.0.0.1.a:b/c.f");
    call.reply = Some("_INBOX.c.one".into());
    let (_, _outgoing, mut incoming) = server.offered(call).unwrap().accept();
    let exchange = connection.registry().all().next().unwrap();
    let mut malformed = message(exchange.inbox());
    let mut headers = async_nats::HeaderMap::new();
    headers.insert("Wrpc-Sequence", "first");
    malformed.headers = Some(headers);
    exchange.deliver(Part::Params(Vec::new()), malformed);

    assert_eq!(read(&mut incoming).kind(), RpcErrorKind::Protocol);
    connection.core().lost(ConnectionState::Disconnected);
    assert_eq!(read(&mut incoming).kind(), RpcErrorKind::Protocol);
}

/// What the documentation of `Client` says of it, with the call's two subjects and its place in the
/// registry.
#[test]
fn a_waiting_call_is_small() {
    assert!(size_of::<Exchange>() <= 448, "{}", size_of::<Exchange>());
}

#[tokio::test]
async fn a_call_fails_by_a_refusal_once_it_is_certain_that_it_is_its_own() {
    let connection = connection().await;
    let violation = Violation("no".into());
    let subject = Subject::from("t.wrpc.0.0.1.a:b/c.f");
    let calls = [(); 3].map(|()| {
        let progress = Progress::new("a:b/c", "f");
        let connection = Arc::clone(&connection);
        let call = Exchange::of_caller(connection, progress, subject.clone(), Paths::default());
        call.sent();
        call
    });
    let refuse = || {
        connection.core().violations.refused(&subject);
        for call in &calls {
            call.denied(&subject, &violation);
        }
    };
    let delivery = |call: &Exchange| call.failure().map(|error| error.delivery());
    refuse();
    assert_eq!(calls.each_ref().map(|call| delivery(call)), [None; 3]);

    let [answered, refused, other] = &calls;
    let mut taken = message(answered.inbox());
    taken.reply = Some("_INBOX.t.one".into());
    answered.deliver(Part::Root, taken);
    refuse();
    let not_sent = Some(Delivery::NotSent);
    assert_eq!(
        calls.each_ref().map(|call| delivery(call)),
        [None, not_sent, not_sent]
    );
    assert_eq!(refused.failure().unwrap().kind(), RpcErrorKind::Transport);
    assert!(answered.awaited_at().is_none() && other.awaited_at().is_some());
    // Nor when the broker has no more to say.
    answered.denied_at_last(&violation);
    assert!(answered.failure().is_none());
}

#[tokio::test]
async fn a_call_that_waits_for_room_and_is_denied_is_never_sent() {
    let connection = connection().await;
    let progress = Progress::new("a:b/c", "f");
    let held = progress.hold();
    let subject = Subject::from("t.wrpc.0.0.1.a:b/c.f");
    let paths = Paths::default();
    let others = Exchange::of_caller(
        Arc::clone(&connection),
        Progress::new("a:b/c", "f"),
        subject.clone(),
        paths.clone(),
    );
    others.sent();
    let waits = Exchange::of_caller(connection, progress.clone(), subject, paths);
    waits.denied_at_last(&Violation("no".into()));
    let failure = waits.failure().unwrap();
    assert_eq!(failure.delivery(), Delivery::NotSent);
    let cx = &mut Context::from_waker(Waker::noop());
    let sent = waits.poll_send(cx, |_| -> Poll<()> { panic!("it is sent") });
    assert!(matches!(sent, Poll::Ready(Err(_))));
    drop(held);
}
