//! What gungraun counted under valgrind, as it left it on disk.

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};
use serde::Deserialize;

use super::files;
use crate::record::Count;

/// The file that `--save-summary` writes for each bench.
const SUMMARY: &str = "summary.json";

/// The version of that file's format that is read here.
const VERSION: &str = "7";

/// The tool, and what it calls the number of instructions.
const CALLGRIND: &str = "Callgrind";
const INSTRUCTIONS: &str = "Ir";

/// The instructions of all benches below gungraun's directory. Without the directory there are
/// none.
///
/// # Errors
///
/// When the directory or a file can't be read, or a file is not a summary of gungraun's.
pub fn load_all(directory: &Path) -> Result<Vec<Count>> {
    let mut counts = Vec::new();
    for path in files::find(directory, SUMMARY)? {
        let json = fs::read(&path).with_context(|| format!("read {}", path.display()))?;
        let count = parse(&json)
            .with_context(|| format!("{} is not a summary of gungraun's", path.display()))?;
        counts.extend(count);
    }
    Ok(counts)
}

/// Removes the summaries of earlier runs, so that [`load_all`] finds a later run only.
///
/// # Errors
///
/// When something can't be read or removed.
pub fn remove_all(directory: &Path) -> Result<()> {
    for path in files::find(directory, SUMMARY)? {
        fs::remove_file(&path).with_context(|| format!("remove {}", path.display()))?;
    }
    Ok(())
}

/// The name of a bench, as the other benches write it.
///
/// gungraun names a bench by the path of a Rust function and the id of a case:
/// `instructions::layers::call::full_stack`. Only the last of it tells what is called, and its
/// underscores were spaces.
#[must_use]
pub fn name(path: &str) -> String {
    let name = path.rsplit_once("::").map_or(path, |(_, name)| name);
    name.replace('_', " ")
}

/// The count in a summary; `None` if the bench ran under other tools only.
fn parse(json: &[u8]) -> Result<Option<Count>> {
    #[derive(Deserialize)]
    struct Summary {
        version: String,
        module_path: String,
        id: Option<String>,
        profiles: Vec<Profile>,
    }
    #[derive(Deserialize)]
    struct Profile {
        tool: String,
        data: Data,
    }
    #[derive(Deserialize)]
    struct Data {
        total: Total,
    }
    #[derive(Deserialize)]
    struct Total {
        metrics: HashMap<String, Metric>,
    }
    #[derive(Deserialize)]
    struct Metric {
        values: Values,
    }
    /// Of this run, and of the one before it.
    #[derive(Deserialize)]
    struct Values {
        new: Option<serde_json::Number>,
    }

    let summary: Summary = serde_json::from_slice(json)?;
    anyhow::ensure!(
        summary.version == VERSION,
        "its format has version {}, and only version {VERSION} is known",
        summary.version
    );
    let value = summary
        .profiles
        .iter()
        .filter(|profile| profile.tool == CALLGRIND)
        .find_map(|profile| profile.data.total.metrics.get(INSTRUCTIONS))
        .and_then(|metric| metric.values.new.as_ref())
        .and_then(serde_json::Number::as_u64);
    let path = match &summary.id {
        Some(id) => format!("{}::{id}", summary.module_path),
        None => summary.module_path,
    };
    Ok(value.map(|value| Count {
        name: name(&path),
        unit: "instructions".into(),
        value,
        limit: None,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn summary(version: &str, tool: &str, values: &str) -> String {
        format!(
            r#"{{"version":"{version}","module_path":"instructions::layers::call",
            "id":"full_stack","function_name":"call","group":"layers","profiles":[{{"tool":"{tool}",
            "data":{{"parts":[],"total":{{"regressions":[],"metrics":{{
            "Ir":{{"values":{values}}},"EstimatedCycles":{{"values":{{"new":1.5}}}}}}}}}}}}]}}"#
        )
    }

    #[test]
    fn the_instructions_of_the_latest_run_are_read() {
        let json = summary(VERSION, CALLGRIND, r#"{"new":1234,"old":9}"#);
        let count = parse(json.as_bytes()).unwrap().unwrap();
        assert_eq!(
            (&*count.name, &*count.unit, count.value),
            ("full stack", "instructions", 1234)
        );
    }

    #[test]
    fn what_was_not_counted_now_is_none() {
        for (tool, values) in [("DHAT", r#"{"new":1}"#), (CALLGRIND, r#"{"old":9}"#)] {
            assert_eq!(
                parse(summary(VERSION, tool, values).as_bytes()).unwrap(),
                None
            );
        }
    }

    #[test]
    fn another_format_is_refused_rather_than_misread() {
        let json = summary("8", CALLGRIND, r#"{"new":1}"#);
        let error = parse(json.as_bytes()).unwrap_err().to_string();
        assert!(error.contains("version 8"), "{error}");
        assert!(parse(b"[]").is_err());
    }

    #[test]
    fn summaries_are_found_and_removed() {
        let root = tempfile::tempdir().unwrap();
        let directory = root
            .path()
            .join("wrpc-middleware/instructions/success/full_stack");
        fs::create_dir_all(&directory).unwrap();
        fs::write(
            directory.join(SUMMARY),
            summary(VERSION, CALLGRIND, r#"{"new":1}"#),
        )
        .unwrap();
        assert_eq!(load_all(root.path()).unwrap().len(), 1);
        remove_all(root.path()).unwrap();
        assert_eq!(load_all(root.path()).unwrap(), []);
        assert_eq!(load_all(&root.path().join("missing")).unwrap(), []);
    }

    #[test]
    fn names_are_those_of_the_other_benches() {
        assert_eq!(name("instructions::layers::call::fail_fast"), "fail fast");
        assert_eq!(name("instructions::layers::denied"), "denied");
        assert_eq!(name("alone"), "alone");
    }
}
