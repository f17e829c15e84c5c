//! `links permissions`.

use wrpc_middleware::links::permissions::{PermissionOptions, Permissions};

use super::print::{json, print};
use crate::cli::{Output, PermissionsArgs};
use crate::error::{Error, Exit};

pub(super) async fn run(args: &PermissionsArgs) -> Result<Exit, Error> {
    let links = args.place.read("links permissions").await?;
    let mut options = PermissionOptions::new()
        .lattice(args.lattice.clone())
        .majors(args.majors.iter().copied());
    if let Some(bucket) = args.place.bucket() {
        options = options.bucket(bucket.clone());
    }
    if args.place.nats.inbox_prefix.is_some() {
        tracing::warn!(
            "`--inbox-prefix` is that of this command: what it prints is for inboxes below `_INBOX`"
        );
    }
    let mut entries = links.entries().iter();
    if !entries.any(|link| link.source == args.id || link.target == args.id) {
        tracing::warn!("no link is from or to `{}`", args.id);
    }
    let permissions = Permissions::of(&links, &args.id, &options);
    match args.output {
        Output::Text => print(&permissions.to_config())?,
        Output::Json => json(&permissions, true)?,
    };
    Ok(Exit::Success)
}
