//! A NATS server, components, and the commands to serve and call them.

use std::process::{Command, Stdio};

use futures::StreamExt as _;

use wrpc_middleware_testing::nats::NatsServer;

use super::process::Process;
use super::{Files, program};

pub const LINKS: &str = "
[[link]]
source = \"client\"
target = \"greeter\"
interface = \"test:app/greeter\"
";

/// A directory with everything in it, and a NATS server.
pub struct Setup {
    workplace: Workplace,
    pub nats: NatsServer,
}

impl Setup {
    pub fn new() -> Self {
        Self::with_config("")
    }

    /// The same, with a configuration in the server's own format.
    pub fn with_config(config: &str) -> Self {
        Self::on(block_on(NatsServer::start_with(config)))
    }

    /// The same with JetStream.
    pub fn with_jetstream(config: &str) -> Self {
        Self::on(block_on(NatsServer::start_with_jetstream(config)))
    }

    fn on(nats: NatsServer) -> Self {
        let workplace = Workplace::new(nats.url());
        Self { workplace, nats }
    }

    /// Starts the killed NATS server again, where it was and with what it had.
    pub fn restart_nats(&mut self) {
        block_on(self.nats.restart());
    }
}

impl core::ops::Deref for Setup {
    type Target = Workplace;

    fn deref(&self) -> &Workplace {
        &self.workplace
    }
}

/// A directory with everything in it, and where NATS is.
pub struct Workplace {
    pub files: Files,
    pub url: String,
}

impl Workplace {
    pub fn new(url: String) -> Self {
        let files = Files::new();
        files.write("links.toml", LINKS);
        Self { files, url }
    }

    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = program(&self.files.path(""));
        command.env("NATS_URL", &self.url).args(args);
        command
    }

    /// Starts the greeter and waits until it serves.
    pub fn serve(&self, component: &str, options: &[&str]) -> Process {
        let mut command = self.command(&["serve", "--id", "greeter", component]);
        let mut process = Process::start(command.args(options));
        process.says("serving greeter: 1 function");
        process
    }

    pub fn call(&self, options: &[&str], component: &str) -> Command {
        let mut command = self.command(&["call", "--id", "client"]);
        command.args(options).args([component, "greet(\"bob\")"]);
        command
    }

    /// Starts a call and waits until the greeter has accepted it.
    pub fn call_in_flight(&self, options: &[&str]) -> Process {
        block_on(async {
            let nats = async_nats::connect(&self.url).await.unwrap();
            let mut messages = nats.subscribe(">").await.unwrap();
            nats.publish("probe", "".into()).await.unwrap();
            while messages.next().await.unwrap().subject.as_str() != "probe" {}
            let mut call = self.call(&["--links", "links.toml"], "client.wasm");
            let call = Process::start(call.args(options).stdout(Stdio::piped()));
            let inbox = loop {
                let message = messages.next().await.unwrap();
                if message.subject.contains(".wrpc.0.0.1.") {
                    break message.reply.unwrap();
                }
            };
            // The handshake.
            while messages.next().await.unwrap().subject != inbox {}
            call
        })
    }
}

/// Runs what is asynchronous of a test.
pub fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Runtime::new().unwrap().block_on(future)
}
