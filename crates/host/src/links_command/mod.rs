//! `wrpc-host links`.

mod change;
mod connection;
mod error;
mod import;
mod list;
mod permissions;
mod print;
mod watch;

pub use self::error::LinksCommandError;
use crate::cli::{LinksArgs, LinksCommand};
use crate::error::{Error, Exit};

/// Does what is asked for.
///
/// # Errors
///
/// Bad input, no connection to NATS, or a bucket that can't be read or changed.
pub async fn run(args: LinksArgs) -> Result<Exit, Error> {
    match args.command {
        LinksCommand::Init(init) => change::init(&init).await,
        LinksCommand::Ls(list) => list::ls(&list).await,
        LinksCommand::Put(put) => change::put(put).await,
        LinksCommand::Rm(remove) => change::rm(&remove).await,
        LinksCommand::Import(import) => import::run(&import).await,
        LinksCommand::Export(export) => list::export(&export).await,
        LinksCommand::Watch(watch) => watch::run(&watch).await,
        LinksCommand::Permissions(permissions) => permissions::run(&permissions).await,
    }
}
