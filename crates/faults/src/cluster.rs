//! The NATS servers that calls go over: one, a cluster of three, or a hub with a leaf node.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    reason = "a harness fails by panicking, which fails the cell that it plays"
)]

use wrpc_middleware_testing::nats::{NatsServer, Port};
use wrpc_middleware_testing::wait::until;

use crate::names::names;
use crate::network::Network;

names! {
    /// How servers are joined.
    Topology {
        /// The caller and the target are connected to the same server.
        Single = "single",
        /// They are connected to two servers of a cluster of three, and may go to any of them.
        Cluster = "cluster",
        /// The caller is connected to a leaf node, the target to its hub.
        Leaf = "leaf",
    }
}

/// So much may wait for a client that takes nothing; then the server cuts its connection, as that
/// of a slow consumer.
const MAX_PENDING: &str = "max_pending: 4MB\n";

/// How soon a leaf node tries again to reach its hub.
const LEAF_RECONNECT: &str = "reconnect: \"100ms\"";

/// NATS servers that know each other.
pub struct Brokers {
    topology: Topology,
    servers: Vec<NatsServer>,
    /// Between the servers; without wires where there is one.
    between: Network,
    /// Reserved as long as the servers have them.
    _ports: Vec<Port>,
}

impl Brokers {
    /// Starts them, and waits until they know each other.
    pub async fn start(topology: Topology) -> Self {
        let brokers = match topology {
            Topology::Single => Self {
                topology,
                servers: vec![NatsServer::start_with(MAX_PENDING).await],
                between: Network::start([]).await,
                _ports: Vec::new(),
            },
            Topology::Cluster => Self::cluster().await,
            Topology::Leaf => Self::leaf().await,
        };
        brokers.joined().await;
        brokers
    }

    /// Each server is reached by the others over a wire in front of it only: they advertise that.
    async fn cluster() -> Self {
        let ports = [(); 3].map(|()| Port::reserve());
        let between = Network::start(ports.iter().map(Port::number)).await;
        let routes: Vec<_> = between
            .ports()
            .map(|port| format!("nats://127.0.0.1:{port}"))
            .collect();
        let routes = routes.join(", ");
        let starting = ports.iter().zip(between.ports()).map(|(port, wire)| {
            let config = format!(
                "{MAX_PENDING}cluster: {{ name: faults, listen: \"127.0.0.1:{}\", \
                 advertise: \"127.0.0.1:{wire}\", no_advertise: true, routes: [{routes}] }}",
                port.number()
            );
            async move { NatsServer::start_with(&config).await }
        });
        Self {
            topology: Topology::Cluster,
            servers: futures::future::join_all(starting).await,
            between,
            _ports: ports.into(),
        }
    }

    async fn leaf() -> Self {
        let port = Port::reserve();
        let between = Network::start([port.number()]).await;
        let hub = format!(
            "{MAX_PENDING}leafnodes: {{ listen: \"127.0.0.1:{}\" }}",
            port.number()
        );
        let hub = NatsServer::start_with(&hub).await;
        let remotes: Vec<_> = between
            .ports()
            .map(|port| format!("{{ url: \"nats-leaf://127.0.0.1:{port}\" }}"))
            .collect();
        let leaf = format!(
            "{MAX_PENDING}leafnodes: {{ {LEAF_RECONNECT}, remotes: [{}] }}",
            remotes.join(", ")
        );
        let leaf = NatsServer::start_with(&leaf).await;
        Self {
            topology: Topology::Leaf,
            servers: vec![leaf, hub],
            between,
            _ports: vec![port],
        }
    }

    /// Waits until all servers know each other.
    pub async fn joined(&self) {
        until("the servers to know each other", async || {
            match self.topology {
                Topology::Single => true,
                Topology::Cluster => {
                    for server in &self.servers {
                        if routes(server).await < self.servers.len() - 1 {
                            return false;
                        }
                    }
                    true
                }
                Topology::Leaf => self.leaf_nodes().await == 1,
            }
        })
        .await;
    }

    /// The ports of the servers that the caller may connect to, its own first.
    #[must_use]
    pub fn ports_of_caller(&self) -> Vec<u16> {
        match self.topology {
            Topology::Leaf => self.servers.iter().take(1).map(NatsServer::port).collect(),
            _ => self.servers.iter().map(NatsServer::port).collect(),
        }
    }

    /// The ports of the servers that the target may connect to, its own first.
    #[must_use]
    pub fn ports_of_target(&self) -> Vec<u16> {
        let mut ports: Vec<_> = self.servers.iter().map(NatsServer::port).collect();
        match self.topology {
            Topology::Single => {}
            Topology::Cluster => ports.rotate_left(1),
            Topology::Leaf => {
                ports.remove(0);
            }
        }
        ports
    }

    /// The server that breaks: the caller's own, or the hub of its leaf node.
    pub fn victim(&mut self) -> &mut NatsServer {
        let victim = usize::from(self.topology == Topology::Leaf);
        &mut self.servers[victim]
    }

    /// Whether the caller is connected to the server that breaks.
    #[must_use]
    pub fn victim_is_the_callers(&self) -> bool {
        self.topology != Topology::Leaf
    }

    /// The network between the servers; without wires where there is one server.
    #[must_use]
    pub fn between(&self) -> &Network {
        &self.between
    }

    /// How many connections to leaf nodes or a hub the caller's server has.
    pub async fn leaf_nodes(&self) -> u64 {
        let leaf_nodes = self.servers[0].monitor("/leafz").await;
        leaf_nodes["leafnodes"].as_u64().expect("a number")
    }

    /// How many subscriptions clients hold, on all servers together.
    pub async fn subscriptions(&self) -> u64 {
        let mut all = 0;
        for server in &self.servers {
            all += server.subscriptions().await;
        }
        all
    }

    /// How many subscriptions the caller's server knows of, its own and those of others.
    pub async fn interest(&self) -> u64 {
        let subscriptions = self.servers[0].monitor("/subsz").await;
        subscriptions["num_subscriptions"]
            .as_u64()
            .expect("a number")
    }

    /// How many connections the servers have cut that took nothing.
    pub async fn slow_consumers(&self) -> u64 {
        let mut all = 0;
        for server in &self.servers {
            all += server.slow_consumers().await;
        }
        all
    }
}

/// How many other servers this one has a route to.
async fn routes(server: &NatsServer) -> usize {
    let routes = server.monitor("/routez").await;
    let routes = routes["routes"].as_array().cloned().unwrap_or_default();
    let servers: std::collections::HashSet<_> = routes
        .iter()
        .filter_map(|route| route["remote_id"].as_str())
        .collect();
    servers.len()
}
