//! What there is to fuzz.

use std::path::PathBuf;

use clap::ValueEnum;

use crate::selection;
use crate::workspace::Workspace;

/// A target, by the name that it has in `fuzz/`; those that are quick to build go first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
pub(crate) enum Target {
    /// Headers of the NATS transport: numbers, trailers, refusals, deadlines
    NatsHeaders,
    /// Subjects that peers choose
    NatsSubjects,
    /// A call that is made, and any messages in any order
    NatsCaller,
    /// A call that is served, and any messages in any order
    #[value(name = "nats_target")]
    NatsServed,
    /// Messages of a peer of ours that are lost, repeated or reordered
    NatsNetwork,
    /// Links files
    LinksFile,
    /// The messages of a bucket of links
    LinksBucket,
    /// W3C trace headers
    TraceContext,
    /// Results and parameters of random types
    DecodeValues,
    /// Byte streams
    DecodeStream,
    /// Failures as values of random types of guests
    LowerError,
    /// Calls as WAVE
    WaveCall,
    /// The argument of `--links`
    LinksArg,
}

impl Target {
    pub(crate) fn name(self) -> String {
        selection::name(&self)
    }

    /// The directory of its package.
    pub(crate) fn package(self, workspace: &Workspace) -> PathBuf {
        let package = match self {
            Self::DecodeValues | Self::DecodeStream | Self::LowerError => "fuzz/components",
            Self::WaveCall | Self::LinksArg => "fuzz/host",
            _ => "fuzz",
        };
        workspace.root().join(package)
    }

    /// The directory of its inputs that are kept.
    pub(crate) fn kept(self, workspace: &Workspace) -> PathBuf {
        workspace.root().join("fuzz/corpus").join(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_target_is_in_its_package_and_has_inputs() {
        let workspace = Workspace::this().unwrap();
        let mut binaries = 0;
        for package in ["fuzz", "fuzz/components", "fuzz/host"] {
            let manifest = workspace.root().join(package).join("Cargo.toml");
            let manifest = std::fs::read_to_string(manifest).unwrap();
            binaries += manifest.matches("[[bin]]").count();
        }
        assert_eq!(binaries, Target::value_variants().len());
        for target in Target::value_variants() {
            let manifest = target.package(&workspace).join("Cargo.toml");
            let manifest = std::fs::read_to_string(manifest).unwrap();
            let name = format!("name = \"{}\"", target.name());
            assert!(manifest.contains(&name), "{name}");
            assert!(target.kept(&workspace).is_dir(), "{name}");
        }
    }
}
