//! Streams of several messages, of which some go missing.

use async_nats::HeaderMap;
use bytes::Bytes;
use futures::StreamExt as _;
use tokio::io::AsyncWriteExt as _;
use tokio::sync::mpsc;
use wrpc_middleware_errors::{Delivery, RpcErrorKind};
use wrpc_middleware_nats::{Client, Incoming, Options, Outgoing};
use wrpc_transport::{Index as _, Invoke as _};

use crate::support::both::{Peer, new, new_with};
use crate::support::errors::{read_to_end, read_to_failure};
use crate::support::peers::{INSTANCE, context};
use crate::support::raw::{RawCaller, RawTarget, header, headers, publish};
use crate::support::serving::{paths, serve};
use wrpc_middleware_testing::nats::{NatsServer, round_trip};
use wrpc_middleware_testing::wait::guard;

const STREAM: [[Option<usize>; 1]; 1] = [[Some(0)]];

/// A message: its number, if it has one, and its payload, empty for the end.
type Sent = (Option<&'static str>, &'static str);

/// What a reader makes of some messages.
struct Case {
    sent: &'static [Sent],
    read: &'static str,
    fails: Option<RpcErrorKind>,
}

const LOST: Option<RpcErrorKind> = Some(RpcErrorKind::Transport);

const CASES: &[Case] = &[
    // As our peers do it.
    Case {
        sent: &[(None, "")],
        read: "",
        fails: None,
    },
    Case {
        sent: &[(None, "a"), (Some("1"), "")],
        read: "a",
        fails: None,
    },
    Case {
        sent: &[
            (None, "a"),
            (Some("1"), "b"),
            (Some("2"), "c"),
            (Some("3"), ""),
        ],
        read: "abc",
        fails: None,
    },
    // As those do it that number nothing.
    Case {
        sent: &[(None, "a"), (None, "b"), (None, "c"), (None, "")],
        read: "abc",
        fails: None,
    },
    // The first, one in the middle, several, the last before the end.
    Case {
        sent: &[(Some("1"), "b"), (Some("2"), "")],
        read: "",
        fails: LOST,
    },
    Case {
        sent: &[(Some("1"), "")],
        read: "",
        fails: LOST,
    },
    Case {
        sent: &[
            (None, "a"),
            (Some("2"), "c"),
            (Some("3"), "d"),
            (Some("4"), ""),
        ],
        read: "a",
        fails: LOST,
    },
    Case {
        sent: &[(None, "a"), (Some("7"), "h"), (Some("8"), "")],
        read: "a",
        fails: LOST,
    },
    Case {
        sent: &[(None, "a"), (Some("1"), "b"), (Some("3"), "")],
        read: "ab",
        fails: LOST,
    },
    // Twice the same, and as if nothing had happened.
    Case {
        sent: &[
            (None, "a"),
            (Some("1"), "b"),
            (Some("1"), "b"),
            (Some("2"), "c"),
            (Some("3"), ""),
        ],
        read: "ab",
        fails: LOST,
    },
    Case {
        sent: &[(None, "a"), (Some("0"), "a"), (Some("1"), "")],
        read: "a",
        fails: LOST,
    },
    // In another order.
    Case {
        sent: &[
            (None, "a"),
            (Some("2"), "c"),
            (Some("1"), "b"),
            (Some("2"), "c"),
            (Some("3"), ""),
        ],
        read: "a",
        fails: LOST,
    },
    // Numbers that stop, and that start late: there is no telling what is missing.
    Case {
        sent: &[(None, "a"), (Some("1"), "b"), (None, "c"), (None, "")],
        read: "ab",
        fails: LOST,
    },
    Case {
        sent: &[(None, "a"), (None, "b"), (Some("1"), "c"), (Some("2"), "")],
        read: "ab",
        fails: LOST,
    },
    Case {
        sent: &[(None, "a"), (Some("1"), "b"), (None, "")],
        read: "ab",
        fails: LOST,
    },
    // What is no number.
    Case {
        sent: &[
            (None, "a"),
            (Some("b"), "b"),
            (Some("1"), "b"),
            (Some("2"), ""),
        ],
        read: "a",
        fails: Some(RpcErrorKind::Protocol),
    },
    Case {
        sent: &[(None, "a"), (Some("-1"), "b"), (Some("1"), "")],
        read: "a",
        fails: Some(RpcErrorKind::Protocol),
    },
    Case {
        sent: &[(None, "a"), (Some("18446744073709551616"), "")],
        read: "a",
        fails: Some(RpcErrorKind::Protocol),
    },
    // Nothing follows the end.
    Case {
        sent: &[(None, "a"), (Some("1"), ""), (Some("2"), "b")],
        read: "a",
        fails: None,
    },
];

