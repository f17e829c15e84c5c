//! Looking for what other programs leave behind.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

/// Every file of this name below `directory`, which need not exist.
pub(super) fn find(directory: &Path, name: &str) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut left = vec![directory.to_owned()];
    while let Some(directory) = left.pop() {
        let entries = match fs::read_dir(&directory) {
            Ok(entries) => entries,
            Err(error) if error.kind() == ErrorKind::NotFound => continue,
            Err(error) => {
                return Err(error).with_context(|| format!("read {}", directory.display()));
            }
        };
        for entry in entries {
            let entry = entry.with_context(|| format!("read {}", directory.display()))?;
            // Of a link it is the link's own, so that no loop of them is followed.
            let kind = entry
                .file_type()
                .with_context(|| format!("look at {}", entry.path().display()))?;
            if kind.is_dir() {
                left.push(entry.path());
            } else if kind.is_file() && entry.file_name() == name {
                found.push(entry.path());
            }
        }
    }
    found.sort();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_found_at_any_depth() {
        let root = tempfile::tempdir().unwrap();
        let deep = root.path().join("a/b");
        fs::create_dir_all(deep.join("summary.json")).unwrap();
        for file in ["a/summary.json", "a/b/other.json", "summary.json"] {
            fs::write(root.path().join(file), "").unwrap();
        }
        let found = find(root.path(), "summary.json").unwrap();
        assert_eq!(
            found,
            ["a/summary.json", "summary.json"].map(|file| root.path().join(file))
        );
        assert_eq!(
            find(&root.path().join("missing"), "x").unwrap(),
            [""; 0].map(PathBuf::from)
        );
    }
}
