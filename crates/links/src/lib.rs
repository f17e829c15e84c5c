//! Links of wRPC components that change while calls run.
//!
//! A link permits one component to call one interface (or some functions of it) on one target. The
//! [authorization layer] asks a policy for each call; this crate has where its links come from, and
//! what follows from them:
//!
//! | | |
//! |---|---|
//! | [`Entry`] | one link as operators write it: as TOML, as JSON |
//! | [`Links`], [`file`](mod@file) | a links file |
//! | [`Bucket`], [`bucket`] | links in a NATS key-value bucket: read, put, remove, import |
//! | [`LiveLinks`], [`live`] | a policy that follows a bucket |
//! | [`live::MaxAge`] | a policy that denies what is too old |
//! | [`permissions`] | what the broker has to permit a component, by its links |
//! | `names` | the host function with which a component selects among its links (feature `wasmtime`) |
//!
//! `docs/LINKS.md` is the page for operators.
//!
//! [authorization layer]: wrpc_middleware_transport::link

pub mod bucket;
mod entry;
pub mod file;
#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub mod fuzzing;
mod id;
pub mod live;
#[cfg(feature = "wasmtime")]
pub mod names;
pub mod permissions;

pub use bucket::{Bucket, BucketError, BucketName};
pub use entry::{Bare, Entry, InvalidEntry, Key};
pub use file::Links;
pub use id::{Id, InvalidId};
pub use live::LiveLinks;
