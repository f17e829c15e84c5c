//! The arguments of `wrpc-host http`.

use core::net::SocketAddr;
use core::num::{NonZeroU32, NonZeroUsize};
use core::time::Duration;

use clap::Args;

use super::{ComponentArgs, duration, wait};
use crate::connect::NatsArgs;

/// What answers HTTP requests, where, and within which bounds.
#[derive(Args, Clone, Debug)]
pub struct HttpArgs {
    /// Options of the component.
    #[command(flatten)]
    pub component: ComponentArgs,
    /// Address to listen at; port 0 takes any free one
    #[arg(long, value_name = "IP:PORT", default_value = "127.0.0.1:8080", value_parser = address)]
    pub addr: SocketAddr,
    /// Longest that a request may take, to the end of its response
    #[arg(long, value_name = "DURATION", default_value = "30s", value_parser = duration)]
    pub request_timeout: Duration,
    /// How many requests may run at a time; one more is answered 503 at once
    #[arg(long, value_name = "N", default_value = "500", value_parser = clap::value_parser!(NonZeroU32))]
    pub max_requests: NonZeroU32,
    /// How many connections may be open; one more waits until another closes
    #[arg(long, value_name = "N", default_value = "2000")]
    pub max_connections: NonZeroUsize,
    /// How long a connection may be open without a request, and take to send the headers of one
    #[arg(long, value_name = "DURATION", default_value = "30s", value_parser = duration)]
    pub idle_timeout: Duration,
    /// Largest that a memory of an instance may grow
    #[arg(long, value_name = "BYTES", default_value = "268435456")]
    pub max_memory: NonZeroUsize,
    /// How long running requests may go on after a signal to stop
    #[arg(long, value_name = "DURATION", default_value = "10s", value_parser = wait)]
    pub grace: Duration,
    /// Where NATS is and who asks. Last, or its heading would be that of what follows.
    #[command(flatten)]
    pub nats: NatsArgs,
}

pub(super) fn address(text: &str) -> Result<SocketAddr, &'static str> {
    text.parse()
        .map_err(|_| "expected an IP address and a port, as in 127.0.0.1:8080 or [::1]:8080")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_have_a_port() {
        assert!(address("127.0.0.1:0").is_ok());
        assert!(address("[::1]:8080").is_ok());
        for wrong in ["127.0.0.1", "8080", ":8080", "localhost:8080", "::1:8080x"] {
            assert!(
                address(wrong).unwrap_err().contains("[::1]:8080"),
                "{wrong}"
            );
        }
    }
}
