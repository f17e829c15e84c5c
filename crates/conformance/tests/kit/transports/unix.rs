//! wRPC's own transport over Unix domain sockets.

use std::io;
use std::net::Shutdown;
use std::path::PathBuf;

use tempfile::TempDir;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{UnixListener, UnixStream};
use wrpc_transport::unix::Client;

use super::framed::{Cut, Framed, Listener};

pub type Unix = Framed<Path>;

/// A listener, and the directory that its path is in.
pub struct Path {
    listener: UnixListener,
    dir: TempDir,
}

impl Path {
    fn path(&self) -> PathBuf {
        self.dir.path().join("socket")
    }
}

impl Listener for Path {
    const NAME: &'static str = "wRPC over Unix sockets";

    type Client = Client<PathBuf>;
    type Read = OwnedReadHalf;
    type Write = OwnedWriteHalf;
    type Remains = TempDir;

    async fn bind() -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        let listener = UnixListener::bind(dir.path().join("socket")).expect("a listener");
        Self { listener, dir }
    }

    fn client(&self) -> Client<PathBuf> {
        self.path().into()
    }

    async fn accept(&self) -> io::Result<(OwnedReadHalf, OwnedWriteHalf, Cut)> {
        let (stream, _) = self.listener.accept().await?;
        let stream = stream.into_std()?;
        let handle = stream.try_clone()?;
        let (read, write) = UnixStream::from_std(stream)?.into_split();
        let cut = move || handle.shutdown(Shutdown::Both);
        Ok((read, write, Box::new(cut)))
    }

    fn close(self) -> TempDir {
        self.dir
    }

    fn address(&self) -> String {
        self.path().display().to_string()
    }
}
