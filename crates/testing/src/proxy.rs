//! A wire that breaks, between a client and a server.

use core::time::Duration;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until};

/// How many pieces of 64 KiB at most are on a wire, in each direction.
const ON_THE_WIRE: usize = 16;

/// What the system keeps for us of what a server sends, at most. By itself it would keep many
/// megabytes, and a server would not notice for long that nothing arrives.
const RECEIVED: u32 = 512 * 1024;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Flow {
    /// Carries bytes both ways.
    Open,
    /// Takes no more bytes from the client.
    Stalled,
    /// Carries nothing either way, not even the end of a connection.
    Partitioned,
    /// Connections end at once.
    Cut,
}

impl Flow {
    fn to_server(self) -> bool {
        self == Self::Open
    }

    fn to_client(self) -> bool {
        matches!(self, Self::Open | Self::Stalled)
    }
}

#[derive(Clone, Copy, Debug)]
struct Wire {
    flow: Flow,
    /// How long bytes are on their way, in each direction.
    delay: Duration,
    /// How many times the connections of the moment were ended.
    severed: u64,
}

impl Wire {
    const OPEN: Self = Self {
        flow: Flow::Open,
        delay: Duration::ZERO,
        severed: 0,
    };
}

/// Forwards connections to a server on the same machine.
pub struct Proxy {
    port: u16,
    wire: Arc<watch::Sender<Wire>>,
    connections: Arc<AtomicUsize>,
    task: JoinHandle<()>,
}

impl Proxy {
    /// Starts to forward to the server on this port of 127.0.0.1.
    pub async fn start(server: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("listen");
        let port = listener.local_addr().expect("an address").port();
        let wire = Arc::new(watch::Sender::new(Wire::OPEN));
        let connections = Arc::<AtomicUsize>::default();
        let (state, taken) = (Arc::clone(&wire), Arc::clone(&connections));
        let task = tokio::spawn(async move {
            let mut connections = tokio::task::JoinSet::new();
            while let Ok((client, _)) = listener.accept().await {
                taken.fetch_add(1, Ordering::Relaxed);
                connections.spawn(forward(client, server, state.subscribe()));
                while connections.try_join_next().is_some() {}
            }
        });
        Self {
            port,
            wire,
            connections,
            task,
        }
    }

    /// Where the client connects.
    #[must_use]
    pub fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    /// The port of [`url`](Self::url).
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// How many connections were made so far.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }

    /// Takes no more bytes from the client; it can't tell.
    pub fn stall(&self) {
        self.set(Flow::Stalled);
    }

    /// Carries no more bytes either way, and keeps the connections; neither side can tell. Once
    /// [mended](Self::mend), it carries what was on its way.
    pub fn partition(&self) {
        self.set(Flow::Partitioned);
    }

    /// Delays all bytes by this much, in each direction.
    pub fn slow(&self, delay: Duration) {
        self.wire.send_modify(|wire| wire.delay = delay);
    }

    /// Ends all connections, and new ones as soon as they are made.
    pub fn cut(&self) {
        self.set(Flow::Cut);
    }

    /// Ends all connections, and carries new ones.
    pub fn sever(&self) {
        self.wire.send_modify(|wire| wire.severed += 1);
    }

    /// Carries bytes again, at once, and takes new connections.
    pub fn mend(&self) {
        self.wire.send_modify(|wire| {
            *wire = Wire {
                severed: wire.severed,
                ..Wire::OPEN
            };
        });
    }

