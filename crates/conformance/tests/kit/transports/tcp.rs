//! wRPC's own transport over TCP.

use std::io;
use std::net::{Shutdown, SocketAddr};
use std::path::Path;

use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use wrpc_transport::tcp::Client;

use super::sockets::{Cut, Listener, Sockets};

pub type Tcp = Sockets<TcpListener>;

impl Listener for TcpListener {
    const NAME: &'static str = "wRPC over TCP";

    type Client = Client<SocketAddr>;
    type Read = OwnedReadHalf;
    type Write = OwnedWriteHalf;

    async fn bind(_: &Path) -> Self {
        Self::bind("127.0.0.1:0").await.expect("a listener")
    }

    fn client(&self) -> Client<SocketAddr> {
        self.local_addr().expect("an address").into()
    }

    async fn accept(&self) -> io::Result<(OwnedReadHalf, OwnedWriteHalf, Cut)> {
        let (stream, _) = Self::accept(self).await?;
        let stream = stream.into_std()?;
        let handle = stream.try_clone()?;
        let (read, write) = TcpStream::from_std(stream)?.into_split();
        let cut = move || handle.shutdown(Shutdown::Both);
        Ok((read, write, Box::new(cut)))
    }

    fn address(&self) -> String {
        self.local_addr().expect("an address").to_string()
    }
}
