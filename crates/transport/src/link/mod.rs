//! Who may call what: [`LinkAuthorizationLayer`] fails a call that no link permits with
//! [`LinkDenied`](crate::RpcErrorKind::LinkDenied).
//!
//! A [`Link`] permits one component to call one interface (or some functions of it) on one
//! target. A [`LinkPolicy`] decides per call; [`LinkTable`] is the built-in one. What is not
//! permitted is denied, and a denied call never reaches the inner service.
//!
//! What the policy returns is the resolved [`Target`](crate::Target), which the rest of the stack
//! routes to: a target in the [`Invocation`](crate::Invocation) below this layer is the proof that
//! the call was authorized.
//!
//! # What it bounds
//!
//! Which calls leave, by the caller's identity as the host states it: the context's
//! [`source`](crate::CallContext::source), or the layer's own. Versions of interfaces are ignored.
//!
//! The service is always ready, so a call that is denied is denied at once. That also hides from
//! the layers above whether the inner service is ready: what sheds or queues calls belongs below.
//!
//! # What it does not bound
//!
//! Calls that are already running when a link is removed, what a target does with a call, and
//! what another host lets through. A compromised host is the broker's matter.
//!
//! # Delivery
//!
//! Always `not-sent`.
//!
//! ```
//! use wrpc_middleware_transport::link::{Link, LinkAuthorizationLayer, LinkTable};
//! use wrpc_middleware_transport::Target;
//!
//! let links = LinkTable::new([Link::new(
//!     "client",
//!     Target::new("greeter")?,
//!     "test:app/greeter".parse()?,
//! )])?;
//! let layer = LinkAuthorizationLayer::new(links.clone());
//! // Calls that start after this are denied.
//! links.replace([])?;
//! # Ok::<_, Box<dyn std::error::Error>>(())
//! ```

mod definition;
mod denied;
mod entry;
mod future;
mod interface;
mod layer;
mod links;
mod names;
mod policy;
mod service;
mod slots;
mod table;

pub use definition::{DuplicateLink, Link};
pub use denied::Denied;
pub use future::ResponseFuture;
pub use interface::{Interface, InvalidInterface};
pub use layer::LinkAuthorizationLayer;
pub use names::LinkNames;
pub use policy::{LinkPolicy, LinkRequest};
pub use service::LinkAuthorization;
pub use table::LinkTable;

/// The name of a link that was given none.
pub const DEFAULT_LINK_NAME: &str = "default";
