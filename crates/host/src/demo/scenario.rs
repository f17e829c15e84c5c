//! What is broken, in which order, and what is to be expected.

use std::io;
use std::path::{Path, PathBuf};

use async_nats::Subscriber;
use futures::StreamExt as _;
use tempfile::TempDir;
use tokio::sync::watch;
use tokio::time::timeout;
use wrpc_middleware::link::LinkTable;
use wrpc_middleware::nats::{ConnectionState, Options};
use wrpc_middleware::runtime::Limits;

use super::DemoError;
use super::caller::{CALL, Caller};
use super::expected::{Expected, HANDSHAKE_TIMEOUT, KEEPALIVE, TIMEOUT};
use super::guests::Guest;
use super::nats_server::{self, NatsServer};
use super::process::{PATIENCE, Process};
use super::table::Table;
use crate::cli::DemoArgs;
use crate::connect::NatsArgs;
use crate::error::{Error, Exit};
use crate::host::CallOptions;
use crate::id::Id;
use crate::links::Links;
use crate::terminal::has_colour;

const LINKS: &str = r#"
[[link]]
source = "client"
target = "greeter"
interface = "test:app/greeter"
"#;

/// Plays it.
pub(super) async fn play(args: &DemoArgs) -> Result<Exit, Error> {
    let program = nats_server::find(args.nats_server.as_deref())?;
    let mut nats = NatsServer::start(&program).await?;
    let port = nats.port();
    let address = nats.address();
    let greeters = Greeters::new(address.clone())?;
    let mut greeter = greeters.start(Guest::Quick).await?;

    let client = id("client")?;
    let connection = Options::new()
        .id(client.as_str())
        .prefix("default")
        .keepalive(Some(KEEPALIVE));
    let connection = NatsArgs::at(address)
        .connect("wrpc-host demo", connection)
        .await?;
    let mut state = connection.connection_state();
    let links = Links::parse(Path::new("links of the demo"), LINKS)?;
    let table = links.table();
    let options = CallOptions {
        id: client,
        timeout: TIMEOUT,
        handshake_timeout: HANDSHAKE_TIMEOUT,
        stream_idle: None,
        limits: Limits::default(),
    };
    let mut caller = Caller::new(connection, table.clone(), &options).await?;
    let mut show = Show::begin(port)?;

    show.call("everything is up", &mut caller, Expected::OK)
        .await?;

    remove(&table, &links);
    show.call("the link is removed", &mut caller, Expected::DENIED)
        .await?;

    restore(&table, &links);
    greeter.stop().await?;
    show.call("link restored, target stopped", &mut caller, Expected::GONE)
        .await?;

    greeter = greeters.start(Guest::Slow).await?;
    show.call("target back, but too slow", &mut caller, Expected::LATE)
        .await?;

    let mut answers = answers(&nats.address()).await?;
    let killed = async {
        begun(&mut answers).await?;
        greeter.kill().await
    };
    let (shown, killed) = tokio::join!(
        show.call("target killed while it runs", &mut caller, Expected::KILLED),
        killed
    );
    drop(answers);
    shown?;
    killed?;

    greeter = greeters.start(Guest::Quick).await?;
    show.call("target replaced by a quick one", &mut caller, Expected::OK)
        .await?;

    nats.kill().await?;
    until(
        &mut state,
        "the connection to be noticed as lost",
        |state| *state == ConnectionState::Disconnected,
    )
    .await?;
    show.call("NATS is killed", &mut caller, Expected::CUT_OFF)
        .await?;

    nats = NatsServer::start_on(&program, port).await?;
    until(&mut state, "the connection to come back", |state| {
        *state == ConnectionState::Connected
    })
    .await?;
    greeter
        .says("the target to be back", |line| {
            line.starts_with("serving greeter again").then_some(())
        })
        .await?;
    show.call("NATS is back", &mut caller, Expected::OK).await?;

    greeter.stop().await?;
    nats.kill().await?;
    show.end()
}

fn id(name: &str) -> Result<Id, DemoError> {
    name.parse().map_err(DemoError::Id)
}

fn remove(table: &LinkTable, links: &Links) {
    for link in links.entries().iter().map(crate::links::Entry::link) {
        let _ = table.remove(link.source(), link.name(), link.interface());
    }
}

