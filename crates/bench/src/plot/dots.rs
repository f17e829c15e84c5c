//! Rows by name, with a dot for each value: side by side for several loads.

use anyhow::{Context as _, Result};
use plotters::chart::ChartBuilder;
use plotters::prelude::Color as _;

use super::axis::Axis;
use super::canvas::{self, Align, Canvas, FAINT, INK, Look, Size};
use super::{Plot, Point, Scale};

const MARGIN: i32 = 12;
const HEADING: i32 = 34;
const LEGEND: i32 = 26;
const PANEL_TITLE: i32 = 26;
const ROW: i32 = 22;
const AXIS: i32 = 26;
const PANEL: i32 = 190;
const NUMBERS: i32 = 72;
const GAP: i32 = 16;

/// How many letters there is room for below a panel.
const AXIS_LETTERS: usize = 20;

/// How many panels are side by side.
const COLUMNS: usize = 4;

/// A plot with a line for each row.
#[derive(Clone, Debug)]
pub(crate) struct Dots {
    pub(crate) file: String,
    pub(crate) title: String,
    /// What the values are, with their unit and what their intervals are.
    pub(crate) unit: String,
    /// How values are written on the axis, and next to a single dot.
    pub(crate) axis_format: fn(f64) -> String,
    pub(crate) format: fn(f64) -> String,
    /// A value to compare the others with, marked in all panels.
    pub(crate) reference: Option<f64>,
    /// The names of the values that each row has; a single one needs no legend, and is written out.
    pub(crate) series: Vec<String>,
    /// The names of the rows.
    pub(crate) rows: Vec<String>,
    pub(crate) panels: Vec<Panel>,
}

/// What the rows have under one load.
#[derive(Clone, Debug)]
pub(crate) struct Panel {
    pub(crate) title: String,
    /// By row, then by series.
    pub(crate) rows: Vec<Vec<Option<Point>>>,
}

impl Dots {
    /// Draws it; there is no picture of nothing.
    pub(crate) fn draw(&self) -> Result<Option<Plot>> {
        let points = || {
            let panels = self.panels.iter();
            panels.flat_map(|panel| panel.rows.iter().flatten().flatten())
        };
        if points().next().is_none() {
            return Ok(None);
        }
        let values = points().flat_map(|point| [point.value, point.low, point.high]);
        let axis = Axis::new(
            Scale::Logarithmic,
            values.chain(self.reference),
            self.axis_format,
        )
        .with_room(AXIS_LETTERS);
        Ok(Some(Plot {
            file: self.file.clone(),
            description: format!("{}; {}", self.title, self.unit),
            svg: self.picture(&axis)?,
        }))
    }

    fn picture(&self, axis: &Axis) -> Result<String> {
        let pixels = |count: usize| i32::try_from(count).context("too many rows to draw");
        let columns = self.panels.len().clamp(1, COLUMNS);
        let names = canvas::column(self.rows.iter().map(String::as_str)) + MARGIN;
        let numbers = if self.series.len() == 1 { NUMBERS } else { 0 };
        let step = PANEL + numbers + GAP;
        let plot = pixels(self.rows.len())? * ROW;
        let band = PANEL_TITLE + plot + AXIS;
        let top = MARGIN + HEADING + if self.has_legend() { LEGEND } else { 0 };
        let bands = pixels(self.panels.len().div_ceil(columns))?;
        let heading = canvas::column([self.title.as_str(), self.unit.as_str()]);
        let width = (names + pixels(columns)? * step).max(heading) + 2 * MARGIN;
        let height = top + bands * (band + GAP) + LEGEND + MARGIN;

        canvas::picture(width, height, |canvas| {
            let middle = MARGIN + HEADING / 2;
            canvas.text(&self.title, (MARGIN, middle), Align::Start, Size::Title)?;
            if self.has_legend() {
                self.legend(canvas, MARGIN + HEADING + LEGEND / 2)?;
            }
            let unit = (MARGIN, height - MARGIN - LEGEND / 2);
            canvas.text(&self.unit, unit, Align::Start, Size::Label)?;

            for (index, panel) in self.panels.iter().enumerate() {
                let left = MARGIN + names + pixels(index % columns)? * step;
                let top = top + pixels(index / columns)? * (band + GAP);
                if index % columns == 0 {
                    for (row, name) in self.rows.iter().enumerate() {
                        let middle = top + PANEL_TITLE + pixels(row)? * ROW + ROW / 2;
                        let end = (left - MARGIN, middle);
                        canvas.text(name, end, Align::End, Size::Label)?;
                    }
                }
                self.panel(canvas, panel, axis, (left, top))?;
            }
            Ok(())
        })
    }

    fn has_legend(&self) -> bool {
        self.series.len() > 1
    }

