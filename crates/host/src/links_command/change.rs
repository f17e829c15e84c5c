//! `links init`, `links put` and `links rm`.

use wrpc_middleware::links::bucket::CreateOptions;

use super::LinksCommandError;
use super::error::no_such_link;
use super::print::{line, print};
use crate::cli::{InitArgs, PutArgs, RemoveArgs};
use crate::error::{Error, Exit};
use crate::links::{Bare, Entry};

pub(super) async fn init(args: &InitArgs) -> Result<Exit, Error> {
    let connected = args.place.connect("links init").await?;
    let options = CreateOptions::new()
        .replicas(args.replicas.into())
        .history(args.history);
    let created = connected.bucket.create(&options).await;
    let created = created.map_err(|error| connected.explain(error))?;
    let name = connected.bucket.name();
    print(&if created {
        format!("made the bucket `{name}`\n")
    } else {
        format!("there is a bucket `{name}` already, which stays as it is\n")
    })?;
    Ok(Exit::Success)
}

pub(super) async fn put(args: PutArgs) -> Result<Exit, Error> {
    let mut entry = Entry::new(args.source, args.target, args.interface);
    entry.name = args.name;
    entry.functions = args.functions;
    entry.bare = match args.bare {
        None => Bare::None,
        Some(functions) if functions.is_empty() => Bare::All,
        Some(functions) => Bare::Functions(functions),
    };
    // Before anything connects.
    entry.check().map_err(LinksCommandError::from)?;
    let connected = args.place.connect("links put").await?;
    let put = connected.bucket.put(&entry).await;
    let revision = put.map_err(|error| connected.explain(error))?;
    print(&format!("put {} (revision {revision})\n", line(&entry)))?;
    Ok(Exit::Success)
}

pub(super) async fn rm(args: &RemoveArgs) -> Result<Exit, Error> {
    let source = args.source.clone();
    let mut entry = Entry::new(source.clone(), source, args.interface.clone());
    entry.name.clone_from(&args.name);
    entry.check().map_err(LinksCommandError::from)?;
    let connected = args.place.connect("links rm").await?;
    let removed = connected
        .bucket
        .remove(&entry.source, &entry.name, &entry.interface);
    if !removed.await.map_err(|error| connected.explain(error))? {
        return Err(no_such_link(&entry).into());
    }
    print(&format!("removed {}\n", entry.key()))?;
    Ok(Exit::Success)
}
