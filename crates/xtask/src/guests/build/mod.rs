//! Building the guests, each with its language's own tool.
//!
//! | file | tool |
//! |---|---|
//! | `rust` | cargo with `wit-bindgen`, for whichever WebAssembly target is installed |
//! | `debian` | a Rust for WebAssembly where no target can be added to the installed one |
//! | `javascript` | `componentize-js` |
//! | `python` | `componentize-py` |

mod debian;
mod javascript;
mod python;
mod rust;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};

use super::language::Language;
use crate::workspace::Workspace;

/// Where sources are, and where what is made of them goes.
#[derive(Debug)]
pub(super) struct Places {
    /// The directory of this language's sources.
    sources: PathBuf,
    /// The directory of the WIT that all languages share.
    wit: PathBuf,
    /// Where tools are installed.
    tools: PathBuf,
    /// The directory for everything that is made on the way.
    scratch: PathBuf,
    /// The file of the finished component.
    component: PathBuf,
}

/// How building ended that did not fail.
#[derive(Debug)]
pub(super) enum Built {
    /// The component, and how long it took.
    Component(PathBuf, Duration),
    /// A program is missing that is not ours to install: what it is, and what to do.
    Missing(String),
}

/// A program is missing that is not ours to install.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Missing(String);

/// Builds the guest of one language.
///
/// # Errors
///
/// The tool can't be installed, or it fails.
pub(super) fn build(workspace: &Workspace, language: Language) -> Result<Built> {
    let started = Instant::now();
    let places = Places::new(workspace, language)?;
    let built = match language {
        Language::Rust => rust::build(&places),
        Language::Javascript => javascript::build(&places),
        Language::Python => python::build(&places),
    };
    match built {
        Ok(()) => Ok(Built::Component(places.component, started.elapsed())),
        Err(error) => match error.downcast::<Missing>() {
            Ok(Missing(what)) => Ok(Built::Missing(what)),
            Err(error) => Err(error),
        },
    }
}

impl Places {
    fn new(workspace: &Workspace, language: Language) -> Result<Self> {
        let examples = workspace.root().join("examples").join("guests");
        let made = workspace.in_target_dir("guests");
        let places = Self {
            sources: examples.join(language.name()),
            wit: examples.join("wit"),
            tools: workspace.tools_dir(),
            scratch: made.join(language.name()),
            component: made.join(language.file()),
        };
        create_dir(&places.scratch)?;
        create_dir(&places.tools)?;
        Ok(places)
    }
}

fn create_dir(dir: &Path) -> Result<()> {
    fs::create_dir_all(dir).with_context(|| format!("can't create {}", dir.display()))
}

/// Installs something into `tools` by `install`, which is given an empty directory that becomes
/// `tools/name` once all is in place: a tool that is there is there as a whole.
fn installed(
    tools: &Path,
    name: &str,
    install: impl FnOnce(&Path) -> Result<()>,
) -> Result<PathBuf> {
    let dir = tools.join(name);
    if dir.is_dir() {
        return Ok(dir);
    }
    eprintln!("installing {name}");
    let staging = tempfile::Builder::new()
        .prefix(".staging-")
        .tempdir_in(tools)
        .with_context(|| format!("can't write to {}", tools.display()))?;
    install(staging.path()).with_context(|| format!("can't install {name}"))?;
    // Somebody may have been faster, whose work is as good.
    if let Err(error) = fs::rename(staging.path(), &dir)
        && !dir.is_dir()
    {
        return Err(error).with_context(|| format!("can't move {}", staging.path().display()));
    }
    Ok(dir)
}

/// A short name for a tool in exactly this version: `text` says which.
fn versioned(name: &str, text: &str) -> String {
    use std::hash::{DefaultHasher, Hash as _, Hasher as _};

    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    format!("{name}-{:016x}", hasher.finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tool_is_installed_once_and_as_a_whole() {
        let tools = tempfile::tempdir().unwrap();
        let failed = installed(tools.path(), "tool", |staging| {
            fs::write(staging.join("half"), "")?;
            anyhow::bail!("no network")
        });
        let error = format!("{:#}", failed.unwrap_err());
        assert_eq!(error, "can't install tool: no network");
        assert_eq!(fs::read_dir(tools.path()).unwrap().count(), 0);

        let install = |staging: &Path| Ok(fs::write(staging.join("program"), "")?);
        let dir = installed(tools.path(), "tool", install).unwrap();
        assert!(dir.join("program").is_file());
        let again = installed(tools.path(), "tool", |_| anyhow::bail!("not again")).unwrap();
        assert_eq!(again, dir);
    }

    #[test]
    fn another_version_is_another_tool() {
        assert_eq!(versioned("tool", "1"), versioned("tool", "1"));
        assert_ne!(versioned("tool", "1"), versioned("tool", "2"));
    }
}
