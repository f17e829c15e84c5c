//! tower-style middleware for wRPC: every failure of a call is a value.
//!
//! A call from one WebAssembly component to another over wRPC and NATS can fail in ways its WIT
//! signature does not speak of. This crate makes each of those failures an [`RpcError`], and the
//! [`runtime`] lowers it into the component's own `result<T, rpc-error>`.
//!
//! This crate re-exports the others:
//!
//! | crate | what | feature |
//! |---|---|---|
//! | `wrpc-middleware-errors` | [`RpcError`], [`RpcErrorKind`], [`Delivery`] | |
//! | `wrpc-middleware-transport` | [`Stack`], its layers, [`Invoker`], [`Transport`] | |
//! | | `upstream_nats`, the leaf over `wrpc_transport_nats::Client` | `upstream-nats` |
//! | `wrpc-middleware-nats` | [`nats`], the NATS transport, for both sides of a call | `nats` |
//! | `wrpc-middleware-links` | `links`, links that change while calls run | `links` |
//! | `wrpc-middleware-telemetry` | `telemetry`, metrics and traces of calls | `telemetry` |
//! | `wrpc-middleware-runtime` | [`runtime`], the Wasmtime adapter | `runtime` |
//! | `wrpc-middleware-conformance` | `conformance`, for the tests of transports | `conformance` |

#[cfg(feature = "conformance")]
pub use wrpc_middleware_conformance as conformance;
pub use wrpc_middleware_errors::{Delivery, Detail, RpcError, RpcErrorKind};
#[cfg(feature = "links")]
pub use wrpc_middleware_links as links;
#[cfg(feature = "nats")]
pub use wrpc_middleware_nats as nats;
#[cfg(feature = "runtime")]
pub use wrpc_middleware_runtime as runtime;
#[cfg(feature = "telemetry")]
pub use wrpc_middleware_telemetry as telemetry;
#[cfg(feature = "upstream-nats")]
pub use wrpc_middleware_transport::nats as upstream_nats;
pub use wrpc_middleware_transport::{
    CallContext, Channels, Context, Held, InvalidTarget, Invocation, Invoker, Paths, Progress,
    Stack, Stage, Target, Transport, foreign, leaf, limit, link, liveness, retry, timeout,
};

/// The examples of the guide for hosts.
#[cfg(doctest)]
#[doc = include_str!("../docs/HOSTS.md")]
struct Hosts;

/// The examples of the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