fn numbered(number: Option<&str>) -> Option<HeaderMap> {
    number.and_then(|number| headers(&[("Wrpc-Sequence", number)]))
}

/// Reads as a case has it, after all of it has arrived.
async fn assert_read(case: &Case, incoming: &mut Incoming) {
    let read = match case.fails {
        None => read_to_end(incoming).await,
        Some(kind) => read_to_failure(incoming, kind, Delivery::Accepted).await.0,
    };
    assert_eq!(str::from_utf8(&read).unwrap(), case.read, "{:?}", case.sent);
}

#[tokio::test(flavor = "multi_thread")]
async fn results_of_any_peer_are_complete_or_fail() {
    let server = NatsServer::start().await;
    let mut target = RawTarget::start(&server, "raw").await;
    let caller = new_with(&server, Options::new().keepalive(None)).await;
    for case in CASES {
        for path in ["", ".0"] {
            let call = caller
                .wrpc
                .invoke(context(), INSTANCE, "raw", Bytes::new(), STREAM);
            let (_params, mut results) = guard("a call", call).await.unwrap();
            let call = target.call().await;
            let (_below, _inbox) = call.accept().await;
            for (number, payload) in case.sent {
                call.results(path, numbered(*number), *payload).await;
            }
            call.sent().await;
            caller.wrpc.round_trip().await.unwrap();
            if path.is_empty() {
                assert_read(case, &mut results).await;
            } else {
                assert_read(case, &mut results.index(&[0]).unwrap()).await;
            }
        }
    }
}

/// The ends of calls that were taken.
type Ends = mpsc::UnboundedReceiver<(Outgoing, Incoming)>;

/// Serves a function that hands out its ends.
async fn ends(target: &Peer<Client>) -> (Ends, impl Sized) {
    let (sender, receiver) = mpsc::unbounded_channel();
    let serving = serve(
        &target.wrpc,
        "ends",
        paths(&[&[Some(0)]]),
        move |_, results, params| {
            sender.send((results, params)).unwrap();
            core::future::ready(())
        },
    )
    .await;
    (receiver, serving)
}

#[tokio::test(flavor = "multi_thread")]
async fn parameters_of_any_peer_are_complete_or_fail() {
    let server = NatsServer::start().await;
    let target = new(&server).await;
    let (mut ends, _serving) = ends(&target).await;
    for case in CASES {
        for path in ["", ".0"] {
            let mut caller = RawCaller::start(&server).await;
            caller.call("ends", None, "").await;
            let inbox = caller.next().await.reply.expect("a handshake");
            for (number, payload) in case.sent {
                let subject = format!("{inbox}.params{path}");
                publish(&caller.nats, subject, None, numbered(*number), *payload).await;
            }
            round_trip(&caller.nats).await;
            target.wrpc.round_trip().await.unwrap();
            let (_results, mut params) = guard("a call", ends.recv()).await.unwrap();
            if path.is_empty() {
                assert_read(case, &mut params).await;
            } else {
                assert_read(case, &mut params.index(&[0]).unwrap()).await;
            }
        }
    }
}

