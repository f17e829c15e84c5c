//! The transports that this project knows.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::missing_panics_doc,
    reason = "a testbed fails by panicking, as a test does"
)]

mod detects;
mod page;
mod transports;

mod tcp {
    wrpc_middleware_conformance::conformance!(crate::transports::Tcp);
}

mod unix {
    wrpc_middleware_conformance::conformance!(crate::transports::Unix);
}

mod own_nats {
    wrpc_middleware_conformance::conformance!(crate::transports::OwnNats);
}

mod upstream_nats {
    wrpc_middleware_conformance::conformance!(crate::transports::UpstreamNats);
}
