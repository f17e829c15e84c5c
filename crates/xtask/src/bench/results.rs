//! What benches leave behind, and the report that is made of it.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use wrpc_middleware_bench::record::Record;
use wrpc_middleware_bench::report::{Estimate, Rendered, gungraun};

use crate::workspace::Workspace;

/// The directories of all results.
#[derive(Debug)]
pub(super) struct Results {
    /// The report and its plots.
    report: PathBuf,
    /// The records of our own benches.
    pub(super) records: PathBuf,
    /// What criterion writes.
    pub(super) criterion: PathBuf,
    /// What gungraun writes.
    pub(super) gungraun: PathBuf,
}

impl Results {
    /// The directories below the target directory of the workspace.
    pub(super) fn of(workspace: &Workspace) -> Self {
        let report = workspace.in_target_dir("bench");
        Self {
            records: report.join("records"),
            report,
            criterion: workspace.in_target_dir("criterion"),
            gungraun: workspace.in_target_dir("gungraun"),
        }
    }

    /// Removes what earlier runs left, so that no report mixes runs. What criterion and gungraun
    /// compare a run with is kept.
    ///
    /// # Errors
    ///
    /// When something can't be removed.
    pub(super) fn clear(&self) -> Result<()> {
        match fs::remove_dir_all(&self.report) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                return Err(error)
                    .with_context(|| format!("can't remove {}", self.report.display()));
            }
            _ => {}
        }
        Estimate::remove_all(&self.criterion)?;
        gungraun::remove_all(&self.gungraun)
    }

    /// The records, those of `benches` first and in that order.
    ///
    /// # Errors
    ///
    /// When one can't be read.
    pub(super) fn records(&self, benches: &[String]) -> Result<Vec<Record>> {
        let mut records = Vec::new();
        for bench in benches {
            let file = self.records.join(format!("{bench}.json"));
            if file.is_file() {
                records.push(Record::load(&file)?);
            }
        }
        let counts = gungraun::load_all(&self.gungraun)?;
        if !counts.is_empty() {
            records.push(Record {
                counts,
                ..Record::new("instructions")
            });
        }
        Ok(records)
    }

    /// What criterion measured.
    ///
    /// # Errors
    ///
    /// When it can't be read.
    pub(super) fn estimates(&self) -> Result<Vec<Estimate>> {
        Estimate::load_all(&self.criterion)
    }

    /// Writes the report with its plots, and returns its file.
    ///
    /// # Errors
    ///
    /// When a file can't be written.
    pub(super) fn write(&self, rendered: &Rendered) -> Result<PathBuf> {
        fs::create_dir_all(&self.report)
            .with_context(|| format!("can't create {}", self.report.display()))?;
        for plot in &rendered.plots {
            write(&self.report.join(&plot.file), &plot.svg)?;
        }
        let report = self.report.join("report.md");
        write(&report, &rendered.markdown)?;
        Ok(report)
    }

    /// Criterion's own report, if it wrote one.
    pub(super) fn criterion_report(&self) -> Option<PathBuf> {
        let index = self.criterion.join("report/index.html");
        index.is_file().then_some(index)
    }
}

fn write(file: &Path, text: &str) -> Result<()> {
    fs::write(file, text).with_context(|| format!("can't write {}", file.display()))
}
