//! The arguments of `wrpc-host links`.

use core::time::Duration;
use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use wrpc_middleware::link::{DEFAULT_LINK_NAME, Interface};

use crate::connect::NatsArgs;
use crate::id::Id;
use crate::links::LinksArg;

/// What to do with links.
#[derive(Args, Clone, Debug)]
pub struct LinksArgs {
    /// What to do.
    #[command(subcommand)]
    pub command: LinksCommand,
}

/// Where the links are.
#[derive(Args, Clone, Debug)]
pub struct PlaceArgs {
    /// Where the links are: a NATS key-value bucket, or a links file where they are only read
    #[arg(long, value_name = "FILE|kv://BUCKET", default_value = "kv://links")]
    pub links: LinksArg,
    /// Where NATS is and who asks. Last, or its heading would be that of what follows.
    #[command(flatten)]
    pub nats: NatsArgs,
}

/// What can be done with links.
#[derive(Subcommand, Clone, Debug)]
pub enum LinksCommand {
    /// Make the bucket, if there is none
    Init(InitArgs),
    /// List the links
    Ls(ListArgs),
    /// Put a link, in the place of one with the same source, name and interface
    Put(PutArgs),
    /// Remove a link: the next call by it is denied on every host
    Rm(RemoveArgs),
    /// Make the bucket have exactly the links of a file
    Import(ImportArgs),
    /// Print the links as a links file
    Export(ExportArgs),
    /// Print each change as it happens, until a signal comes
    Watch(WatchArgs),
    /// Print what the NATS user of a component has to be permitted, by its links
    #[command(long_about = super::help::PERMISSIONS)]
    Permissions(PermissionsArgs),
}

/// For whom to print.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Output {
    /// For people.
    #[default]
    Text,
    /// For programs.
    Json,
}

/// How the bucket is made.
#[derive(Args, Clone, Debug)]
pub struct InitArgs {
    /// On how many servers of a NATS cluster the bucket is kept; with 3, one may fail
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=5))]
    pub replicas: u8,
    /// How many revisions of each link NATS keeps
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u8).range(1..=64))]
    pub history: u8,
    /// Where the links are.
    #[command(flatten)]
    pub place: PlaceArgs,
}

/// How links are listed.
#[derive(Args, Clone, Debug)]
pub struct ListArgs {
    /// Only those from this component
    #[arg(long, value_name = "ID")]
    pub source: Option<Id>,
    /// Only those to this component
    #[arg(long, value_name = "ID")]
    pub target: Option<Id>,
    /// For whom to print
    #[arg(long, value_enum, default_value_t)]
    pub output: Output,
    /// Where the links are.
    #[command(flatten)]
    pub place: PlaceArgs,
}

/// The link to put.
#[derive(Args, Clone, Debug)]
pub struct PutArgs {
    /// Component id of the caller
    pub source: Id,
    /// Component id of the target
    pub target: Id,
    /// What may be called, as in test:app/greeter; a version is ignored. `$root` for functions at the
    /// root of a world
    pub interface: Interface,
    /// Name of the link, for a source that has several targets of one interface
    #[arg(long, default_value = DEFAULT_LINK_NAME)]
    pub name: String,
    /// The only functions that may be called, separated by commas [default: all]
    #[arg(long, value_name = "FUNC", value_delimiter = ',')]
    pub functions: Option<Vec<String>>,
    /// The target serves a plain T where the caller declares result<T, rpc-error>: for all functions,
    /// or for these, separated by commas
    #[arg(long, value_name = "FUNC", value_delimiter = ',', num_args = 0.., require_equals = true)]
    pub bare: Option<Vec<String>>,
    /// Where the links are.
    #[command(flatten)]
    pub place: PlaceArgs,
}

/// The link to remove.
#[derive(Args, Clone, Debug)]
pub struct RemoveArgs {
    /// Component id of the caller
    pub source: Id,
    /// The interface of the link
    pub interface: Interface,
    /// Name of the link
    #[arg(long, default_value = DEFAULT_LINK_NAME)]
    pub name: String,
    /// Where the links are.
    #[command(flatten)]
    pub place: PlaceArgs,
}

/// What to import.
#[derive(Args, Clone, Debug)]
pub struct ImportArgs {
    /// Links file (TOML)
    pub file: PathBuf,
    /// Say what would be changed, and change nothing
    #[arg(long)]
    pub dry_run: bool,
    /// For whom to print
    #[arg(long, value_enum, default_value_t)]
    pub output: Output,
    /// Where the links are.
    #[command(flatten)]
    pub place: PlaceArgs,
}

/// How to export.
#[derive(Args, Clone, Debug)]
pub struct ExportArgs {
    /// For whom to print: a links file, or an array of links
    #[arg(long, value_enum, default_value_t)]
    pub output: Output,
    /// Where the links are.
    #[command(flatten)]
    pub place: PlaceArgs,
}

/// How to watch.
#[derive(Args, Clone, Debug)]
pub struct WatchArgs {
    /// For whom to print
    #[arg(long, value_enum, default_value_t)]
    pub output: Output,
    /// Where the links are.
    #[command(flatten)]
    pub place: PlaceArgs,
}

/// Whose permissions to print.
#[derive(Args, Clone, Debug)]
pub struct PermissionsArgs {
    /// Id of the component
    #[arg(long)]
    pub id: Id,
    /// Namespace of ids, as `serve` and `call` have it
    #[arg(long, default_value = "default")]
    pub lattice: Id,
    /// The major versions of interfaces that may be called, beside interfaces without a version;
    /// separated by commas
    #[arg(long, value_name = "N", value_delimiter = ',', default_value = "0,1")]
    pub majors: Vec<u64>,
    /// In which form: the configuration of a NATS server, or a user's JWT
    #[arg(long, value_enum, default_value_t)]
    pub output: Output,
    /// Where the links are.
    #[command(flatten)]
    pub place: PlaceArgs,
}

/// The age of links, which are looked at four times in it.
pub(super) fn max_age(text: &str) -> Result<Duration, String> {
    let age = super::wait(text)?;
    if age < SHORTEST_AGE {
        return Err("less than a second: calls would be denied while NATS is asked".into());
    }
    Ok(age)
}

const SHORTEST_AGE: Duration = Duration::from_secs(1);
