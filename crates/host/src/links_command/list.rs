//! `links ls` and `links export`.

use super::print::{json, print, table};
use crate::cli::{ExportArgs, ListArgs, Output};
use crate::error::{Error, Exit};

pub(super) async fn ls(args: &ListArgs) -> Result<Exit, Error> {
    let links = args.place.read("links ls").await?;
    let wanted: Vec<_> = links
        .entries()
        .iter()
        .filter(|link| {
            args.source
                .as_ref()
                .is_none_or(|source| link.source == *source)
        })
        .filter(|link| {
            args.target
                .as_ref()
                .is_none_or(|target| link.target == *target)
        })
        .collect();
    match args.output {
        Output::Text => print(&table(wanted))?,
        Output::Json => json(&wanted, true)?,
    };
    Ok(Exit::Success)
}

pub(super) async fn export(args: &ExportArgs) -> Result<Exit, Error> {
    let links = args.place.read("links export").await?;
    match args.output {
        Output::Text => print(&links.to_toml())?,
        Output::Json => json(&links.entries(), true)?,
    };
    Ok(Exit::Success)
}
