//! Repeating what is safe to repeat: [`RetryPolicy`], a policy for [`tower::retry`].
//!
//! # What it repeats
//!
//! Calls that failed with [`TargetUnavailable`](crate::RpcErrorKind::TargetUnavailable),
//! [`Overloaded`](crate::RpcErrorKind::Overloaded) or
//! [`Transport`](crate::RpcErrorKind::Transport) and were certainly not sent
//! ([`RpcError::is_safe_to_retry`](crate::RpcError::is_safe_to_retry)), with exponential back-off
//! and jitter, as long as the attempts, the budget and the time until the call's deadline last.
//! Where one of them is used up, the call ends with its last error.
//!
//! # What it does not repeat
//!
//! A denied call, which would be denied again; anything that may have reached the target; and
//! failures after the handshake, since `tower::retry` ends with the response future.
//!
//! ```
//! use core::time::Duration;
//! use tower::ServiceBuilder;
//! use tower::retry::RetryLayer;
//! use wrpc_middleware_transport::Transport;
//! use wrpc_middleware_transport::retry::RetryPolicy;
//! use wrpc_middleware_transport::timeout::TimeoutLayer;
//!
//! # fn wrap<T: wrpc_transport::Invoke + Clone>(client: T) {
//! // The timeout outside bounds all attempts together.
//! let service = ServiceBuilder::new()
//!     .layer(TimeoutLayer::new(Duration::from_secs(2)))
//!     .layer(RetryLayer::new(RetryPolicy::new(3)))
//!     .service(Transport::new(client));
//! # }
//! ```

mod policy;

pub use policy::RetryPolicy;
