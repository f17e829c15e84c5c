//! Both NATS transports, so that a test can run over either.

use core::fmt::Debug;
use core::time::Duration;

use async_nats::Client;
use tokio::io::{AsyncRead, AsyncWrite};
use tower::Service;
use wrpc_middleware::nats::{self, Options};
use wrpc_middleware::upstream_nats::{self, NatsTransport};
use wrpc_middleware::{Channels, Invocation, RpcError};
use wrpc_transport::{Index, Invoke, Serve};
use wrpc_transport_nats::Client as UpstreamClient;

use crate::support::stack::Cx;
use crate::support::targets::upstream_client;

/// A NATS transport, both sides of it.
pub trait NatsWire: 'static {
    /// The parameters of a call.
    type Outgoing: AsyncWrite + Index<Self::Outgoing> + Debug + Send + Sync + Unpin + 'static;
    /// The results of a call.
    type Incoming: AsyncRead + Index<Self::Incoming> + Debug + Send + Sync + Unpin + 'static;
    /// What calls.
    type Leaf: Service<
            Invocation<Cx>,
            Response = Channels<Self::Outgoing, Self::Incoming>,
            Error = RpcError,
            Future: Send,
        > + Clone
        + Send
        + Sync
        + 'static;
    /// What serves.
    type Server: Serve + Invoke<Context: Clone + Default + 'static> + Clone;

    /// Its name, for child processes.
    const NAME: &'static str;

    /// A leaf over `client`, with targets below the subject prefix `default`.
    fn leaf(client: &Client) -> impl Future<Output = Self::Leaf> + Send {
        Self::patient_leaf(client, Duration::ZERO)
    }

    /// The same, waiting for a lost connection.
    fn patient_leaf(
        client: &Client,
        reconnect_wait: Duration,
    ) -> impl Future<Output = Self::Leaf> + Send;

    /// A server over `client`, under a subject prefix.
    fn server(client: &Client, prefix: &str) -> impl Future<Output = Self::Server> + Send;
}

/// Our own.
#[derive(Debug)]
pub enum Own {}

impl NatsWire for Own {
    const NAME: &'static str = "own";

    type Outgoing = nats::Outgoing;
    type Incoming = nats::Incoming;
    type Leaf = nats::Client;
    type Server = nats::Client;

    async fn patient_leaf(client: &Client, reconnect_wait: Duration) -> nats::Client {
        let options = Options::new().prefix("default");
        own(client, options.reconnect_wait(reconnect_wait)).await
    }

    async fn server(client: &Client, prefix: &str) -> nats::Client {
        own(client, Options::new().id(prefix)).await
    }
}

/// Our client over a connection.
pub async fn own(client: &Client, options: Options) -> nats::Client {
    let client = nats::Client::new(client.clone(), options).await;
    client.expect("our client")
}

/// Upstream's.
#[derive(Debug)]
pub enum Upstream {}

impl NatsWire for Upstream {
    const NAME: &'static str = "upstream";

    type Outgoing = upstream_nats::Outgoing;
    type Incoming = upstream_nats::Incoming;
    type Leaf = NatsTransport;
    type Server = UpstreamClient;

    async fn patient_leaf(client: &Client, reconnect_wait: Duration) -> NatsTransport {
        NatsTransport::builder(client.clone())
            .prefix("default")
            .reconnect_wait(reconnect_wait)
            .build()
    }

    async fn server(client: &Client, prefix: &str) -> UpstreamClient {
        upstream_client(client, prefix).await
    }
}

/// Makes two tests of each function `async fn test<N: NatsWire>()`: over our own transport and over
/// upstream's.
macro_rules! over_both {
    ($($test:ident),+ $(,)?) => {
        mod own {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $test() {
                super::$test::<crate::support::transports::Own>().await;
            })+
        }

        mod upstream {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $test() {
                super::$test::<crate::support::transports::Upstream>().await;
            })+
        }
    };
}

/// Makes four tests of each function `async fn test<C: NatsWire, T: NatsWire>()`: for every pair of
/// transports, that of the caller and that of the target.
macro_rules! over_all_pairs {
    ($($test:ident),+ $(,)?) => {
        over_all_pairs!(@pair own_to_own: Own, Own: $($test),+);
        over_all_pairs!(@pair own_to_upstream: Own, Upstream: $($test),+);
        over_all_pairs!(@pair upstream_to_own: Upstream, Own: $($test),+);
        over_all_pairs!(@pair upstream_to_upstream: Upstream, Upstream: $($test),+);
    };
    (@pair $pair:ident: $caller:ident, $target:ident: $($test:ident),+) => {
        mod $pair {
            use crate::support::transports::*;

            $(#[tokio::test(flavor = "multi_thread")]
            async fn $test() {
                super::$test::<$caller, $target>().await;
            })+
        }
    };
}
