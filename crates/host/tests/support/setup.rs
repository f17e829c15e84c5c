//! A NATS server, components, and the commands to serve and call them.

use std::path::Path;
use std::process::{Command, Stdio};

use futures::StreamExt as _;

use super::nats::{self, Process};
use super::{Files, program};

pub const LINKS: &str = "
[[link]]
source = \"client\"
target = \"greeter\"
interface = \"test:app/greeter\"
";

/// A directory with everything in it, and a NATS server.
pub struct Setup {
    pub files: Files,
    pub url: String,
    pub nats: Process,
}

impl Setup {
    pub fn new() -> Self {
        Self::with_config("")
    }

    /// The same, with a configuration in the server's own format.
    pub fn with_config(config: &str) -> Self {
        Self::with_store(|_| config.to_owned())
    }

    /// The same, where the server may need a directory of its own.
    pub fn with_store(config: impl FnOnce(&Path) -> String) -> Self {
        let files = Files::new();
        files.write("links.toml", LINKS);
        let config = config(&files.path("store"));
        let config = files.write("nats.conf", config);
        let (nats, url) = nats::start(&config);
        Self { files, url, nats }
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
