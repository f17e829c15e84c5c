//! What the kit finds: each of these transports is wrong in one way.

use core::convert::Infallible;
use core::future::pending;
use core::marker::PhantomData;
use core::num::NonZeroUsize;
use core::pin::Pin;
use core::task::{Context as TaskContext, Poll};
use std::io;
use std::net::SocketAddr;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _, ReadBuf};
use tower::util::BoxCloneSyncService;
use tower::{ServiceExt, service_fn};
use wrpc_middleware_conformance::{
    CannotTell, Delivery, Fault, Layering, Outcome, RpcErrorKind, Scenario, Testbed, check,
};
use wrpc_middleware_transport::{Channels, Context, Invocation, RpcError, Transport, leaf};
use wrpc_transport::{Index, frame, tcp};

use crate::transports::Tcp;

type Outgoing = leaf::Outgoing<frame::Outgoing, leaf::Framed>;
type Inner = leaf::Incoming<frame::Incoming, leaf::Framed>;
type Plain = Transport<tcp::Client<SocketAddr>, leaf::Framed>;
type Call = Invocation<Context<()>>;
type Leaf = BoxCloneSyncService<Call, Channels<Outgoing, Incoming>, RpcError>;

/// What is done to the results on their way.
#[derive(Clone, Copy)]
enum Way {
    /// Nothing.
    Clear,
    /// The last byte of each read is another.
    Changes,
    /// The same of streams alone.
    ChangesStreams,
    /// They fail with an error that is no `RpcError`.
    FailsUntyped,
}

struct Incoming(Inner, Way);

impl AsyncRead for Incoming {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut TaskContext<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if matches!(self.1, Way::FailsUntyped) {
            return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
        }
        let read = Pin::new(&mut self.0).poll_read(cx, buf);
        if let (Way::Changes, Some(last)) = (self.1, buf.filled_mut().last_mut()) {
            *last ^= 1;
        }
        read
    }
}

impl Index<Self> for Incoming {
    fn index(&self, path: &[usize]) -> anyhow::Result<Self> {
        let way = match self.1 {
            Way::ChangesStreams => Way::Changes,
            way => way,
        };
        Ok(Self(self.0.index(path)?, way))
    }
}

/// How a transport is wrong.
trait Flaw: 'static {
    const CANNOT_TELL: &'static [CannotTell] = &[];

    fn leaf(inner: Plain) -> Leaf {
        over(inner, Way::Clear)
    }
}

fn over(inner: Plain, way: Way) -> Leaf {
    let on_its_way = move |channels: Channels<_, _>| Channels {
        outgoing: channels.outgoing,
        incoming: Incoming(channels.incoming, way),
        progress: channels.progress,
    };
    BoxCloneSyncService::new(ServiceExt::<Call>::map_response(inner, on_its_way))
}

/// wRPC over TCP with a flaw.
struct Flawed<F>(Tcp, PhantomData<F>);

impl<F: Flaw> Testbed for Flawed<F> {
    const NAME: &'static str = "flawed";
    const CANNOT_TELL: &'static [CannotTell] = F::CANNOT_TELL;

    type Context = ();
    type Outgoing = Outgoing;
    type Incoming = Incoming;
    type Leaf = Leaf;
    type Server = <Tcp as Testbed>::Server;

    async fn start(max_running: Option<NonZeroUsize>) -> Self {
        Self(Tcp::start(max_running).await, PhantomData)
    }

    fn leaf(&self) -> Leaf {
        F::leaf(self.0.leaf())
    }

    fn server(&self) -> &Self::Server {
        self.0.server()
    }

    async fn inject(&mut self, fault: Fault) {
        self.0.inject(fault).await;
    }

    fn confidential(&self) -> Vec<String> {
        self.0.confidential()
    }
}

/// What the kit says of `F`, without layers.
#[track_caller]
fn finds<F: Flaw>(scenario: Scenario, what: &str) {
    let found = check::<Flawed<F>>(scenario, Layering::Bare).expect_err("it is wrong");
    assert!(found.to_string().contains(what), "{found}");
}

const fn seen(scenario: Scenario, sees: Outcome) -> CannotTell {
    CannotTell {
        scenario,
        sees,
        reason: "of its flaw",
    }
}

/// It declares that it tells how calls fail.
enum Boasts {}

impl Flaw for Boasts {
    const CANNOT_TELL: &'static [CannotTell] = &[seen(Scenario::Acceptance, Outcome::Waits)];
}

#[test]
fn a_transport_that_does_not_prove_what_it_declares() {
    finds::<Boasts>(
        Scenario::TargetGone,
        "should see `target-failed, accepted`, sees `ends`",
    );
    finds::<Boasts>(
        Scenario::ServerLimit,
        "should see `overloaded, not-sent`, sees `returns`",
    );
    check::<Flawed<Boasts>>(Scenario::Value, Layering::Stack).expect("it is wrong in nothing else");
}

/// It declares that it can't tell what it can.
enum IsModest {}

impl Flaw for IsModest {
    const CANNOT_TELL: &'static [CannotTell] = &[seen(Scenario::GarbageResult, Outcome::Ends)];
}

#[test]
fn a_declaration_that_is_out_of_date() {
    finds::<IsModest>(
        Scenario::GarbageResult,
        "it can tell after all, so take it out of `CANNOT_TELL`",
    );
}

/// Its declaration contradicts itself.
enum IsConfused {}

