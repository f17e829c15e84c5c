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
//!
//! use bytes::Bytes;
//! use tokio::io::{DuplexStream, ReadHalf, WriteHalf};
//! use tokio::sync::mpsc;
//! use tokio::task::JoinSet;
//! use wrpc_middleware_conformance::{
//!     CannotTell, Delivery, Fault, Outcome, RpcErrorKind, Scenario, Testbed,
//! };
//! use wrpc_middleware_transport::{Transport, leaf};
//! use wrpc_transport::frame::{Incoming, Oneshot, Outgoing, Server};
//! use wrpc_transport::{Index, Invoke};
//!
//! type Pipe = Oneshot<ReadHalf<DuplexStream>, WriteHalf<DuplexStream>>;
//!
//! /// The transport: connects for each call.
//! #[derive(Clone)]
//! struct Client(mpsc::UnboundedSender<Pipe>);
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
//!         let (ours, theirs) = Pipe::duplex(4096);
//!         let refused = |_| std::io::Error::from(std::io::ErrorKind::ConnectionRefused);
//!         self.0.send(theirs).map_err(refused)?;
//!         Invoke::invoke(&ours, cx, instance, func, params, paths).await
//!     }
//! }
//!
//! /// Its testbed.
//! struct InMemory {
//!     client: Client,
//!     server: std::sync::Arc<Server<(), ReadHalf<DuplexStream>, WriteHalf<DuplexStream>>>,
//!     accepting: JoinSet<()>,
//! }
//!
//! impl Testbed for InMemory {
//!     const NAME: &'static str = "in memory";
//!     const CANNOT_TELL: &'static [CannotTell] = &[
//!         CannotTell {
//!             scenario: Scenario::Acceptance,
//!             sees: Outcome::Waits,
//!             reason: "nothing is sent back before the results",
//!         },
//!         CannotTell {
//!             scenario: Scenario::AbsentTarget,
//!             sees: Outcome::Fails(RpcErrorKind::Transport, Delivery::Unknown),
//!             reason: "its leaf has no evidence",
//!         },
//!         CannotTell {
//!             scenario: Scenario::AbandonedCall,
//!             sees: Outcome::Ends,
//!             reason: "the end of a pipe says nothing about why",
//!         },
//!         // …
//!     ];
//!
//!     type Context = ();
//!     type Outgoing = leaf::Outgoing<Outgoing, leaf::Written>;
//!     type Incoming = leaf::Incoming<Incoming, leaf::Written>;
//!     type Leaf = Transport<Client>;
//!     type Server = Server<(), ReadHalf<DuplexStream>, WriteHalf<DuplexStream>>;
//!
//!     async fn start(_max_running: Option<NonZeroUsize>) -> Self {
//!         let (client, mut connections) = mpsc::unbounded_channel::<Pipe>();
//!         let server = std::sync::Arc::new(Server::new());
//!         let mut accepting = JoinSet::new();
//!         let accepts = std::sync::Arc::clone(&server);
//!         accepting.spawn(async move {
//!             while let Some(pipe) = connections.recv().await {
//!                 let _refused = accepts.accept(pipe).await;
//!             }
//!         });
//!         Self { client: Client(client), server, accepting }
//!     }
//!
//!     fn leaf(&self) -> Self::Leaf {
//!         Transport::new(self.client.clone())
//!     }
//!
//!     fn server(&self) -> &Self::Server {
//!         &self.server
//!     }
//!
//!     async fn inject(&mut self, fault: Fault) {
//!         match fault {
//!             Fault::Absent => self.accepting.shutdown().await,
//!             // A pipe that is not accepted is a target that is silent, and so on.
//!             _ => unimplemented!("{fault:?}"),
//!         }
//!     }
//! }
//!
//! // In a test: wrpc_middleware_conformance::conformance!(InMemory);
//! # use wrpc_middleware_conformance::run;
//! # for scenario in [
//! #     Scenario::Value, Scenario::NoResult, Scenario::Streams, Scenario::Acceptance,
//! #     Scenario::ErrorValue, Scenario::LinkDenied, Scenario::UnansweredCall,
//! #     Scenario::DrippingResult, Scenario::AbsentTarget, Scenario::AbandonedCall,
//! #     Scenario::ConcurrencyLimit, Scenario::GarbageResult, Scenario::TruncatedResult,
//! #     Scenario::DroppedAfterHandshake,
//! # ] {
//! #     run::<InMemory>(scenario);
//! # }
//! ```
//!
//! # What it does not show
//!
//! That a transport does the same under load, over a bad network, or for days; that bytes which no
//! target of the kit sends are harmless; that it talks to other implementations of its protocol.

mod call;
mod case;
mod clock;
mod declaration;
mod erased;
mod expectation;
mod function;
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