    fn legend(&self, canvas: &Canvas<'_>, middle: i32) -> Result<()> {
        let mut left = MARGIN + MARGIN / 2;
        for (index, name) in self.series.iter().enumerate() {
            canvas.point((left, middle), Look::of(index))?;
            let text = (left + MARGIN, middle);
            canvas.text(name, text, Align::Start, Size::Label)?;
            left += canvas::column([name.as_str()]) + 3 * MARGIN;
        }
        Ok(())
    }

    fn panel(
        &self,
        canvas: &Canvas<'_>,
        panel: &Panel,
        axis: &Axis,
        (left, top): (i32, i32),
    ) -> Result<()> {
        let rows = i32::try_from(self.rows.len())?;
        let title = (left + PANEL / 2, top + PANEL_TITLE / 2);
        canvas.text(&panel.title, title, Align::Middle, Size::Label)?;
        let size = (u32::try_from(PANEL)?, u32::try_from(rows * ROW + AXIS)?);
        let area = canvas.area.clone().shrink((left, top + PANEL_TITLE), size);
        let mut chart = ChartBuilder::on(&area)
            .x_label_area_size(AXIS)
            // The first row is the upmost one.
            .build_cartesian_2d(axis.clone(), f64::from(rows)..0.0)?;
        chart
            .configure_mesh()
            .disable_y_mesh()
            .y_labels(0)
            .x_labels(axis.ticks())
            .x_label_formatter(&|position| axis.label(*position))
            .x_label_style(canvas::text_style(Size::Label))
            .bold_line_style(FAINT)
            .axis_style(FAINT)
            .draw()?;
        if let Some(position) = self.reference.and_then(|value| axis.position(value)) {
            let ends = [0.0, f64::from(rows)].map(|y| chart.backend_coord(&(position, y)));
            canvas.path(ends.into(), INK.stroke_width(1))?;
        }
        for (row, points) in (0_i32..).zip(&panel.rows) {
            let place = |value: f64| {
                let x = axis.position(value)?;
                Some(chart.backend_coord(&(x, f64::from(row) + 0.5)))
            };
            for (index, point) in points.iter().enumerate() {
                let Some((point, at)) = point.and_then(|point| Some((point, place(point.value)?)))
                else {
                    continue;
                };
                let look = Look::of(index);
                if point.has_interval()
                    && let (Some(low), Some(high)) = (place(point.low), place(point.high))
                {
                    canvas.path(vec![low, high], look.color.stroke_width(2))?;
                }
                canvas.point(at, look)?;
            }
            if let [only] = points[..] {
                let number = only.map_or_else(|| "–".to_owned(), |only| (self.format)(only.value));
                let middle = top + PANEL_TITLE + row * ROW + ROW / 2;
                let end = (left + PANEL + NUMBERS - 4, middle);
                canvas.text(&number, end, Align::End, Size::Label)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dots(points: Vec<Vec<Option<Point>>>) -> Dots {
        Dots {
            file: "dots.svg".into(),
            title: "Latency <of> calls".into(),
            unit: "times the baseline".into(),
            axis_format: |value| format!("{value:.2}"),
            format: |value| format!("{value:.2}"),
            reference: Some(1.0),
            series: vec!["ratio".into()],
            rows: vec!["bare wRPC".into(), "full stack".into()],
            panels: vec![Panel {
                title: "16 at a time".into(),
                rows: points,
            }],
        }
    }

    #[test]
    fn a_picture_names_what_it_shows() {
        let point = Point {
            value: 1.04,
            low: 1.01,
            high: 1.07,
        };
        let plot = dots(vec![vec![None], vec![Some(point)]])
            .draw()
            .unwrap()
            .unwrap();
        for text in [
            "Latency &lt;of&gt; calls",
            "bare wRPC",
            "full stack",
            "16 at a time",
            "times the baseline",
            "1.04",
            "–",
        ] {
            assert!(plot.svg.contains(text), "{text} in {}", plot.svg);
        }
        assert!(plot.svg.ends_with("</svg>\n"), "{}", plot.svg);
    }

    #[test]
    fn there_is_no_picture_of_nothing() {
        assert_eq!(dots(vec![vec![None], vec![None]]).draw().unwrap(), None);
        assert_eq!(dots(Vec::new()).draw().unwrap(), None);
    }

    #[test]
    fn a_value_without_a_place_leaves_out_its_dot_only() {
        let points = [f64::NAN, 0.0].map(|value| vec![Some(Point::exact(value))]);
        let plot = dots(points.into()).draw().unwrap().unwrap();
        assert!(!plot.svg.contains("<circle"), "{}", plot.svg);
        assert!(plot.svg.contains("full stack"), "{}", plot.svg);
    }
}
