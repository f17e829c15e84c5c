//! Who may call what: [`AuthorizationLayer`] refuses a call that its policy does not permit with
//! [`LinkDenied`](wrpc_middleware_errors::RpcErrorKind::LinkDenied).
//!
//! It is the target's own word, beside that of the callers' hosts
//! ([`wrpc_middleware_transport::link`]): it holds too for callers whose host asks nobody.
//!
//! # What it bounds
//!
//! Which calls reach the inner service, by who calls, which function, and the headers of the call.
//! A [`CallerPolicy`] decides, and nothing is permitted that it does not permit; there is no policy
//! by default. Callers without an identity are asked for as well: whether there may be any is up to
//! the policy, and one that compares names denies them.
//!
//! # What it does not bound
//!
//! Calls that run already when the policy changes its mind, and load: a call that is denied costs
//! an answer.
//!
//! # Who the caller is
//!
//! The component that the inbox of the call names, `_INBOX.<id>.>`
//! ([`ServeContext::caller`](super::ServeContext::caller)). Nothing in the call itself proves it:
//! it holds as far as the broker's permissions let nobody but `<id>` subscribe there. Where they do
//! not, any client of the broker can be anyone. Where they do, one who names the inbox of another
//! never sees an answer, but the call itself has run: NATS does not restrict which reply subject a
//! message names. So for functions where that matters, restrict who may publish to them, too, or
//! have the policy check a signature in the headers.
//!
//! # Delivery
//!
//! Always `not-sent`. The caller gets to know which function was denied; the policy's question is
//! the source of the error, for the operator.
//!
//! ```
//! use wrpc_middleware_nats::serve::authorization::{AuthorizationLayer, CallerRequest};
//! use wrpc_middleware_transport::Target;
//! use wrpc_middleware_transport::link::{Link, LinkPolicy as _, LinkTable};
//!
//! let layer = AuthorizationLayer::new(|request: &CallerRequest<'_>| {
//!     request.caller == Some("client") && request.interface == "test:app/greeter"
//! });
//!
//! // The table of links that callers' hosts have, as long as links have no names of their own.
//! let greeter = Target::new("greeter")?;
//! let interface = "test:app/greeter".parse()?;
//! let links = LinkTable::new([Link::new("client", greeter.clone(), interface)])?;
//! let layer = AuthorizationLayer::new(move |request: &CallerRequest<'_>| {
//!     links.authorize(&request.link()).is_some_and(|target| target == greeter)
//! });
//! # Ok::<_, Box<dyn std::error::Error>>(())
//! ```

mod denied;
mod layer;
mod policy;
mod service;
#[cfg(test)]
mod tests;

pub use self::denied::Denied;
pub use self::layer::AuthorizationLayer;
pub use self::policy::{CallerPolicy, CallerRequest};
pub use self::service::Authorization;
pub use super::gate::ResponseFuture;
