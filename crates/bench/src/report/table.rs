//! Tables, as Markdown and for a terminal.

use core::fmt::Write as _;

/// A table whose first column names the rows. The others hold figures.
#[derive(Clone, Debug)]
pub(super) struct Table {
    head: Vec<String>,
    rows: Vec<Vec<String>>,
    /// How many columns, from the first on, hold text.
    text_columns: usize,
}

impl Table {
    /// An empty table with these columns.
    pub(super) fn new<H: Into<String>>(head: impl IntoIterator<Item = H>) -> Self {
        Self {
            head: head.into_iter().map(Into::into).collect(),
            rows: Vec::new(),
            text_columns: 1,
        }
    }

    /// Says that the first `columns` hold text.
    pub(super) fn with_text_columns(mut self, columns: usize) -> Self {
        self.text_columns = columns;
        self
    }

    /// Adds a row.
    pub(super) fn row<C: Into<String>>(&mut self, cells: impl IntoIterator<Item = C>) {
        self.rows.push(cells.into_iter().map(Into::into).collect());
    }

    /// Whether there are no rows.
    pub(super) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The table in Markdown, with an empty line after it.
    pub(super) fn markdown(&self) -> String {
        let escaped = Self {
            head: escape(&self.head),
            rows: self.rows.iter().map(|row| escape(row)).collect(),
            ..*self
        };
        let widths = escaped.widths();
        let mut markdown = String::new();
        let mut line = |cells: &[String]| {
            let cells = escaped.padded(cells, &widths);
            let _ = writeln!(markdown, "| {} |", cells.join(" | "));
        };
        line(&escaped.head);
        let rule: Vec<_> = widths
            .iter()
            .enumerate()
            .map(|(column, width)| {
                if column < escaped.text_columns {
                    "-".repeat(*width)
                } else {
                    format!("{}:", "-".repeat(width.saturating_sub(1)))
                }
            })
            .collect();
        line(&rule);
        escaped.rows.iter().for_each(|row| line(row));
        markdown.push('\n');
        markdown
    }

    /// The table for a terminal.
    pub(super) fn text(&self) -> String {
        let widths = self.widths();
        let mut text = String::new();
        for cells in core::iter::once(&self.head).chain(&self.rows) {
            let line = self.padded(cells, &widths).join("  ");
            let _ = writeln!(text, "{}", line.trim_end());
        }
        text
    }

    /// How wide each column is; at least what Markdown needs for its rule.
    fn widths(&self) -> Vec<usize> {
        let mut widths = vec![3; self.head.len()];
        for row in core::iter::once(&self.head).chain(&self.rows) {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = (*width).max(cell.chars().count());
            }
        }
        widths
    }

    fn padded(&self, cells: &[String], widths: &[usize]) -> Vec<String> {
        widths
            .iter()
            .enumerate()
            .map(|(column, width)| {
                let cell = cells.get(column).map_or("", String::as_str);
                if column < self.text_columns {
                    format!("{cell:<width$}")
                } else {
                    format!("{cell:>width$}")
                }
            })
            .collect()
    }
}

fn escape(cells: &[String]) -> Vec<String> {
    cells.iter().map(|cell| inline(cell)).collect()
}

/// A text that stays one line of Markdown, and within its cell.
pub(super) fn inline(text: &str) -> String {
    text.split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
        .replace('|', "\\|")
        .replace('<', "&lt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table {
        let mut table = Table::new(["row", "p50", "unanswered"]);
        table.row(["a|b\nc", "9.81 µs", "0"]);
        table.row(["short", "–"]);
        table
    }

    #[test]
    fn a_cell_can_not_break_its_table() {
        assert_eq!(
            table().markdown(),
            "\
| row    |     p50 | unanswered |
| ------ | ------: | ---------: |
| a\\|b c | 9.81 µs |          0 |
| short  |       – |            |

"
        );
    }

    #[test]
    fn columns_are_aligned_in_a_terminal() {
        let mut table = Table::new(["row", "state", "p50"]).with_text_columns(2);
        table.row(["full stack", "ok", "9.81 µs"]);
        assert_eq!(
            table.text(),
            "\
row         state      p50
full stack  ok     9.81 µs
"
        );
    }
}
