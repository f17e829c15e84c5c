//! A wire that can be cut between one client and the server.

use std::sync::Arc;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wire {
    /// Carries bytes both ways.
    Open,
    /// Takes no more bytes from the client.
    Stalled,
    /// Connections end at once.
    Cut,
}

/// Forwards connections to a server on the same machine.
pub struct Proxy {
    port: u16,
    wire: Arc<watch::Sender<Wire>>,
    task: JoinHandle<()>,
}

impl Proxy {
    /// Starts to forward to the server on this port of 127.0.0.1.
    pub async fn start(server: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("listen");
        let port = listener.local_addr().expect("an address").port();
        let wire = Arc::new(watch::Sender::new(Wire::Open));
        let state = Arc::clone(&wire);
        let task = tokio::spawn(async move {
            let mut connections = tokio::task::JoinSet::new();
            while let Ok((client, _)) = listener.accept().await {
                connections.spawn(forward(client, server, state.subscribe()));
            }
        });
        Self { port, wire, task }
    }

    /// Where the client connects.
    #[must_use]
    pub fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    /// Takes no more bytes from the client; it can't tell.
    pub fn stall(&self) {
        self.wire.send_replace(Wire::Stalled);
    }

    /// Ends all connections, and new ones as soon as they are made.
    pub fn cut(&self) {
        self.wire.send_replace(Wire::Cut);
    }

    /// Carries new connections again.
    pub fn mend(&self) {
        self.wire.send_replace(Wire::Open);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn forward(client: TcpStream, server: u16, mut wire: watch::Receiver<Wire>) {
    if *wire.borrow() == Wire::Cut {
        return;
    }
    let Ok(server) = TcpStream::connect(("127.0.0.1", server)).await else {
        return;
    };
    let (mut client_read, mut client_write) = client.into_split();
    let (mut server_read, mut server_write) = server.into_split();
    let mut state = wire.clone();
    let there = async {
        let mut bytes = vec![0; 64 * 1024];
        while state.wait_for(|wire| *wire == Wire::Open).await.is_ok() {
            // Bytes that arrive while stalled stay where they are: they never reach the server.
            let read = tokio::select! {
                biased;
                _ = state.changed() => continue,
                read = client_read.read(&mut bytes) => read,
            };
            match read {
                Ok(n) if n > 0 => {
                    if server_write.write_all(&bytes[..n]).await.is_err() {
                        return;
                    }
                }
                _ => return,
            }
        }
    };
    tokio::select! {
        () = there => {}
        _ = copy(&mut server_read, &mut client_write) => {}
        _ = wire.wait_for(|wire| *wire == Wire::Cut) => {}
    }
}
