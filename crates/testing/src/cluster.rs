//! NATS servers that are one.

use crate::nats::{NatsServer, Port};

/// Servers that know each other, with JetStream.
pub struct Cluster {
    servers: Vec<NatsServer>,
    _routes: Vec<Port>,
}

impl Cluster {
    /// Starts so many servers and waits until each takes connections. When JetStream has a leader
    /// is another matter.
    pub async fn start(size: usize) -> Self {
        let ports: Vec<_> = (0..size).map(|_| Port::reserve()).collect();
        let routes = ports
            .iter()
            .map(|port| format!("nats://127.0.0.1:{}", port.number()));
        let routes = routes.collect::<Vec<_>>().join(", ");
        let starting = ports.iter().map(|port| {
            let config = format!(
                "cluster: {{ name: test, listen: \"127.0.0.1:{}\", routes: [{routes}] }}",
                port.number()
            );
            async move { NatsServer::start_with_jetstream(&config).await }
        });
        Self {
            servers: futures::future::join_all(starting).await,
            _routes: ports,
        }
    }

    /// One of them.
    #[must_use]
    pub fn server(&self, nth: usize) -> &NatsServer {
        &self.servers[nth]
    }

    /// One of them, to kill or restart.
    pub fn server_mut(&mut self, nth: usize) -> &mut NatsServer {
        &mut self.servers[nth]
    }

    /// Where clients connect, this server first.
    #[must_use]
    pub fn urls_from(&self, first: usize) -> Vec<String> {
        let (before, after) = self.servers.split_at(first);
        after.iter().chain(before).map(NatsServer::url).collect()
    }
}
