//! What the broker has to permit a component, so that it enforces the links too.
//!
//! A host asks a table which calls it lets out. A host that was taken over asks nobody: then it is
//! the permissions of its NATS user that keep it from calling what it is not linked to.
//! [`Permissions::of`] derives them from the links and the component's id:
//!
//! ```
//! use std::path::Path;
//! use wrpc_middleware_links::Links;
//! use wrpc_middleware_links::permissions::{Permissions, PermissionOptions};
//!
//! let links = Links::parse(Path::new("links.toml"), r#"
//!     [[link]]
//!     source = "client"
//!     target = "greeter"
//!     interface = "test:app/greeter"
//!     functions = ["greet"]
//! "#)?;
//! let options = PermissionOptions::new().lattice("default".parse()?).majors([0]);
//! let permissions = Permissions::of(&links, &"client".parse()?, &options);
//! assert_eq!(permissions.publish().collect::<Vec<_>>(), [
//!     "_INBOX.client.>",
//!     "_INBOX.greeter.*.*.alive",
//!     "_INBOX.greeter.*.*.cancel",
//!     "_INBOX.greeter.*.*.params",
//!     "_INBOX.greeter.*.*.params.>",
//!     "default.greeter.wrpc.0.0.1.test:app/greeter.greet",
//!     "default.greeter.wrpc.0.0.1.test:app/greeter@0.*.*.greet",
//! ]);
//! assert_eq!(permissions.subscribe().collect::<Vec<_>>(), [
//!     "_INBOX.client.>",
//!     "default.client.wrpc.0.0.1.> client",
//! ]);
//! # Ok::<_, Box<dyn std::error::Error>>(())
//! ```
//!
//! # What is permitted
//!
//! | who | may publish to | for |
//! |---|---|---|
//! | everyone | `_INBOX.<own id>.>` | proving its own inbox |
//! | who calls | the functions of its links | calls |
//! | | `_INBOX.<target>.*.*.params`, `….params.>`, `….cancel`, `….alive` | parameters, giving up, [keepalive] |
//! | who is called | `_INBOX.<caller>.*.*`, `….results`, `….results.>`, `….alive` | handshakes, refusals, results, [keepalive] |
//! | who follows a bucket | three subjects of JetStream's API | reading it |
//!
//! and to subscribe to its own inbox, to the functions of its own id in its queue group, and to the
//! changes of the bucket. Nothing permits to write to the bucket, or to make a consumer of it, which
//! could have the server publish to any subject.
//!
//! # Versions
//!
//! Links ignore the versions of interfaces, and subjects don't: `….test:app/greeter@0.2.1.greet`.
//! As wildcards of NATS stand for whole tokens, what is permitted is the interface without a
//! version, and with each [major version](PermissionOptions::majors).
//!
//! # What it does not bound
//!
//! Peers that are not ours: those of upstream have inboxes without an id, and need `_INBOX.>`.
//! Permissions follow the links as they were when they were derived: a link that is added later has
//! to be permitted, and one that is removed goes on to be.
//!
//! [keepalive]: wrpc_middleware_nats::Options::keepalive

mod derive;
mod print;

use std::collections::BTreeSet;

use serde::Serialize;

use crate::bucket::BucketName;
use crate::{Id, Links};

/// What a NATS user may publish and subscribe to. As JSON, it is what the user's JWT has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Permissions {
    #[serde(rename = "pub")]
    publish: Allowed,
    #[serde(rename = "sub")]
    subscribe: Allowed,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
struct Allowed {
    allow: BTreeSet<String>,
}

/// What permissions depend on beside the links.
#[derive(Clone, Debug)]
#[must_use = "options do nothing by themselves"]
pub struct PermissionOptions {
    lattice: Option<Id>,
    bucket: Option<BucketName>,
    majors: BTreeSet<u64>,
}

impl Default for PermissionOptions {
    fn default() -> Self {
        Self {
            lattice: None,
            bucket: None,
            majors: [0, 1].into(),
        }
    }
}

impl PermissionOptions {
    /// No lattice, no bucket, and the major versions 0 and 1.
    pub fn new() -> Self {
        Self::default()
    }

    /// The prefix of all ids, as [`Options::prefix`](wrpc_middleware_nats::Options::prefix) has it.
    pub fn lattice(mut self, lattice: Id) -> Self {
        self.lattice = Some(lattice);
        self
    }

    /// The bucket that the component's host follows.
    pub fn bucket(mut self, bucket: BucketName) -> Self {
        self.bucket = Some(bucket);
        self
    }

    /// The major versions that interfaces may have in calls, beside none at all. 0 and 1 by default.
    pub fn majors(mut self, majors: impl IntoIterator<Item = u64>) -> Self {
        self.majors = majors.into_iter().collect();
        self
    }
}

impl Permissions {
    /// What the user of the component `id` has to be permitted, and no more.
    #[must_use]
    pub fn of(links: &Links, id: &Id, options: &PermissionOptions) -> Self {
        derive::permissions(links, id, options)
    }

    /// The subjects, with wildcards, that it may publish to, in their order.
    pub fn publish(&self) -> impl Iterator<Item = &str> {
        self.publish.allow.iter().map(String::as_str)
    }

    /// The subjects that it may subscribe to. One with a queue group has that after a blank, and
    /// may be subscribed to in that group only.
    pub fn subscribe(&self) -> impl Iterator<Item = &str> {
        self.subscribe.allow.iter().map(String::as_str)
    }

    /// The permissions in the format of the server's configuration, as they stand in a user's
    /// block.
    #[must_use]
    pub fn to_config(&self) -> String {
        print::config(self)
    }
}
