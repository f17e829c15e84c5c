//! One link as operators write it.

mod json;
mod key;
pub(crate) mod name;

use wrpc_middleware_transport::link::{DEFAULT_LINK_NAME, Interface, Link};

pub use self::key::Key;
use crate::Id;

/// One link: who may call what, and where the calls go.
///
/// As JSON, which is what the value of a bucket's key is, with the defaults left out:
///
/// ```
/// use wrpc_middleware_links::Entry;
///
/// let json = r#"{
///     "source": "client",
///     "target": "greeter",
///     "interface": "test:app/greeter",
///     "name": "backup",
///     "functions": ["greet"],
///     "bare": true
/// }"#;
/// let entry: Entry = serde_json::from_str(json)?;
/// assert_eq!(entry.key().as_str(), "client.backup.test.app.greeter");
/// # Ok::<_, serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Entry {
    /// Component id of the caller.
    pub source: Id,
    /// Component id of the target.
    pub target: Id,
    /// The interface, without a version.
    pub interface: Interface,
    /// The name of the link; `default` if it was given none.
    pub name: String,
    /// The functions it permits; `None` permits all of the interface.
    pub functions: Option<Vec<String>>,
    /// The functions whose target serves a bare `T`.
    pub bare: Bare,
}

/// Which functions of a link are served as `-> T` where the caller declares
/// `-> result<T, rpc-error>`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Bare {
    /// None: what is declared travels.
    #[default]
    None,
    /// Every function of the interface.
    All,
    /// These.
    Functions(Vec<String>),
}

/// What is wrong with the names in an [`Entry`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidEntry {
    /// A name of a function or of a link that can never match one.
    #[error("`{key}` has `{}`, which is no name of a {what}", .value.escape_debug())]
    Name {
        /// The key.
        key: &'static str,
        /// The value.
        value: String,
        /// What it should name.
        what: &'static str,
    },
    /// A list that permits nothing. Leaving the key out permits everything, so this is most
    /// likely not what was meant.
    #[error("`{key}` is an empty list; leave the key out to mean every function")]
    Empty {
        /// The key.
        key: &'static str,
    },
    /// The key that the bucket would have for it is too long for a subject.
    #[error("the names of the link are too long: its key has {0} bytes, {max} are allowed", max = Key::MAX_LEN)]
    TooLong(usize),
}

impl Entry {
    /// A link that permits `source` to call every function of `interface` on `target`, by the
    /// name `default`.
    #[must_use]
    pub fn new(source: Id, target: Id, interface: Interface) -> Self {
        Self {
            source,
            target,
            interface,
            name: DEFAULT_LINK_NAME.to_owned(),
            functions: None,
            bare: Bare::None,
        }
    }

    /// Whether its names can be those of functions and links. What was parsed has been checked.
    ///
    /// # Errors
    ///
    /// The first name that can't.
    pub fn check(&self) -> Result<(), InvalidEntry> {
        check_link_name(&self.name)?;
        if let Some(functions) = &self.functions {
            check_functions("functions", functions)?;
        }
        if let Bare::Functions(functions) = &self.bare {
            check_functions("bare", functions)?;
        }
        match self.key().as_str().len() {
            len if len > Key::MAX_LEN => Err(InvalidEntry::TooLong(len)),
            _ => Ok(()),
        }
    }

    /// The key that a bucket has for it, made of all that makes a link unique.
    #[must_use]
    pub fn key(&self) -> Key {
        Key::new(&self.source, &self.name, &self.interface)
    }

    /// The link as a [`LinkTable`](wrpc_middleware_transport::link::LinkTable) has it.
    #[must_use]
    pub fn link(&self) -> Link {
        let source = self.source.to_shared();
        let link = Link::new(source, self.target.to_target(), self.interface.clone())
            .with_name(self.name.as_str());
        match &self.functions {
            Some(functions) => link.with_functions(functions.iter().map(String::as_str)),
            None => link,
        }
    }
}

pub(crate) fn check_link_name(value: &str) -> Result<(), InvalidEntry> {
    if name::is_link(value) {
        return Ok(());
    }
    Err(InvalidEntry::Name {
        key: "name",
        value: value.to_owned(),
        what: "link",
    })
}

pub(crate) fn check_functions(key: &'static str, names: &[String]) -> Result<(), InvalidEntry> {
    if names.is_empty() {
        return Err(InvalidEntry::Empty { key });
    }
    match names.iter().find(|name| !name::is_function(name)) {
        None => Ok(()),
        Some(value) => Err(InvalidEntry::Name {
            key,
            value: value.clone(),
            what: "function",
        }),
    }
}
