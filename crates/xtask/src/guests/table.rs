//! What a person sees: a line for each thing that was done, a column for each language.

use std::fmt::{self, Write as _};

use super::language::Language;
use super::scenario::Row;

/// The rows of each language, which differ at most in what went wrong.
#[derive(Debug, Default)]
pub(super) struct Table {
    columns: Vec<(Language, Vec<Row>)>,
}

impl Table {
    /// Adds the column of a language.
    pub(super) fn add(&mut self, language: Language, rows: Vec<Row>) {
        self.columns.push((language, rows));
    }

    /// How many rows of all languages are there, and how many are not as expected.
    pub(super) fn count(&self) -> (usize, usize) {
        let rows = || self.columns.iter().flat_map(|(_, rows)| rows);
        let wrong = rows().filter(|row| row.instead.is_some()).count();
        (rows().count(), wrong)
    }

    fn languages(&self) -> impl Iterator<Item = &'static str> {
        self.columns.iter().map(|(language, _)| language.name())
    }

    fn line(&self, f: &mut fmt::Formatter<'_>, number: usize, row: &Row) -> fmt::Result {
        let expected = &row.expected;
        let calls = if expected.calls.start() == expected.calls.end() {
            expected.calls.start().to_string()
        } else {
            format!("{}-{}", expected.calls.start(), expected.calls.end())
        };
        let mut line = format!(
            "{:<WHAT$} {:<4} {:<ANSWER$} {calls:>CALLS$} ",
            row.what, expected.status, expected.body
        );
        for (language, rows) in &self.columns {
            let as_expected = rows.get(number).is_some_and(|row| row.instead.is_none());
            let width = language.name().len();
            write!(line, " {:^width$}", if as_expected { "✓" } else { "✗" })?;
        }
        writeln!(f, "{}", line.trim_end())
    }
}

const WHAT: usize = 48;
const ANSWER: usize = 28;
const CALLS: usize = 5;

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:<WHAT$} {:<4} {:<ANSWER$} {:>CALLS$} ",
            "WHAT WAS DONE", "HTTP", "WHAT THE GUEST ANSWERED", "CALLS"
        )?;
        for language in self.languages() {
            write!(f, " {language}")?;
        }
        writeln!(f)?;
        let Some((_, rows)) = self.columns.first() else {
            return Ok(());
        };
        for (number, row) in rows.iter().enumerate() {
            self.line(f, number, row)?;
        }
        for (language, rows) in &self.columns {
            for row in rows {
                if let Some(instead) = &row.instead {
                    writeln!(f, "✗ {}: {}: {instead}", language.name(), row.what)?;
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::scenario::Expected;
    use super::*;

    fn row(what: &str, instead: Option<&str>) -> Row {
        Row {
            what: what.into(),
            expected: Expected {
                status: 503,
                body: "overloaded, not-sent".into(),
                calls: 4..=4,
            },
            instead: instead.map(Into::into),
        }
    }

    #[test]
    fn what_went_wrong_is_marked_and_told() {
        let mut table = Table::default();
        let rows = |second| vec![row("first", None), row("second", second)];
        table.add(Language::Rust, rows(None));
        table.add(Language::Python, rows(Some("answered 200 hi")));
        assert_eq!(table.count(), (4, 1));
        let printed = table.to_string();
        let lines: Vec<_> = printed.lines().collect();
        assert!(lines[0].ends_with("CALLS  rust python"), "{printed}");
        assert!(lines[1].ends_with("4   ✓     ✓"), "{printed}");
        assert!(lines[2].ends_with("4   ✓     ✗"), "{printed}");
        assert_eq!(lines[3], "✗ python: second: answered 200 hi");
    }
}
