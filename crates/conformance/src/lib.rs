//! A conformance kit for wRPC transports: forces every case of `rpc-error`, and asserts the case and
//! the delivery that a caller gets.
//!
//! It is for who writes a transport, any pair of [`wrpc_transport::Invoke`] and
//! [`wrpc_transport::Serve`], and for who wants to know what a transport can tell. What is asserted:
//!
//! - Every [`Scenario`], from a value that arrives to a target that dies in the middle of a call,
//!   ends as it should, or as the transport [declares](Testbed::CANNOT_TELL) if it can't tell what
//!   happened. A declaration is asserted like everything else: one that is out of date fails.
//! - Under every [`Layering`]: what a layer makes of a call that the leaf alone can't end, and that
//!   without the layer it does not end.
//! - What an error says of the delivery is true, whatever is declared: the kit's own target counts
//!   what it runs.
//! - Every error is an [`RpcError`](wrpc_middleware_errors::RpcError), names the function, and has
//!   nothing [confidential](Testbed::confidential) in its message.
//! - Calls that are dropped leave no task and nothing that the transport [holds](Testbed::held).
//!
//! A transport is what a [`Testbed`] says: how to start a caller and a target, and how to break what
//! is between them. [`conformance!`] makes a test of each scenario. Deadlines are reached by moving
//! tokio's clock, so no test waits for one; a call that nothing ends is watched for 300 ms.
//!
//! # Example
//!
//! A transport whose connections are pipes in memory, with wRPC's framing.
//!
//! ```
//! use core::num::NonZeroUsize;
//! use std::sync::Arc;
//!
//! use bytes::Bytes;
//! use tokio::io::{AsyncWriteExt, DuplexStream, ReadHalf, WriteHalf, copy_bidirectional, duplex};
//! use tokio::sync::{Mutex, mpsc};
//! use tokio::task::JoinSet;
//! use wrpc_middleware_conformance::{
//!     CannotTell, Delivery, Fault, Outcome, RpcErrorKind, Scenario, Testbed,
//! };
//! use wrpc_middleware_transport::{Transport, leaf};
//! use wrpc_transport::Invoke;
//! use wrpc_transport::frame::{Incoming, Oneshot, Outgoing, Server};
//!
//! /// The transport: a pipe for each call.
//! #[derive(Clone)]
//! struct Client(mpsc::UnboundedSender<DuplexStream>);
//!
//! impl Invoke for Client {
//!     type Context = ();
//!     type Outgoing = Outgoing;
//!     type Incoming = Incoming;
//!
//!     async fn invoke<P: AsRef<[Option<usize>]> + Send + Sync>(
//!         &self,
//!         cx: (),
//!         instance: &str,
//!         func: &str,
//!         params: Bytes,
//!         paths: impl AsRef<[P]> + Send,
//!     ) -> anyhow::Result<(Outgoing, Incoming)> {
//!         let (near, far) = duplex(4096);
//!         let refused = |_| std::io::Error::from(std::io::ErrorKind::ConnectionRefused);
//!         self.0.send(far).map_err(refused)?;
//!         Oneshot::from(near).invoke(cx, instance, func, params, paths).await
//!     }
//! }
//!
//! /// Its testbed.
//! struct InMemory {
//!     client: Client,
//!     server: Arc<Server<(), ReadHalf<DuplexStream>, WriteHalf<DuplexStream>>>,
//!     listener: Arc<Mutex<mpsc::UnboundedReceiver<DuplexStream>>>,
//!     /// Carries the bytes of all connections.
//!     network: JoinSet<()>,
//! }
//!
//! impl InMemory {
//!     fn listen(&mut self, garbage: Option<&'static [u8]>) {
//!         let (listener, server) = (Arc::clone(&self.listener), Arc::clone(&self.server));
//!         self.network.spawn(async move {
//!             let mut wires = JoinSet::new();
//!             while let Some(mut far) = listener.lock().await.recv().await {
//!                 let server = Arc::clone(&server);
//!                 wires.spawn(async move {
//!                     if let Some(garbage) = garbage {
//!                         return drop(far.write_all(garbage).await);
//!                     }
//!                     let (mut wire, end) = duplex(4096);
//!                     let carry = copy_bidirectional(&mut far, &mut wire);
//!                     let _ended = tokio::join!(carry, server.accept(Oneshot::from(end)));
//!                 });
//!             }
//!         });
//!     }
//! }
//!
//! const fn cannot_tell(scenario: Scenario, sees: Outcome, reason: &'static str) -> CannotTell {
//!     CannotTell { scenario, sees, reason }
//! }
//!
//! impl Testbed for InMemory {
//!     const NAME: &'static str = "in memory";
//!     const CANNOT_TELL: &'static [CannotTell] = &[
//!         cannot_tell(Scenario::Acceptance, Outcome::Waits, "nothing comes before the results"),
//!         cannot_tell(Scenario::UnservedFunction, Outcome::Ends, "a pipe just ends"),
//!         cannot_tell(Scenario::AbandonedCall, Outcome::Ends, "a pipe just ends"),
//!         cannot_tell(Scenario::AbandonedResult, Outcome::Ends, "a pipe just ends"),
//!         cannot_tell(Scenario::TargetGone, Outcome::Ends, "a pipe just ends"),
//!         cannot_tell(Scenario::ServerLimit, Outcome::Returns, "there is no limit"),
//!         cannot_tell(
//!             Scenario::ConnectionDown,
//!             Outcome::Fails(RpcErrorKind::TargetUnavailable, Delivery::NotSent),
//!             "nothing is between the two",
//!         ),
//!         cannot_tell(Scenario::ConnectionLostBeforeHandshake, Outcome::Ends, "a pipe just ends"),
//!         cannot_tell(Scenario::ConnectionLost, Outcome::Ends, "a pipe just ends"),
//!         cannot_tell(Scenario::MalformedAnswer, Outcome::Ends, "a pipe just ends"),
//!         cannot_tell(Scenario::InvalidName, Outcome::Ends, "a pipe takes any name"),
//!     ];
//!
//!     type Context = ();
//!     type Outgoing = leaf::Outgoing<Outgoing, leaf::Framed>;
//!     type Incoming = leaf::Incoming<Incoming, leaf::Framed>;
//!     type Leaf = Transport<Client, leaf::Framed>;
//!     type Server = Server<(), ReadHalf<DuplexStream>, WriteHalf<DuplexStream>>;
//!
//!     async fn start(_max_running: Option<NonZeroUsize>) -> Self {
//!         let (client, listener) = mpsc::unbounded_channel();
//!         let mut testbed = Self {
//!             client: Client(client),
//!             server: Arc::new(Server::new()),
//!             listener: Arc::new(Mutex::new(listener)),
//!             network: JoinSet::new(),
//!         };
//!         testbed.listen(None);
//!         testbed
//!     }
//!
//!     fn leaf(&self) -> Self::Leaf {
//!         Transport::with_evidence(self.client.clone(), leaf::Framed)
//!     }
//!
//!     fn server(&self) -> &Self::Server {
//!         &self.server
//!     }
//!
//!     async fn inject(&mut self, fault: Fault) {
//!         self.network.shutdown().await;
//!         match fault {
//!             Fault::Silent => {}
//!             Fault::Malformed => self.listen(Some(&[0xff; 16])),
//!             Fault::Absent | Fault::TargetGone | Fault::ConnectionLost => {
//!                 let mut listener = self.listener.lock().await;
//!                 listener.close();
//!                 // Who has connected and was not accepted finds that out.
//!                 while listener.try_recv().is_ok() {}
//!             }
//!         }
//!     }
//! }
//!
//! // In its tests: wrpc_middleware_conformance::conformance!(InMemory);
//! # for &scenario in Scenario::ALL {
//! #     wrpc_middleware_conformance::run::<InMemory>(scenario);
//! # }
//! ```
//!
//! # What it does not show
//!
//! That a transport does the same under load, over a bad network, or for days; that bytes which no
//! target of the kit sends are harmless; that it talks to other implementations of its protocol.

mod acceptance;
mod call;
mod case;
mod clock;
mod declaration;
mod dropped;
mod erased;
mod expectation;
mod force;
mod function;
mod judge;
mod layering;
mod macros;
mod nonconformance;
mod observed;
mod outcome;
mod rig;
mod run;
mod scenario;
mod table;
mod target;
mod testbed;
mod value;

pub use declaration::{CannotTell, Verdict};
pub use layering::Layering;
pub use nonconformance::Nonconformance;
pub use outcome::Outcome;
pub use run::{check, run};
pub use scenario::Scenario;
pub use table::table;
pub use testbed::{Fault, TARGET, Testbed};
pub use wrpc_middleware_errors::{Delivery, RpcErrorKind};
