//! The section of what criterion measured.

use core::fmt::Write as _;

use anyhow::Result;

use super::criterion::Estimate;
use super::table::{Table, inline};
use super::{Page, file_name, units};
use crate::plot::{Line, Lines, Point, Scale};

/// Writes the times of all groups, and how they grow where a group has a numeric parameter.
pub(super) fn section(estimates: &[Estimate], page: &mut Page) -> Result<()> {
    if estimates.is_empty() {
        return Ok(());
    }
    page.text(
        "## Time without a network\n\n\
         Measured by criterion, over an `Invoke` that answers at once: the median of one \
         iteration and its 95 % interval. Criterion's own report has the distributions.\n\n",
    );
    for group in estimates.chunk_by(|one, other| one.group() == other.group()) {
        let Some(first) = group.first() else {
            continue;
        };
        let name = first.group();
        let _ = writeln!(page.markdown, "### {}\n", inline(name));
        let mut table = Table::new(["bench", "median", "95 %"]);
        for estimate in group {
            let (low, high) = estimate.interval;
            table.row([
                estimate.id.clone(),
                units::duration(estimate.median),
                format!("{}–{}", units::duration(low), units::duration(high)),
            ]);
        }
        page.text(&table.markdown());
        page.plot(growth(name, group).draw()?);
    }
    Ok(())
}

/// The times by the parameter.
fn growth(name: &str, group: &[Estimate]) -> Lines {
    let mut lines: Vec<Line> = Vec::new();
    for estimate in group {
        let Some((series, parameter)) = estimate.parameter() else {
            continue;
        };
        let (low, high) = estimate.interval;
        let value = estimate.median;
        let point = (f64::from(parameter), Point { value, low, high });
        match lines.iter_mut().find(|line| line.name == series) {
            Some(line) => line.points.push(point),
            None => lines.push(Line {
                name: series.to_owned(),
                points: vec![point],
            }),
        }
    }
    // One value does not grow.
    lines.retain(|line| line.points.len() > 1);
    Lines {
        file: file_name(&["time", name]),
        title: format!("Time without a network: {name}"),
        x_label: match name {
            "lookup" => "links in the table".into(),
            _ => "parameter".into(),
        },
        x_format: units::number,
        y_label: "median time, and its 95 % interval".into(),
        y_format: units::duration,
        y_scale: Scale::FromZero,
        series: lines,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn estimate(id: &str) -> Estimate {
        Estimate {
            id: id.into(),
            median: 812.0,
            interval: (800.0, 1_250.0),
        }
    }

    #[test]
    fn each_group_has_its_table() {
        let mut page = Page::default();
        let estimates = [
            "failure/denied",
            "lookup/same link/1",
            "lookup/same link/100000",
        ];
        section(&estimates.map(estimate), &mut page).unwrap();
        let markdown = &page.markdown;
        assert!(markdown.contains("### failure\n\n| bench "), "{markdown}");
        assert!(
            markdown.contains("| failure/denied | 812 ns | 800 ns–1.25 µs |"),
            "{markdown}"
        );
        let files: Vec<_> = page.plots.iter().map(|plot| &*plot.file).collect();
        assert_eq!(
            files,
            ["time-lookup.svg"],
            "only what has a parameter grows"
        );
        assert!(markdown.contains("(time-lookup.svg)"), "{markdown}");
    }

    #[test]
    fn nothing_measured_is_no_section() {
        let mut page = Page::default();
        section(&[], &mut page).unwrap();
        assert_eq!(page.markdown, "");
    }
}
