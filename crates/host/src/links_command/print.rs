//! Links as people and programs read them.

use std::io::{self, Write as _};

use serde::Serialize;
use wrpc_middleware::link::DEFAULT_LINK_NAME;

use crate::error::Error;
use crate::links::{Bare, Entry};

/// Prints lines to stdout. Returns whether anybody reads them.
pub(super) fn print(text: &str) -> Result<bool, Error> {
    let mut stdout = io::stdout().lock();
    let written = stdout
        .write_all(text.as_bytes())
        .and_then(|()| stdout.flush());
    match written {
        Ok(()) => Ok(true),
        // Whoever read it has seen enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(false),
        Err(error) => Err(Error::Run {
            what: "can't write to stdout",
            source: error,
        }),
    }
}

/// Prints a value on one line, or as people can read it, too.
pub(super) fn json(value: &impl Serialize, pretty: bool) -> Result<bool, Error> {
    let text = if pretty {
        serde_json::to_string_pretty(value)
    } else {
        serde_json::to_string(value)
    };
    let text = text.map_err(|error| Error::Run {
        what: "can't write JSON",
        source: error.into(),
    })?;
    print(&format!("{text}\n"))
}

/// A link on one line.
pub(super) fn line(entry: &Entry) -> String {
    let mut words = vec![format!(
        "{} -> {} {}",
        entry.source, entry.target, entry.interface
    )];
    if entry.name != DEFAULT_LINK_NAME {
        words.push(format!("by `{}`", entry.name.escape_debug()));
    }
    if let Some(functions) = &entry.functions {
        words.push(format!("only {}", functions.join(",")));
    }
    match &entry.bare {
        Bare::None => {}
        Bare::All => words.push("bare".to_owned()),
        Bare::Functions(functions) => words.push(format!("bare {}", functions.join(","))),
    }
    words.join(" ")
}

/// Links as a table.
pub(super) fn table<'a>(entries: impl IntoIterator<Item = &'a Entry>) -> String {
    const TITLES: [&str; 6] = ["SOURCE", "TARGET", "INTERFACE", "NAME", "FUNCTIONS", "BARE"];
    let mut rows = vec![TITLES.map(str::to_owned)];
    rows.extend(entries.into_iter().map(row));
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<_> = (0..TITLES.len()).map(width).collect();
    let mut text = String::new();
    for row in &rows {
        let cells = row.iter().zip(&widths);
        let cells: Vec<_> = cells
            .map(|(cell, &width)| format!("{cell:width$}"))
            .collect();
        text.push_str(cells.join("  ").trim_end());
        text.push('\n');
    }
    text
}

fn row(entry: &Entry) -> [String; 6] {
    let functions = entry.functions.as_ref();
    [
        entry.source.to_string(),
        entry.target.to_string(),
        entry.interface.to_string(),
        entry.name.escape_debug().to_string(),
        functions.map_or_else(|| "all".to_owned(), |functions| functions.join(",")),
        match &entry.bare {
            Bare::None => "-".to_owned(),
            Bare::All => "all".to_owned(),
            Bare::Functions(functions) => functions.join(","),
        },
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry() -> Entry {
        let (source, target) = ("client".parse().unwrap(), "greeter".parse().unwrap());
        Entry::new(source, target, "test:app/greeter".parse().unwrap())
    }

    #[test]
    fn a_link_is_a_line_and_a_row() {
        let mut full = entry();
        full.name = "back up".into();
        full.functions = Some(vec!["a".into(), "b.c".into()]);
        full.bare = Bare::Functions(vec!["a".into()]);
        assert_eq!(line(&entry()), "client -> greeter test:app/greeter");
        assert_eq!(
            line(&full),
            "client -> greeter test:app/greeter by `back up` only a,b.c bare a"
        );
        assert_eq!(
            table([&entry(), &full]),
            "SOURCE  TARGET   INTERFACE         NAME     FUNCTIONS  BARE\n\
             client  greeter  test:app/greeter  default  all        -\n\
             client  greeter  test:app/greeter  back up  a,b.c      a\n"
        );
    }
}