impl Flaw for IsConfused {
    const CANNOT_TELL: &'static [CannotTell] = &[
        seen(Scenario::Acceptance, Outcome::Waits),
        seen(Scenario::Acceptance, Outcome::Ends),
    ];
}

/// It declares the exception to be the rule.
enum IsWordy {}

impl Flaw for IsWordy {
    const CANNOT_TELL: &'static [CannotTell] = &[seen(Scenario::Value, Outcome::Returns)];
}

#[test]
fn declarations_that_make_no_sense() {
    finds::<IsConfused>(Scenario::Value, "`acceptance` is declared twice");
    finds::<IsWordy>(Scenario::NoResult, "`value`, which sees what it should");
}

/// It changes what it carries.
enum Corrupts {}

impl Flaw for Corrupts {
    fn leaf(inner: Plain) -> Leaf {
        over(inner, Way::Changes)
    }
}

/// It changes what it carries in streams.
enum CorruptsStreams {}

impl Flaw for CorruptsStreams {
    fn leaf(inner: Plain) -> Leaf {
        over(inner, Way::ChangesStreams)
    }
}

#[test]
fn values_and_streams_that_do_not_arrive_unchanged() {
    for scenario in [Scenario::Value, Scenario::ErrorValue] {
        finds::<Corrupts>(scenario, "what arrives is wrong");
    }
    finds::<CorruptsStreams>(
        Scenario::Streams,
        "what arrives is wrong: \"other bytes than were streamed\"",
    );
    check::<Flawed<CorruptsStreams>>(Scenario::Value, Layering::Bare)
        .expect("a value has no streams");
}

/// Its streams fail with errors of no type.
enum IsUntyped {}

impl Flaw for IsUntyped {
    fn leaf(inner: Plain) -> Leaf {
        over(inner, Way::FailsUntyped)
    }
}

#[test]
fn errors_that_are_no_rpc_errors() {
    finds::<IsUntyped>(Scenario::Value, "an error that is no `RpcError`");
}

/// It says that nothing was sent, after the target has run the call.
enum Denies {}

impl Flaw for Denies {
    const CANNOT_TELL: &'static [CannotTell] = &[seen(
        Scenario::Value,
        Outcome::Fails(RpcErrorKind::Other, Delivery::NotSent),
    )];

    fn leaf(inner: Plain) -> Leaf {
        BoxCloneSyncService::new(service_fn(move |invocation: Call| {
            let inner = inner.clone();
            async move {
                let progress = invocation.progress().clone();
                // Behind the back of what is known of the call.
                let another = Call::new(
                    Context::new(()),
                    invocation.instance(),
                    invocation.func(),
                    invocation.params.clone(),
                );
                let mut channels = inner.oneshot(another).await?;
                channels.outgoing.shutdown().await.expect("a call");
                channels.incoming.read_u8().await.expect("a result");
                let reason = "it was not me";
                Err::<Channels<_, Incoming>, _>(progress.error(
                    RpcErrorKind::Other,
                    Delivery::NotSent,
                    reason,
                ))
            }
        }))
    }
}

#[test]
fn a_call_that_ran_and_counts_as_not_sent() {
    finds::<Denies>(Scenario::Value, "counts as not sent, and the target ran it");
}

/// It says that the target has the call, and sends nothing.
enum Invents {}

impl Flaw for Invents {
    const CANNOT_TELL: &'static [CannotTell] = &[seen(
        Scenario::Value,
        Outcome::Fails(RpcErrorKind::TargetFailed, Delivery::Accepted),
    )];

    fn leaf(_: Plain) -> Leaf {
        BoxCloneSyncService::new(service_fn(async |invocation: Call| {
            let kind = RpcErrorKind::TargetFailed;
            let error = invocation
                .progress()
                .error(kind, Delivery::Accepted, "it died");
            Err::<Channels<_, Incoming>, _>(error)
        }))
    }
}

#[test]
fn a_call_that_never_arrived_and_counts_as_accepted() {
    finds::<Invents>(Scenario::Value, "and the target never saw it");
}

/// Its messages tell guests where it connects to.
enum Talks {}

impl Flaw for Talks {
    fn leaf(inner: Plain) -> Leaf {
        let leaf = over(inner, Way::Clear);
        BoxCloneSyncService::new(leaf.map_err(|error: RpcError| {
            let message = format!("{}: 127.0.0.1:0 refuses", error.message());
            error.with_message(message)
        }))
    }
}

/// Its messages don't say what failed.
enum Mumbles {}

impl Flaw for Mumbles {
    fn leaf(inner: Plain) -> Leaf {
        let leaf = over(inner, Way::Clear);
        BoxCloneSyncService::new(leaf.map_err(|error: RpcError| error.with_message("no")))
    }
}

#[test]
fn messages_that_say_too_much_or_too_little() {
    finds::<Talks>(Scenario::AbsentTarget, "which guests must not see");
    finds::<Mumbles>(Scenario::AbsentTarget, "does not name the function");
}

/// Each of its calls leaves a task.
enum Leaks {}

impl Flaw for Leaks {
    const CANNOT_TELL: &'static [CannotTell] = &[seen(Scenario::Acceptance, Outcome::Waits)];

    fn leaf(inner: Plain) -> Leaf {
        let leaf = over(inner, Way::Clear);
        BoxCloneSyncService::new(leaf.map_request(|invocation| {
            tokio::spawn(pending::<Infallible>());
            invocation
        }))
    }
}

#[test]
fn calls_that_leave_a_task_behind() {
    finds::<Leaks>(
        Scenario::DroppedAfterHandshake,
        "before 4 calls were dropped there were",
    );
}
