//! wRPC's own transport over Unix domain sockets.

use std::io;
use std::net::Shutdown;
use std::path::{Path, PathBuf};

use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{UnixListener, UnixStream};
use wrpc_transport::unix::Client;

use super::sockets::{Cut, Listener, Sockets};

pub type Unix = Sockets<Socket>;

/// A listener, and where it listens.
pub struct Socket {
    listener: UnixListener,
    path: PathBuf,
}

impl Listener for Socket {
    const NAME: &'static str = "wRPC over Unix sockets";

    type Client = Client<PathBuf>;
    type Read = OwnedReadHalf;
    type Write = OwnedWriteHalf;

    async fn bind(dir: &Path) -> Self {
        let path = dir.join("socket");
        let listener = UnixListener::bind(&path).expect("a listener");
        Self { listener, path }
    }

    fn client(&self) -> Client<PathBuf> {
        self.path.clone().into()
    }

    async fn accept(&self) -> io::Result<(OwnedReadHalf, OwnedWriteHalf, Cut)> {
        let (stream, _) = self.listener.accept().await?;
        let stream = stream.into_std()?;
        let handle = stream.try_clone()?;
        let (read, write) = UnixStream::from_std(stream)?.into_split();
        let cut = move || handle.shutdown(Shutdown::Both);
        Ok((read, write, Box::new(cut)))
    }

    fn address(&self) -> String {
        self.path.display().to_string()
    }
}
