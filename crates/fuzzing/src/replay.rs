//! A property in a test.

use core::fmt;
use std::path::{Path, PathBuf};

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use proptest::test_runner::{Config, TestRunner};

use crate::bounded;

/// The longest input that is made up.
const LONGEST: usize = 1024;

/// Where the inputs of all targets are kept.
const CORPUS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fuzz/corpus");

/// Holds `property` against the inputs that are kept for `target`, against changed ones, and against
/// some that are made up: 256 of them, or as many as `PROPTEST_CASES` in the environment says.
///
/// # Panics
///
/// If it does not hold for one of them, which is named; if none is kept, as the fuzzer's target then
/// has another name.
pub fn check(target: &str, property: impl Fn(&[u8])) {
    check_in(&Path::new(CORPUS).join(target), property);
}

/// [`check`], with the inputs that are kept in the directory `corpus`.
///
/// # Panics
///
/// As `check` does.
pub fn check_in(corpus: &Path, property: impl Fn(&[u8])) {
    let kept = kept(corpus);
    assert!(!kept.is_empty(), "no inputs in {}", corpus.display());
    for (path, input) in &kept {
        let named = Named(path);
        bounded(input, &property);
        drop(named);
    }
    let inputs: Vec<_> = kept.into_iter().map(|(_, input)| input).collect();
    let mut runner = TestRunner::new(Config {
        failure_persistence: None,
        ..Config::default()
    });
    let held = runner.run(&input(inputs), |Input(input)| {
        bounded(&input, &property);
        Ok(())
    });
    if let Err(failure) = held {
        panic!("{failure}");
    }
}

/// Names the input of a property that panics.
struct Named<'a>(&'a Path);

impl Drop for Named<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the input is {}", self.0.display());
        }
    }
}

fn kept(corpus: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let Ok(entries) = std::fs::read_dir(corpus) else {
        return Vec::new();
    };
    let mut kept: Vec<_> = entries
        .map_while(Result::ok)
        .filter_map(|entry| {
            let path = entry.path();
            Some((path.clone(), std::fs::read(path).ok()?))
        })
        .collect();
    kept.sort();
    kept
}

/// Bytes that are told in one line.
struct Input(Vec<u8>);

impl fmt::Debug for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "b\"{}\"", self.0.escape_ascii())
    }
}

/// Any bytes, or one of `kept` with a part of it replaced by other bytes or by a part of another.
fn input(kept: Vec<Vec<u8>>) -> impl Strategy<Value = Input> {
    let any_bytes = |longest| vec(any::<u8>(), 0..longest);
    let one = select(kept);
    let new = prop_oneof![
        any_bytes(8),
        (one.clone(), any::<(Index, Index)>()).prop_map(|(donor, (from, to))| between(
            &donor, from, to
        )
        .1
        .to_vec()),
    ];
    let changed = (one, new, any::<(Index, Index)>()).prop_map(|(input, new, (from, to))| {
        let (before, _, after) = between(&input, from, to);
        [before, &new, after].concat()
    });
    prop_oneof![1 => any_bytes(LONGEST), 3 => changed].prop_map(Input)
}

/// `input` before, between and after two places in it.
fn between(input: &[u8], one: Index, other: Index) -> (&[u8], &[u8], &[u8]) {
    let (one, other) = (one.index(input.len() + 1), other.index(input.len() + 1));
    let (before, rest) = input.split_at(one.min(other));
    let (between, after) = rest.split_at(one.abs_diff(other));
    (before, between, after)
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use super::*;

    fn corpus(inputs: &[&[u8]]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        for (nth, input) in inputs.iter().enumerate() {
            std::fs::write(dir.path().join(nth.to_string()), input).unwrap();
        }
        dir
    }

    #[test]
    fn what_is_kept_is_tried_and_changed() {
        let dir = corpus(&[b"[[link]]", b"source = 1"]);
        let tried = RefCell::new(Vec::new());
        check_in(dir.path(), |data| tried.borrow_mut().push(data.to_vec()));
        let tried = tried.into_inner();
        assert_eq!(tried[..2], [b"[[link]]".to_vec(), b"source = 1".to_vec()]);
        assert!(tried.len() > 2 + 100, "{}", tried.len());
        let changed = |data: &&Vec<u8>| data.starts_with(b"[[") && data.len() != 8;
        assert!(tried.iter().filter(changed).count() > 10);
    }

    #[test]
    fn a_property_that_does_not_hold_is_found() {
        let dir = corpus(&[b"good"]);
        let found = catch_unwind(AssertUnwindSafe(|| {
            check_in(dir.path(), |data| assert!(!data.contains(&7), "has a 7"));
        }));
        let text = *found.unwrap_err().downcast::<String>().unwrap();
        assert!(text.contains("has a 7"), "{text}");
        // The smallest of them.
        assert!(text.contains(r#"b"\x07""#), "{text}");
    }

    #[test]
    fn a_target_without_inputs_is_a_mistake() {
        assert!(catch_unwind(|| check("no-such-target", |_| {})).is_err());
    }
}
