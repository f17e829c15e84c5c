//! What one call holds, and how it fails.

use core::pin::Pin;
use core::task::{Context, Poll, Waker};

use bytes::Bytes;
use tokio::io::{AsyncRead as _, ReadBuf};

use super::*;
use crate::budget::Budget;
use crate::connection::ConnectionState;
use crate::serve::offline::Server;
use crate::{Incoming, header, offline};

fn message(subject: Subject) -> Message {
    Message {
        subject,
        reply: None,
        payload: Bytes::new(),
        headers: None,
        status: None,
        description: None,
        length: 0,
    }
}

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
    let progress = Progress::new("a:b/c".into(), "f".into());
    let side = Side::Caller {
        progress: progress.clone(),
        subject: "t.wrpc.0.0.1.a:b/c.f".into(),
    };
    let exchange = Exchange::new(connection, side, None, Paths::default());
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
    let mut call = message("t.wrpc.0.0.1.a:b/c.f".into());
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
