//! The transports over NATS: a broker, and a wire to it for either side that can be cut.

use core::future::Future;
use core::num::NonZeroUsize;
use core::time::Duration;

use async_nats::connection::State;
use bytes::Bytes;
use futures::StreamExt as _;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::task::JoinSet;
use tower::Service;
use wrpc_middleware_conformance::{CannotTell, Fault, Outcome, Scenario, TARGET, Testbed};
use wrpc_middleware_nats::{Client, Options};
use wrpc_middleware_testing::nats::{NatsServer, connect, disconnected, round_trip};
use wrpc_middleware_testing::proxy::Proxy;
use wrpc_middleware_transport::nats::{self, NatsTransport};
use wrpc_middleware_transport::{Channels, Context, Invocation, RpcError};
use wrpc_transport::{Index, Serve};

/// The subject prefix of all targets.
const PREFIX: &str = "default";

/// A transport over NATS.
pub trait Wire: Sized + 'static {
    const NAME: &'static str;
    const CANNOT_TELL: &'static [CannotTell];

    type Outgoing: AsyncWrite + Index<Self::Outgoing> + Send + Sync + Unpin + 'static;
    type Incoming: AsyncRead + Index<Self::Incoming> + Send + Sync + Unpin + 'static;
    type Leaf: Service<
            Invocation<Context<Option<async_nats::HeaderMap>>>,
            Response = Channels<Self::Outgoing, Self::Incoming>,
            Error = RpcError,
            Future: Send,
        > + Clone
        + Send
        + Sync
        + 'static;
    type Server: Serve;

    fn leaf(nats: async_nats::Client) -> impl Future<Output = Self::Leaf>;

    fn server(
        nats: async_nats::Client,
        max_running: Option<NonZeroUsize>,
    ) -> impl Future<Output = Self::Server>;

    /// The calls that either side knows of.
    fn calls(leaf: &Self::Leaf, server: &Self::Server) -> usize;
}

/// A caller and a target at one broker.
pub struct Nats<W: Wire> {
    leaf: W::Leaf,
    server: W::Server,
    caller: async_nats::Client,
    target: async_nats::Client,
    to_caller: Proxy,
    to_target: Proxy,
    in_place: JoinSet<()>,
    broker: NatsServer,
}

impl<W: Wire> Nats<W> {
    /// Listens in the place of the target, and answers every call with `answer`, if there is one.
    async fn listen(&mut self, answer: Option<&'static [u8]>) {
        let nats = self.broker.connect().await;
        let subject = format!("{PREFIX}.{TARGET}.wrpc.0.0.1.>");
        let mut calls = nats.subscribe(subject).await.expect("a subscription");
        round_trip(&nats).await;
        self.in_place.spawn(async move {
            while let Some(call) = calls.next().await {
                if let (Some(answer), Some(reply)) = (answer, call.reply) {
                    let answered = nats.publish(reply, Bytes::from_static(answer)).await;
                    answered.expect("an answer");
                }
            }
        });
    }
}

impl<W: Wire> Testbed for Nats<W> {
    const NAME: &'static str = W::NAME;
    const CANNOT_TELL: &'static [CannotTell] = W::CANNOT_TELL;

    type Context = Option<async_nats::HeaderMap>;
    type Outgoing = W::Outgoing;
    type Incoming = W::Incoming;
    type Leaf = W::Leaf;
    type Server = W::Server;

    async fn start(max_running: Option<NonZeroUsize>) -> Self {
        let broker = NatsServer::start().await;
        let to_caller = Proxy::start(broker.port()).await;
        let to_target = Proxy::start(broker.port()).await;
        let caller = connect(&to_caller.url()).await;
        let target = connect(&to_target.url()).await;
        Self {
            leaf: W::leaf(caller.clone()).await,
            server: W::server(target.clone(), max_running).await,
            caller,
            target,
            to_caller,
            to_target,
            in_place: JoinSet::new(),
            broker,
        }
    }

    fn leaf(&self) -> W::Leaf {
        self.leaf.clone()
    }

