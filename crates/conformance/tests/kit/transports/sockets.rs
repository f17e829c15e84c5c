//! wRPC's own transports over sockets: one connection for each call.

use core::future::Future;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use core::num::NonZeroUsize;
use tempfile::TempDir;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _};
use tokio::task::JoinSet;
use wrpc_middleware_conformance::{
    CannotTell, Delivery, Fault, Outcome, RpcErrorKind, Scenario, Testbed,
};
use wrpc_middleware_transport::{Transport, leaf};
use wrpc_transport::Invoke;
use wrpc_transport::frame::{Incoming, Oneshot, Outgoing, Server};

/// What ends a connection, in both directions.
pub type Cut = Box<dyn Fn() -> io::Result<()> + Send>;

/// A listener of a kind of socket.
pub trait Listener: Sized + Send + Sync + 'static {
    const NAME: &'static str;

    type Client: Invoke<Context = (), Outgoing = Outgoing, Incoming = Incoming> + Clone + 'static;
    type Read: AsyncRead + Send + Sync + Unpin + 'static;
    type Write: AsyncWrite + Send + Sync + Unpin + 'static;

    /// Listens, in `dir` if it is with a path.
    fn bind(dir: &Path) -> impl Future<Output = Self>;

    /// What connects to this listener.
    fn client(&self) -> Self::Client;

    fn accept(&self) -> impl Future<Output = io::Result<(Self::Read, Self::Write, Cut)>> + Send;

    /// Where it listens.
    fn address(&self) -> String;
}

/// What is done with connections.
#[derive(Clone, Copy)]
enum Answer {
    Serve,
    Garbage,
}

/// wRPC's framing over connections to an `L`.
pub struct Sockets<L: Listener> {
    listener: Option<Arc<L>>,
    client: L::Client,
    address: String,
    /// A socket's file outlives its listener, as it does one whose process was killed.
    dir: TempDir,
    server: Arc<Server<(), L::Read, L::Write>>,
    accepting: JoinSet<()>,
    connections: Arc<Mutex<Vec<Cut>>>,
}

impl<L: Listener> Sockets<L> {
    fn accept(&mut self, answer: Answer) {
        let Some(listener) = self.listener.clone() else {
            return;
        };
        let (server, connections) = (Arc::clone(&self.server), Arc::clone(&self.connections));
        self.accepting.spawn(async move {
            let mut accepted = JoinSet::new();
            loop {
                let (read, mut write, cut) = listener.accept().await.expect("a connection");
                connections
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .push(cut);
                let server = Arc::clone(&server);
                accepted.spawn(async move {
                    match answer {
                        // One that ends early is refused.
                        Answer::Serve => drop(server.accept(Oneshot::from((read, write))).await),
                        Answer::Garbage => {
                            write.write_all(&[0xff; 16]).await.expect("garbage");
                            core::future::pending::<()>().await;
                        }
                    }
                });
                while accepted.try_join_next().is_some() {}
            }
        });
    }

    async fn stop_accepting(&mut self) {
        self.accepting.shutdown().await;
    }

    async fn close(&mut self) {
        self.stop_accepting().await;
        self.listener = None;
    }
}

impl<L: Listener> Testbed for Sockets<L> {
    const NAME: &'static str = L::NAME;

    const CANNOT_TELL: &'static [CannotTell] = CANNOT_TELL;

    type Context = ();
    type Outgoing = leaf::Outgoing<Outgoing, leaf::Framed>;
    type Incoming = leaf::Incoming<Incoming, leaf::Framed>;
    type Leaf = Transport<L::Client, leaf::Framed>;
    type Server = Server<(), L::Read, L::Write>;

    async fn start(_: Option<NonZeroUsize>) -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        let listener = L::bind(dir.path()).await;
        let mut testbed = Self {
            client: listener.client(),
            address: listener.address(),
            dir,
            listener: Some(Arc::new(listener)),
            server: Arc::new(Server::new()),
            accepting: JoinSet::new(),
            connections: Arc::default(),
        };
        testbed.accept(Answer::Serve);
        testbed
    }

    fn leaf(&self) -> Self::Leaf {
        Transport::with_evidence(self.client.clone(), leaf::Framed)
    }

    fn server(&self) -> &Self::Server {
        &self.server
    }

    async fn inject(&mut self, fault: Fault) {
        match fault {
            Fault::Absent => self.close().await,
            Fault::Silent => self.stop_accepting().await,
            Fault::Malformed => {
                self.stop_accepting().await;
                self.accept(Answer::Garbage);
            }
            // Nothing is between the two.
            Fault::TargetGone | Fault::ConnectionLost => {
                self.close().await;
                let mut connections = self
                    .connections
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner);
                for cut in connections.drain(..) {
                    // It may have ended by itself.
                    let _ = cut();
                }
            }
        }
    }

    fn confidential(&self) -> Vec<String> {
        let dir = self.dir.path().display().to_string();
        vec![self.address.clone(), dir, "127.0.0.1".to_owned()]
    }
}

const CANNOT_TELL: &[CannotTell] = &[
    CannotTell {
        scenario: Scenario::Acceptance,
        sees: Outcome::Waits,
        reason: "nothing is sent back before the results",
    },
    CannotTell {
        scenario: Scenario::UnservedFunction,
        sees: Outcome::Ends,
        reason: "the server closes the connection without a word",
    },
    CannotTell {
        scenario: Scenario::AbandonedCall,
        sees: Outcome::Ends,
        reason: "the end of a connection says nothing about why",
    },
    CannotTell {
        scenario: Scenario::AbandonedResult,
        sees: Outcome::Ends,
        reason: "the end of a connection says nothing about why",
    },
    CannotTell {
        scenario: Scenario::TargetGone,
        sees: Outcome::Ends,
        reason: "the end of a connection says nothing about why",
    },
    CannotTell {
        scenario: Scenario::ServerLimit,
        sees: Outcome::Returns,
        reason: "the server has no limit of its own",
    },
    CannotTell {
        scenario: Scenario::ConnectionDown,
        sees: Outcome::Fails(RpcErrorKind::TargetUnavailable, Delivery::NotSent),
        reason: "the caller has no connection but those to its target",
    },
    CannotTell {
        scenario: Scenario::ConnectionLostBeforeHandshake,
        sees: Outcome::Ends,
        reason: "the end of a connection says nothing about why",
    },
    CannotTell {
        scenario: Scenario::ConnectionLost,
        sees: Outcome::Ends,
        reason: "the end of a connection says nothing about why",
    },
    CannotTell {
        scenario: Scenario::MalformedAnswer,
        sees: Outcome::Ends,
        reason: "what fails to decode a frame is logged, and the results end",
    },
    CannotTell {
        scenario: Scenario::InvalidName,
        sees: Outcome::Ends,
        reason: "any name can be sent; the server closes the connection without a word",
    },
];
