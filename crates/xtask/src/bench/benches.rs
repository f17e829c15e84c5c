//! The benches, as the root package's manifest names them.

use clap::ValueEnum;

/// A bench; in the order in which they run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Bench {
    /// Calls over NATS, next to the alternatives
    Network,
    /// From the removal of a link to the first denied call
    Revocation,
    /// Time of a call without a network
    Layers,
    /// Allocations of a call without a network
    Allocations,
    /// Instructions of a call without a network; needs valgrind
    Instructions,
}

impl Bench {
    /// Whether it starts NATS servers.
    pub(super) fn needs_nats_server(self) -> bool {
        match self {
            Self::Network | Self::Revocation => true,
            Self::Layers | Self::Allocations | Self::Instructions => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::selection;
    use crate::workspace::Workspace;

    #[test]
    fn every_bench_of_the_manifest_is_here() {
        let manifest = Workspace::this().unwrap().root().join("Cargo.toml");
        let manifest = std::fs::read_to_string(manifest).unwrap();
        let named: Vec<_> = manifest
            .split("[[bench]]")
            .skip(1)
            .filter_map(|bench| bench.split('"').nth(1))
            .collect();
        let mut known: Vec<_> = Bench::value_variants()
            .iter()
            .map(selection::name)
            .collect();
        let mut sorted: Vec<_> = named.iter().map(|&name| String::from(name)).collect();
        known.sort();
        sorted.sort();
        assert_eq!(known, sorted);
    }
}