    fn set(&self, flow: Flow) {
        self.wire.send_modify(|wire| wire.flow = flow);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn connect(port: u16) -> std::io::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    socket.set_recv_buffer_size(RECEIVED)?;
    socket.connect(([127, 0, 0, 1], port).into()).await
}

async fn forward(client: TcpStream, server: u16, mut wire: watch::Receiver<Wire>) {
    let severed = wire.borrow().severed;
    // A connection that is made while nothing is carried waits.
    let is_decided = wire.wait_for(|wire| wire.flow != Flow::Partitioned).await;
    if is_decided.is_ok_and(|wire| wire.flow == Flow::Cut) {
        return;
    }
    let Ok(server) = connect(server).await else {
        return;
    };
    let (client_read, client_write) = client.into_split();
    let (server_read, server_write) = server.into_split();
    tokio::select! {
        () = carry(client_read, server_write, wire.clone(), Flow::to_server) => {}
        () = carry(server_read, client_write, wire.clone(), Flow::to_client) => {}
        _ = wire.wait_for(|wire| wire.flow == Flow::Cut || wire.severed > severed) => {}
    }
}

/// Carries bytes in one direction while the wire does, until their end has arrived.
async fn carry(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    wire: watch::Receiver<Wire>,
    carries: fn(Flow) -> bool,
) {
    let (sender, mut on_the_wire) = mpsc::channel::<(Instant, Vec<u8>)>(ON_THE_WIRE);
    let mut state = wire.clone();
    let take = async move {
        let mut bytes = vec![0; 64 * 1024];
        while state.wait_for(|wire| carries(wire.flow)).await.is_ok() {
            // Bytes that arrive while nothing is carried stay where they are.
            let read = tokio::select! {
                biased;
                _ = state.changed() => continue,
                read = from.read(&mut bytes) => read,
            };
            let Ok(n @ 1..) = read else { return };
            let due = Instant::now() + state.borrow().delay;
            if sender.send((due, bytes[..n].to_vec())).await.is_err() {
                return;
            }
        }
    };
    let mut state = wire;
    let give = async move {
        while let Some((due, bytes)) = on_the_wire.recv().await {
            if due > Instant::now() {
                sleep_until(due).await;
            }
            let is_carried = state.wait_for(|wire| carries(wire.flow)).await.is_ok();
            if !is_carried || to.write_all(&bytes).await.is_err() {
                return;
            }
        }
    };
    tokio::pin!(take, give);
    tokio::select! {
        // What was read before the end still has to arrive.
        () = &mut take => give.await,
        () = &mut give => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wait::{assert_hangs, guard};

    /// A server that sends back what it gets, behind a wire; and a connection to it.
    async fn echo() -> (Proxy, TcpStream, JoinHandle<()>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let proxy = Proxy::start(listener.local_addr().unwrap().port()).await;
        let server = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(async move {
                    let (mut read, mut write) = stream.into_split();
                    let _ = tokio::io::copy(&mut read, &mut write).await;
                });
            }
        });
        let client = TcpStream::connect(("127.0.0.1", proxy.port())).await;
        (proxy, client.unwrap(), server)
    }

    async fn ask(client: &mut TcpStream) -> std::io::Result<u8> {
        client.write_u8(7).await?;
        client.read_u8().await
    }

    #[tokio::test]
    async fn what_is_sent_into_a_partition_arrives_after_it() {
        let (proxy, mut client, server) = echo().await;
        assert_eq!(guard("an echo", ask(&mut client)).await.unwrap(), 7);
        proxy.partition();
        assert_hangs("a wire that carries nothing", ask(&mut client)).await;
        // A new connection is taken, and hears nothing either.
        let mut other = TcpStream::connect(("127.0.0.1", proxy.port()))
            .await
            .unwrap();
        other.write_u8(8).await.unwrap();
        proxy.mend();
        assert_eq!(guard("an echo", client.read_u8()).await.unwrap(), 7);
        assert_eq!(guard("an echo", other.read_u8()).await.unwrap(), 8);
        assert_eq!(proxy.connections(), 2);
        server.abort();
    }

    #[tokio::test]
    async fn a_slow_wire_delays_both_ways_and_loses_nothing() {
        const DELAY: Duration = Duration::from_millis(100);
        let (proxy, mut client, server) = echo().await;
        proxy.slow(DELAY);
        for _ in 0..2 {
            let start = std::time::Instant::now();
            assert_eq!(guard("an echo", ask(&mut client)).await.unwrap(), 7);
            assert!(start.elapsed() >= DELAY * 2, "{:?}", start.elapsed());
        }
        server.abort();
    }

    #[tokio::test]
    async fn a_cut_ends_connections_and_a_mended_wire_takes_new_ones() {
        let (proxy, mut client, server) = echo().await;
        assert_eq!(guard("an echo", ask(&mut client)).await.unwrap(), 7);
        proxy.cut();
        guard("the end", client.read_u8()).await.unwrap_err();
        let mut next = TcpStream::connect(("127.0.0.1", proxy.port()))
            .await
            .unwrap();
        guard("the end", ask(&mut next)).await.unwrap_err();
        for end in [Proxy::mend, Proxy::sever] {
            end(&proxy);
            let mut next = TcpStream::connect(("127.0.0.1", proxy.port()))
                .await
                .unwrap();
            assert_eq!(guard("an echo", ask(&mut next)).await.unwrap(), 7);
            client = next;
        }
        proxy.sever();
        guard("the end", client.read_u8()).await.unwrap_err();
        server.abort();
    }
}
