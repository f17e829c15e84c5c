//! Does a host that takes only a part of the root package get only that part?

use anyhow::{Result, ensure};

use crate::process;
use crate::workspace::Workspace;

/// The root package, which re-exports the others.
pub(crate) const PACKAGE: &str = "wrpc-middleware";

/// What each part brings along.
const WASMTIME: &str = "wasmtime";
const NATS: &str = "async-nats";
const UPSTREAM_NATS: &str = "wrpc-transport-nats";

/// Features that someone selects together, and what they must and must not bring along.
#[derive(Debug)]
pub(crate) struct Selection {
    /// The features, as `--features` takes them.
    pub(crate) features: &'static str,
    with: &'static [&'static str],
    without: &'static [&'static str],
}

/// Every selection that is checked; the default one is what all other steps use.
pub(crate) const SELECTIONS: &[Selection] = &[
    Selection {
        features: "",
        with: &[],
        without: &[WASMTIME, NATS],
    },
    Selection {
        features: "nats",
        with: &[NATS],
        without: &[WASMTIME, UPSTREAM_NATS],
    },
    Selection {
        features: "upstream-nats",
        with: &[UPSTREAM_NATS],
        without: &[WASMTIME],
    },
    Selection {
        features: "links",
        with: &[NATS],
        without: &[WASMTIME, UPSTREAM_NATS],
    },
    Selection {
        features: "conformance",
        with: &["wrpc-middleware-conformance"],
        without: &[WASMTIME, NATS],
    },
    Selection {
        features: "telemetry",
        with: &["metrics"],
        without: &[WASMTIME, NATS],
    },
    Selection {
        features: "telemetry,nats",
        with: &["metrics", NATS],
        without: &[WASMTIME, UPSTREAM_NATS, "opentelemetry"],
    },
    Selection {
        features: "runtime",
        with: &[WASMTIME],
        without: &[NATS],
    },
];

impl Selection {
    /// Checks the packages that a dependent of the root package would build.
    ///
    /// # Errors
    ///
    /// When one is there that must not be, or one is missing.
    pub(crate) fn check_tree(&self, workspace: &Workspace) -> Result<()> {
        let tree = process::capture(&mut workspace.cargo(&[
            "tree",
            "--package",
            PACKAGE,
            "--no-default-features",
            "--features",
            self.features,
            "--edges",
            "normal",
            "--prefix",
            "none",
        ]))?;
        self.check_packages(&tree)
    }

    /// `tree` has a package's name and version on each line.
    fn check_packages(&self, tree: &str) -> Result<()> {
        let has = |package| {
            tree.lines()
                .any(|line| line.split_whitespace().next() == Some(package))
        };
        ensure!(has(PACKAGE), "cargo tree does not start at {PACKAGE}");
        for package in self.without {
            ensure!(
                !has(package),
                "{PACKAGE} with {self} depends on {package}; see: cargo tree --package {PACKAGE} \
                 --no-default-features --features '{}' --edges normal --invert {package}",
                self.features
            );
        }
        for package in self.with {
            ensure!(
                has(package),
                "{PACKAGE} with {self} does not depend on {package}"
            );
        }
        Ok(())
    }
}

impl std::fmt::Display for Selection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.features {
            "" => f.write_str("no features"),
            features => write!(f, "only the features `{features}`"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LAYERS: &str = "\
wrpc-middleware v0.1.0 (/work)
tower v0.5.3
wasmtime-environ v45.0.3
wrpc-middleware-transport v0.1.0 (/work/crates/transport)
tower v0.5.3 (*)
";

    fn check(features: &str, tree: &str) -> Result<(), String> {
        SELECTIONS
            .iter()
            .find(|selection| selection.features == features)
            .unwrap()
            .check_packages(tree)
            .map_err(|error| error.to_string())
    }

    #[test]
    fn the_layers_alone_bring_neither_wasmtime_nor_nats() {
        assert_eq!(check("", LAYERS), Ok(()));
        for package in ["wasmtime v45.0.3", "async-nats v0.49.1 (*)"] {
            let error = check("", &format!("{LAYERS}{package}\n")).unwrap_err();
            let name = package.split(' ').next().unwrap();
            assert!(
                error.contains(&format!("no features depends on {name};")),
                "{error}"
            );
        }
    }

    #[test]
    fn a_feature_brings_what_it_is_for_and_nothing_else() {
        let nats = format!("{LAYERS}async-nats v0.49.1\n");
        assert_eq!(check("nats", &nats), Ok(()));
        check("nats", &format!("{nats}wasmtime v45.0.3\n")).unwrap_err();
        check("nats", LAYERS).unwrap_err();

        let upstream = format!("{nats}wrpc-transport-nats v0.31.0\n");
        assert_eq!(check("upstream-nats", &upstream), Ok(()));
        check("nats", &upstream).unwrap_err();
        check("upstream-nats", &nats).unwrap_err();

        let runtime = format!("{LAYERS}wasmtime v45.0.3\n");
        assert_eq!(check("runtime", &runtime), Ok(()));
        check("runtime", &nats).unwrap_err();
    }

    #[test]
    fn output_that_is_no_tree_passes_nothing() {
        assert!(check("", "").is_err());
    }
}
