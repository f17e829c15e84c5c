//! NATS servers of a test's own, and what their clients have noticed of them.

use std::ffi::OsString;
use std::fs::File;
use std::net::UdpSocket;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};

use crate::leashed::Leashed;
use crate::signals;
use crate::wait::{guard, until};

/// Below the range that systems pick local ports of outgoing connections from, so that a port
/// stays free while its server is down.
const PORTS: core::ops::Range<u16> = 20_000..32_000;

/// A `nats-server` process on a port of its own, which it keeps over restarts. Killed when this is
/// dropped.
pub struct NatsServer {
    client_port: Port,
    monitor_port: Port,
    name: String,
    dir: TempDir,
    process: Option<Leashed>,
}

impl NatsServer {
    /// Starts a server and waits until it takes connections.
    pub async fn start() -> Self {
        Self::start_with("").await
    }

    /// Does the same with a configuration in the server's own format.
    pub async fn start_with(config: &str) -> Self {
        Self::start_in(|_| config.to_owned()).await
    }

    /// Does the same with JetStream, whose streams and buckets outlive a restart.
    pub async fn start_with_jetstream(config: &str) -> Self {
        let jetstream = |dir: &Path| {
            let store = dir.join("store");
            format!(
                "jetstream: {{ store_dir: \"{}\" }}\n{config}",
                store.display()
            )
        };
        Self::start_in(jetstream).await
    }

    /// Does the same with a configuration that may name the server's own directory.
    pub async fn start_in(config: impl FnOnce(&Path) -> String) -> Self {
        let mut server = Self {
            client_port: Port::reserve(),
            monitor_port: Port::reserve(),
            name: String::new(),
            dir: tempfile::tempdir().expect("a directory for the server's log"),
            process: None,
        };
        server.name = format!("test-{}-{}", std::process::id(), server.client_port.number);
        server.configure(&config(server.dir.path()));
        // Something that doesn't reserve its port the way we do may sit on it.
        while !server.launch().await {
            server.client_port = Port::reserve();
            server.monitor_port = Port::reserve();
        }
        server
    }

    /// Where clients connect.
    #[must_use]
    pub fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.client_port.number)
    }

    /// The port of [`url`](Self::url).
    #[must_use]
    pub fn port(&self) -> u16 {
        self.client_port.number
    }

    /// Connects a client that reconnects for ever, quickly.
    pub async fn connect(&self) -> async_nats::Client {
        connect(&self.url()).await
    }

    /// Ends the server the hard way.
    pub fn kill(&mut self) {
        drop(self.process.take());
    }

    /// Stops the server where it is: it answers nothing and keeps its connections. It can be
    /// killed after that.
    pub async fn freeze(&self) {
        signals::freeze(self.id()).await;
    }

    /// Lets the frozen server go on.
    pub fn thaw(&self) {
        signals::thaw(self.id());
    }

    /// Changes the server's configuration while it runs, and waits until that counts. One that is
    /// down reads it when it starts.
    ///
    /// # Panics
    ///
    /// When the server can't take it over without a restart.
    pub async fn reconfigure(&self, config: &str) {
        self.configure(config);
        if self.process.is_none() {
            return;
        }
        let reloads = || self.log().matches("Reloaded server configuration").count();
        let before = reloads();
        signals::reload(self.id());
        until("the server to take over its configuration", async || {
            let log = self.log();
            assert!(!log.contains("Failed to reload"), "{log}");
            reloads() > before
        })
        .await;
    }

    fn configure(&self, config: &str) {
        // Here and not as an argument, which a server that reads it again would miss.
        let config = format!("{config}\nserver_name: \"{}\"\n", self.name);
        std::fs::write(self.config(), config).expect("the server's configuration");
    }

    fn id(&self) -> u32 {
        let process = self.process.as_ref();
        process.expect("a server that runs").child.id()
    }

    /// Starts the killed server again, on the same port.
    pub async fn restart(&mut self) {
        assert!(self.process.is_none(), "kill the server first");
        assert!(self.launch().await, "{}", self.log());
    }

    /// How many subscriptions clients hold, as the server counts them.
    pub async fn subscriptions(&self) -> u64 {
        let connections = self.monitor("/connz").await;
        connections["connections"]
            .as_array()
            .expect("a list of connections")
            .iter()
            .map(|connection| connection["subscriptions"].as_u64().unwrap_or_default())
            .sum()
    }

    /// Waits until clients hold as many subscriptions as they did before.
    pub async fn subscriptions_return_to(&self, before: u64) {
        until("subscriptions to return to what they were", async || {
            self.subscriptions().await == before
        })
        .await;
    }

    /// How many connections the server has cut that did not take what it had for them in time.
    pub async fn slow_consumers(&self) -> u64 {
        let variables = self.monitor("/varz").await;
        variables["slow_consumers"].as_u64().expect("a number")
    }

    /// What the server's monitoring endpoint says at `path`.
    pub async fn monitor(&self, path: &str) -> serde_json::Value {
        let response = async {
            let mut stream =
                tokio::net::TcpStream::connect(("127.0.0.1", self.monitor_port.number)).await?;
            stream
                .write_all(format!("GET {path} HTTP/1.0\r\n\r\n").as_bytes())
                .await?;
            let mut response = String::new();
            stream.read_to_string(&mut response).await?;
            std::io::Result::Ok(response)
        };
        let response = guard("the server's monitoring endpoint", response)
            .await
            .expect("the server's monitoring endpoint");
        let (_, body) = response.split_once("\r\n\r\n").expect("an HTTP body");
        serde_json::from_str(body).expect("JSON")
    }

    /// Whether the server runs on our ports; if not, they are taken.
    async fn launch(&mut self) -> bool {
        let log = File::create(self.dir.path().join("log")).expect("the server's log");
        let mut command = Command::new(binary());
        command
            .arg("--config")
            .arg(self.config())
            .args(["--addr", "127.0.0.1"])
            .args(["--port", &self.client_port.number.to_string()])
            .args(["--http_port", &self.monitor_port.number.to_string()])
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("the server's log"))
            .stderr(log);
        let mut process = Leashed::start(&mut command).expect(
            "nats-server, in $NATS_SERVER or on the PATH: `cargo xtask nats-server` gets it",
        );
        let mut exited = false;
        until("the server to take connections", async || {
            exited = process
                .child
                .try_wait()
                .expect("the server's state")
                .is_some();
            exited
                || server_name(self.client_port.number)
                    .await
                    .is_some_and(|name| name == self.name)
        })
        .await;
        self.process = Some(process);
        if exited {
            assert!(
                self.log().contains("address already in use"),
                "{}",
                self.log()
            );
            self.kill();
        }
        !exited
    }

    fn config(&self) -> PathBuf {
        self.dir.path().join("config")
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.dir.path().join("log")).unwrap_or_default()
    }
}

