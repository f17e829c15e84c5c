//! The section of what can be counted.

use super::table::Table;
use super::{Page, units};
use crate::record::{Count, Record};

/// Writes what the records count: a row for each thing that was called, a column for each unit.
pub(super) fn section(records: &[Record], page: &mut Page) {
    let counts: Vec<_> = records.iter().flat_map(|record| &record.counts).collect();
    if counts.is_empty() {
        return;
    }
    page.text(
        "## What a call takes\n\n\
         Counted, not timed: the same in every run of the same program. A limit of the project is \
         in parentheses.\n\n",
    );
    let distinct = |part: fn(&Count) -> &str| {
        let mut parts = Vec::new();
        for part in counts.iter().map(|count| part(count)) {
            if !parts.contains(&part) {
                parts.push(part);
            }
        }
        parts
    };
    let units = distinct(|count| &count.unit);
    let mut table = Table::new(core::iter::once("call").chain(units.iter().copied()));
    for name in distinct(|count| &count.name) {
        let cells = units.iter().map(|unit| {
            counts
                .iter()
                .find(|count| count.name == name && count.unit == *unit)
                .map_or_else(String::new, |count| cell(count))
        });
        table.row(core::iter::once(name.to_owned()).chain(cells));
    }
    page.text(&table.markdown());
}

fn cell(count: &Count) -> String {
    #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
    let number = |value: u64| units::number(value as f64);
    let value = number(count.value);
    match count.limit {
        Some(limit) if count.value > limit => format!("**{value}** (> {})", number(limit)),
        Some(limit) => format!("{value} (≤ {})", number(limit)),
        None => value,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_of_the_same_call_share_a_row() {
        let count = |name: &str, unit: &str, value, limit| Count {
            name: name.into(),
            unit: unit.into(),
            value,
            limit,
        };
        let mut allocations = Record::new("allocations");
        allocations.counts = vec![
            count("full stack", "allocations", 5, Some(6)),
            count("denied", "allocations", 7, Some(5)),
        ];
        let mut instructions = Record::new("instructions");
        instructions.counts = vec![count("full stack", "instructions", 12_345, None)];
        let mut page = Page::default();
        section(&[allocations, instructions], &mut page);
        let table = page.markdown.split("\n\n").nth(2).unwrap();
        assert_eq!(
            table,
            "\
| call       | allocations | instructions |
| ---------- | ----------: | -----------: |
| full stack |     5 (≤ 6) |       12,345 |
| denied     | **7** (> 5) |              |"
        );
    }
}
