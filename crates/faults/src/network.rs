//! The network of one party: a wire to each server it may talk to.

use core::time::Duration;

use wrpc_middleware_testing::proxy::Proxy;

/// How much later bytes arrive over a slow network, in each direction.
pub const SLOW: Duration = Duration::from_millis(100);

/// The wires of one party, which break together.
pub struct Network(Vec<Proxy>);

impl Network {
    /// A wire to each of these ports of this machine.
    pub async fn start(ports: impl IntoIterator<Item = u16>) -> Self {
        let mut wires = Vec::new();
        for port in ports {
            wires.push(Proxy::start(port).await);
        }
        Self(wires)
    }

    /// Where the party finds the servers, in their order.
    pub fn urls(&self) -> impl Iterator<Item = String> {
        self.0.iter().map(Proxy::url)
    }

    /// The ports of [`urls`](Self::urls).
    pub fn ports(&self) -> impl Iterator<Item = u16> {
        self.0.iter().map(Proxy::port)
    }

    /// Ends all connections, and takes no new ones.
    pub fn cut(&self) {
        self.0.iter().for_each(Proxy::cut);
    }

    /// Ends all connections, and takes new ones.
    pub fn sever(&self) {
        self.0.iter().for_each(Proxy::sever);
    }

    /// Carries nothing and keeps all connections; neither side can tell.
    pub fn partition(&self) {
        self.0.iter().for_each(Proxy::partition);
    }

    /// Delays all bytes by [`SLOW`].
    pub fn slow(&self) {
        self.0.iter().for_each(|wire| wire.slow(SLOW));
    }

    /// Carries all bytes again, at once.
    pub fn mend(&self) {
        self.0.iter().for_each(Proxy::mend);
    }
}