fn restore(table: &LinkTable, links: &Links) {
    for link in links.entries().iter().map(crate::links::Entry::link) {
        table.insert(&link);
    }
}

/// What targets answer to the component, from now on.
///
/// Over a connection of its own: NATS says only once to a connection that nobody listens.
async fn answers(address: &str) -> Result<Subscriber, DemoError> {
    let stuck = || DemoError::Stuck { what: TAKEN };
    let nats = async_nats::connect(address).await.map_err(|_| stuck())?;
    // The handshakes: what else is said of a call is below them.
    let answers = nats.subscribe("_INBOX.client.*.*").await;
    let answers = answers.map_err(|_| stuck())?;
    nats.flush().await.map_err(|_| stuck())?;
    Ok(answers)
}

/// Waits for the first: that the call was taken.
async fn begun(answers: &mut Subscriber) -> Result<(), DemoError> {
    match timeout(PATIENCE, answers.next()).await {
        Ok(Some(_)) => Ok(()),
        _ => Err(DemoError::Stuck { what: TAKEN }),
    }
}

const TAKEN: &str = "the target to take the call";

async fn until(
    state: &mut watch::Receiver<ConnectionState>,
    what: &'static str,
    reached: impl FnMut(&ConnectionState) -> bool,
) -> Result<(), DemoError> {
    match timeout(PATIENCE, state.wait_for(reached)).await {
        Ok(Ok(_)) => Ok(()),
        _ => Err(DemoError::Stuck { what }),
    }
}

/// Targets, in a process of their own each.
struct Greeters {
    program: PathBuf,
    directory: TempDir,
    address: String,
}

impl Greeters {
    /// Writes the components to where the processes can read them.
    fn new(address: String) -> Result<Self, DemoError> {
        let directory = TempDir::with_prefix("wrpc-host-demo-").map_err(DemoError::Files)?;
        for guest in [Guest::Quick, Guest::Slow] {
            let component = guest.component().map_err(|source| DemoError::Guest {
                name: guest.world(),
                source,
            })?;
            std::fs::write(path(&directory, guest), component).map_err(DemoError::Files)?;
        }
        let program = std::env::current_exe().map_err(DemoError::Files)?;
        Ok(Self {
            program,
            directory,
            address,
        })
    }

    /// Starts one and waits until it serves.
    async fn start(&self, guest: Guest) -> Result<Process, DemoError> {
        let mut process = Process::start("the target", &self.program, |command| {
            command
                .args([
                    "serve",
                    "--id",
                    "greeter",
                    "--grace",
                    "0s",
                    "--nats",
                    &self.address,
                ])
                .arg(path(&self.directory, guest))
                .env("RUST_LOG", "warn");
            for variable in NatsArgs::VARIABLES {
                command.env_remove(variable);
            }
        })?;
        process
            .says("the target to serve", |line| {
                line.starts_with("serving greeter:").then_some(())
            })
            .await?;
        Ok(process)
    }
}

fn path(directory: &TempDir, guest: Guest) -> PathBuf {
    directory.path().join(guest.world()).with_extension("wasm")
}

/// The calls so far.
struct Show {
    table: Table<io::Stdout>,
    rows: usize,
    as_expected: usize,
}

impl Show {
    fn begin(port: u16) -> Result<Self, DemoError> {
        let mut table = Table::new(io::stdout(), has_colour(&io::stdout()));
        table.head(CALL, port).map_err(DemoError::Print)?;
        Ok(Self {
            table,
            rows: 0,
            as_expected: 0,
        })
    }

    async fn call(
        &mut self,
        what: &str,
        caller: &mut Caller,
        expected: Expected,
    ) -> Result<(), DemoError> {
        let (got, took) = caller.call().await;
        let as_expected = expected.is_met_by(&got, took);
        self.rows += 1;
        self.as_expected += usize::from(as_expected);
        self.table
            .row(what, &got, took, as_expected)
            .map_err(DemoError::Print)
    }

    fn end(mut self) -> Result<Exit, Error> {
        self.table
            .foot(self.rows, self.as_expected)
            .map_err(DemoError::Print)?;
        Ok(if self.rows == self.as_expected {
            Exit::Success
        } else {
            Exit::Failure
        })
    }
}
