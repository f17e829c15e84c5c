//! The program with a component that answers by the path of a request.

use core::net::SocketAddr;
use std::path::Path;

use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

use crate::support::process::Process;
use crate::support::setup::{Setup, Workplace};

/// A NATS server, and the gateway on it.
pub struct Gateway {
    pub setup: Setup,
    pub process: Process,
    pub address: SocketAddr,
}

pub const LINKED: [&str; 2] = ["--links", "gateway.toml"];

const LINKS: &str = "
[[link]]
source = \"gateway\"
target = \"greeter\"
interface = \"test:app/greeter\"
";

impl Gateway {
    /// Starts it with the link, and waits until it serves.
    pub fn new(options: &[&str]) -> Self {
        let options = [&LINKED, options].concat();
        Self::unlinked(&options)
    }

    pub fn unlinked(options: &[&str]) -> Self {
        let setup = Setup::new();
        let (process, address) = start(&setup, options, &[]);
        Self {
            setup,
            process,
            address,
        }
    }
}

impl Gateway {
    /// Waits until a guest runs that does not end soon: `/wait`, `/spin` and what ends in it, and
    /// `/large`. Each is told once.
    pub fn runs(&mut self) {
        self.process.says("the guest runs");
    }
}

/// Starts another one.
pub fn start(
    workplace: &Workplace,
    options: &[&str],
    environment: &[(&str, &str)],
) -> (Process, SocketAddr) {
    workplace.files.write("gateway.wasm", component());
    workplace.files.write("gateway.toml", LINKS);
    let mut command = workplace.command(&["http", "--id", "gateway", "--addr", "127.0.0.1:0"]);
    command.args(options).arg("gateway.wasm");
    command.envs(environment.iter().copied());
    let mut process = Process::start(&mut command);
    let line = process.says("serving gateway at http://");
    let (_, address) = line.split_once("http://").unwrap();
    let address = address.parse().unwrap();
    (process, address)
}

pub fn component() -> Vec<u8> {
    let guests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/guests");
    let mut resolve = Resolve::default();
    let package = resolve.push_file(guests.join("gateway.wit")).unwrap();
    let world = resolve.select_world(&[package], Some("gateway")).unwrap();
    let mut module = wat::parse_file(guests.join("gateway.wat")).unwrap();
    let encoding = StringEncoding::UTF8;
    embed_component_metadata(&mut module, &resolve, world, encoding, false).unwrap();
    let mut encoder = ComponentEncoder::default();
    let encoder = encoder.module(&module).unwrap();
    encoder.validate(true).encode().unwrap()
}