/// All but the first message of a stream are numbered, the end too.
#[tokio::test(flavor = "multi_thread")]
async fn ours_number_what_they_send() {
    let server = NatsServer::start().await;
    // Parameters.
    let mut target = RawTarget::start(&server, "raw").await;
    let caller = new(&server).await;
    let params = Bytes::from(vec![7; 3 << 20]);
    let call = caller
        .wrpc
        .invoke(context(), INSTANCE, "raw", params.clone(), STREAM);
    let (mut outgoing, _results) = guard("a call", call).await.unwrap();
    let call = target.call().await;
    assert!(call.message.headers.is_none());
    let (mut below, _) = call.accept().await;
    guard("the end", outgoing.shutdown()).await.unwrap();
    let mut rest = params.slice(call.message.payload.len()..);
    for number in 0_u64.. {
        let message = guard("parameters", below.next()).await.unwrap();
        assert!(message.subject.ends_with(".params"));
        let text = (number > 0).then(|| number.to_string());
        assert_eq!(header(&message, "Wrpc-Sequence"), text.as_deref());
        assert_eq!(message.payload, rest.split_to(message.payload.len()));
        if message.payload.is_empty() {
            assert!(number >= 3);
            break;
        }
    }
    assert!(rest.is_empty());

    // Results, on each stream by itself.
    let target = new(&server).await;
    let _serving = serve(
        &target.wrpc,
        "count",
        paths(&[]),
        |_, mut results, _| async move {
            let mut stream = results.index(&[0]).unwrap();
            for part in ["a", "b"] {
                results.write_all(part.as_bytes()).await.unwrap();
                stream.write_all(part.as_bytes()).await.unwrap();
            }
            stream.shutdown().await.unwrap();
            let mut empty = results.index(&[1]).unwrap();
            empty.shutdown().await.unwrap();
            results.shutdown().await.unwrap();
        },
    )
    .await;
    let mut caller = RawCaller::start(&server).await;
    caller.call("count", None, "").await;
    let inbox = caller.next().await.subject;
    for (path, number, payload) in [
        ("", None, "a"),
        (".0", None, "a"),
        ("", Some("1"), "b"),
        (".0", Some("1"), "b"),
        (".0", Some("2"), ""),
        (".1", None, ""),
        ("", Some("2"), ""),
    ] {
        let message = caller.next().await;
        assert_eq!(*message.subject, *format!("{inbox}.results{path}"));
        assert_eq!(*message.payload, *payload.as_bytes());
        assert_eq!(header(&message, "Wrpc-Sequence"), number);
    }
}

/// A peer of ours is sent what it reads as a whole, and upstream's no more messages than it has
/// room for.
#[tokio::test(flavor = "multi_thread")]
async fn a_message_is_as_large_as_suits_the_peer() {
    const WRITTEN: usize = 1 << 20;
    let server = NatsServer::start().await;
    let mut target = RawTarget::start(&server, "raw").await;
    let caller = new(&server).await;
    let ours = format!("_INBOX.{}.{}", "c".repeat(16), "x".repeat(16));
    let upstream = target.nats.new_inbox();
    for (inbox, largest) in [(ours, 24 << 10), (upstream, 256 << 10)] {
        let call = caller
            .wrpc
            .invoke(context(), INSTANCE, "raw", Bytes::new(), STREAM);
        let (mut outgoing, _results) = guard("a call", call).await.unwrap();
        let call = target.call().await;
        let mut below = target.nats.subscribe(format!("{inbox}.>")).await.unwrap();
        call.accept_as(&inbox).await;
        let params = vec![7; WRITTEN];
        guard("room", outgoing.write_all(&params)).await.unwrap();
        let mut rest = WRITTEN;
        while rest > 0 {
            let message = guard("parameters", below.next()).await.unwrap();
            assert_eq!(message.payload.len(), rest.min(largest), "{inbox}");
            rest -= message.payload.len();
        }
    }
}