    fn server(&self) -> &W::Server {
        &self.server
    }

    async fn settled(&self) {
        if self.caller.connection_state() == State::Connected {
            round_trip(&self.caller).await;
        }
        // What was dropped is told to the broker by a task.
        round_trip(&self.target).await;
        round_trip(&self.target).await;
    }

    async fn inject(&mut self, fault: Fault) {
        match fault {
            Fault::Absent => {}
            Fault::Silent => self.listen(None).await,
            Fault::Malformed => self.listen(Some(b"neither a status nor a handshake")).await,
            Fault::TargetGone => self.to_target.cut(),
            Fault::ConnectionLost => {
                self.to_caller.cut();
                disconnected(&self.caller).await;
            }
        }
    }

    async fn held(&self) -> usize {
        let subscriptions = self.broker.subscriptions().await;
        usize::try_from(subscriptions).expect("a number of subscriptions")
            + W::calls(&self.leaf, &self.server)
    }

    fn confidential(&self) -> Vec<String> {
        vec![
            "127.0.0.1".to_owned(),
            "_INBOX".to_owned(),
            format!("{PREFIX}.{TARGET}"),
        ]
    }
}

/// This project's.
pub enum Own {}

impl Wire for Own {
    const NAME: &'static str = "wrpc-middleware-nats";
    const CANNOT_TELL: &'static [CannotTell] = &[];

    type Outgoing = wrpc_middleware_nats::Outgoing;
    type Incoming = wrpc_middleware_nats::Incoming;
    type Leaf = Client;
    type Server = Client;

    async fn leaf(nats: async_nats::Client) -> Client {
        own(nats, Options::new()).await
    }

    async fn server(nats: async_nats::Client, max_running: Option<NonZeroUsize>) -> Client {
        let options = Options::new().id(TARGET);
        let options = match max_running {
            Some(calls) => options.max_running(calls),
            None => options,
        };
        own(nats, options).await
    }

    fn calls(leaf: &Client, server: &Client) -> usize {
        leaf.calls() + server.calls()
    }
}

async fn own(nats: async_nats::Client, options: Options) -> Client {
    let options = options
        .prefix(PREFIX)
        .keepalive(Some(Duration::from_millis(50)));
    Client::new(nats, options).await.expect("a client")
}

/// Upstream's.
pub enum Upstream {}

impl Wire for Upstream {
    const NAME: &'static str = "wrpc-transport-nats";
    const CANNOT_TELL: &'static [CannotTell] = &[
        CannotTell {
            scenario: Scenario::AbandonedCall,
            sees: Outcome::Ends,
            reason: "the end of a stream says nothing about why",
        },
        CannotTell {
            scenario: Scenario::AbandonedResult,
            sees: Outcome::Ends,
            reason: "the end of a stream says nothing about why",
        },
        CannotTell {
            scenario: Scenario::TargetGone,
            sees: Outcome::Waits,
            reason: "nothing watches the target once it has taken the call",
        },
        CannotTell {
            scenario: Scenario::ServerLimit,
            sees: Outcome::Returns,
            reason: "the server has no limit of its own",
        },
        CannotTell {
            scenario: Scenario::ConnectionLost,
            sees: Outcome::Waits,
            reason: "the client's streams do not end with its connection",
        },
    ];

    type Outgoing = nats::Outgoing;
    type Incoming = nats::Incoming;
    type Leaf = NatsTransport;
    type Server = wrpc_transport_nats::Client;

    async fn leaf(nats: async_nats::Client) -> NatsTransport {
        NatsTransport::builder(nats).prefix(PREFIX).build()
    }

    async fn server(
        nats: async_nats::Client,
        _: Option<NonZeroUsize>,
    ) -> wrpc_transport_nats::Client {
        let prefix = format!("{PREFIX}.{TARGET}");
        wrpc_transport_nats::Client::new(nats, prefix, Some(TARGET.into()))
            .await
            .expect("a client")
    }

    fn calls(_: &NatsTransport, _: &wrpc_transport_nats::Client) -> usize {
        0
    }
}