/// The name of the server on a port of this machine, which it says before anyone logs in.
async fn server_name(port: u16) -> Option<String> {
    let stream = tokio::net::TcpStream::connect(("127.0.0.1", port)).await;
    let mut info = String::new();
    BufReader::new(stream.ok()?)
        .read_line(&mut info)
        .await
        .ok()?;
    let info: serde_json::Value = serde_json::from_str(info.strip_prefix("INFO ")?).ok()?;
    Some(info["server_name"].as_str()?.to_owned())
}

/// Connects a client that reconnects for ever, quickly.
pub async fn connect(url: &str) -> async_nats::Client {
    async_nats::ConnectOptions::new()
        .reconnect_delay_callback(|_| core::time::Duration::from_millis(20))
        .connect(url)
        .await
        .expect("connect to the server")
}

/// Waits until the client has noticed that its server is gone.
pub async fn disconnected(client: &async_nats::Client) {
    until("the client to notice that the server is gone", async || {
        client.connection_state() != async_nats::connection::State::Connected
    })
    .await;
}

/// Waits until the client is connected, and has told the server everything it had to tell.
pub async fn connected(client: &async_nats::Client) {
    until("the client to reconnect", async || {
        client.connection_state() == async_nats::connection::State::Connected
    })
    .await;
    round_trip(client).await;
}

/// Waits until the server has handled everything that this client sent so far.
pub async fn round_trip(client: &async_nats::Client) {
    use futures::StreamExt as _;

    let subject = client.new_inbox();
    let mut echo = client.subscribe(subject.clone()).await.expect("subscribe");
    // By the server itself, so that nobody counts the subscription after this.
    echo.unsubscribe_after(1).await.expect("unsubscribe");
    client
        .publish(subject, bytes::Bytes::from_static(b"echo"))
        .await
        .expect("publish");
    guard("a round trip", echo.next()).await.expect("an echo");
}

/// The program: `$NATS_SERVER`, or `nats-server` on the `PATH`.
#[must_use]
pub fn binary() -> OsString {
    std::env::var_os("NATS_SERVER").unwrap_or_else(|| PathBuf::from("nats-server").into())
}

/// A TCP port of this machine that no other test takes while this lives.
pub struct Port {
    number: u16,
    /// UDP ports are numbered apart from those of TCP, so this is a lock that all processes see.
    _lock: UdpSocket,
}

impl Port {
    /// Finds one that nobody has.
    #[must_use]
    pub fn reserve() -> Self {
        // Start somewhere else in every process, so that they rarely meet.
        let start =
            u16::try_from(std::process::id() % u32::try_from(PORTS.len()).unwrap()).unwrap();
        let (low, high) = PORTS.partition::<Vec<_>, _>(|port| port - PORTS.start < start);
        high.into_iter()
            .chain(low)
            .find_map(|number| {
                let lock = UdpSocket::bind(("127.0.0.1", number)).ok()?;
                // Not taken by anything else right now.
                std::net::TcpListener::bind(("127.0.0.1", number)).ok()?;
                Some(Self {
                    number,
                    _lock: lock,
                })
            })
            .expect("a free port")
    }

    /// Its number.
    #[must_use]
    pub fn number(&self) -> u16 {
        self.number
    }
}
