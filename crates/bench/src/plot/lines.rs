//! How something grows: a line for each series.

use anyhow::Result;
use plotters::chart::ChartBuilder;
use plotters::prelude::Color as _;

use super::axis::Axis;
use super::canvas::{self, Align, FAINT, INK, Look, Size};
use super::{Plot, Point, Scale};

const MARGIN: i32 = 12;
const HEADING: i32 = 34;
const LABEL: i32 = 26;
const VALUES: i32 = 76;
const WIDTH: i32 = 560;
const HEIGHT: i32 = 340;
const LEGEND_ROW: i32 = 24;
const SAMPLE: i32 = 30;

/// A plot with a line for each series.
#[derive(Clone, Debug)]
pub(crate) struct Lines {
    pub(crate) file: String,
    pub(crate) title: String,
    pub(crate) x_label: String,
    pub(crate) x_format: fn(f64) -> String,
    pub(crate) y_label: String,
    pub(crate) y_format: fn(f64) -> String,
    pub(crate) y_scale: Scale,
    pub(crate) series: Vec<Line>,
}

/// One series.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    pub(crate) name: String,
    /// In ascending order of what they are plotted against.
    pub(crate) points: Vec<(f64, Point)>,
}

impl Lines {
    /// Draws it; there is no picture of nothing.
    pub(crate) fn draw(&self) -> Result<Option<Plot>> {
        let points = || self.series.iter().flat_map(|line| &line.points);
        if points().next().is_none() {
            return Ok(None);
        }
        let mut xs: Vec<_> = points().map(|(x, _)| *x).collect();
        xs.sort_by(f64::total_cmp);
        xs.dedup();
        let x = Axis::new(Scale::Logarithmic, xs.iter().copied(), self.x_format);
        // What was measured, and nothing between it.
        let x = x.with_ticks(xs);
        let ys = points().flat_map(|(_, point)| [point.value, point.low, point.high]);
        let y = Axis::new(self.y_scale, ys, self.y_format);
        Ok(Some(Plot {
            file: self.file.clone(),
            description: format!("{}: {} by {}", self.title, self.y_label, self.x_label),
            svg: self.picture(&x, &y)?,
        }))
    }

    fn picture(&self, x: &Axis, y: &Axis) -> Result<String> {
        let names = canvas::column(self.series.iter().map(|line| line.name.as_str()));
        let legend = SAMPLE + MARGIN + names;
        let heading = canvas::column([self.title.as_str()]);
        let left = MARGIN;
        let top = MARGIN + HEADING + LABEL;
        let width = (left + WIDTH + MARGIN + legend).max(heading) + MARGIN;
        let rows = i32::try_from(self.series.len())? * LEGEND_ROW;
        let height = top + HEIGHT.max(rows) + LABEL + MARGIN;

        canvas::picture(width, height, |canvas| {
            let title = (left, MARGIN + HEADING / 2);
            canvas.text(&self.title, title, Align::Start, Size::Title)?;
            let y_label = (left, MARGIN + HEADING + LABEL / 2);
            canvas.text(&self.y_label, y_label, Align::Start, Size::Label)?;
            let x_label = (
                left + VALUES + (WIDTH - VALUES) / 2,
                top + HEIGHT + LABEL / 2,
            );
            canvas.text(&self.x_label, x_label, Align::Middle, Size::Label)?;

            let size = (u32::try_from(WIDTH)?, u32::try_from(HEIGHT)?);
            let area = canvas.area.clone().shrink((left, top), size);
            let mut chart = ChartBuilder::on(&area)
                .margin_top(MARGIN)
                .margin_right(MARGIN)
                .x_label_area_size(LABEL)
                .y_label_area_size(VALUES)
                .build_cartesian_2d(x.clone(), y.clone())?;
            chart
                .configure_mesh()
                .x_labels(x.ticks())
                .y_labels(y.ticks())
                .x_label_formatter(&|position| x.label(*position))
                .y_label_formatter(&|position| y.label(*position))
                .label_style(canvas::text_style(Size::Label))
                .bold_line_style(FAINT)
                .axis_style(INK)
                .draw()?;
            for (index, line) in self.series.iter().enumerate() {
                let look = Look::of(index);
                let place = |at: f64, value: f64| {
                    Some(chart.backend_coord(&(x.position(at)?, y.position(value)?)))
                };
                let places: Vec<_> = line
                    .points
                    .iter()
                    .filter_map(|(at, point)| place(*at, point.value))
                    .collect();
                canvas.path(places.clone(), look.color.stroke_width(2))?;
                for (at, point) in &line.points {
                    if point.has_interval()
                        && let (Some(low), Some(high)) =
                            (place(*at, point.low), place(*at, point.high))
                    {
                        canvas.path(vec![low, high], look.color.stroke_width(1))?;
                    }
                }
                for at in places {
                    canvas.point(at, look)?;
                }

                let start = left + WIDTH + MARGIN;
                let middle = top + MARGIN + i32::try_from(index)? * LEGEND_ROW + LEGEND_ROW / 2;
                let sample = vec![(start, middle), (start + SAMPLE, middle)];
                canvas.path(sample, look.color.stroke_width(2))?;
                canvas.point((start + SAMPLE / 2, middle), look)?;
                let name = (start + SAMPLE + MARGIN / 2, middle);
                canvas.text(&line.name, name, Align::Start, Size::Label)?;
            }
            Ok(())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(series: Vec<Line>) -> Lines {
        Lines {
            file: "lines.svg".into(),
            title: "Link lookup".into(),
            x_label: "links".into(),
            x_format: |value| format!("{value:.0}"),
            y_label: "time".into(),
            y_format: |value| format!("{value:.0} ns"),
            y_scale: Scale::FromZero,
            series,
        }
    }

    #[test]
    fn a_picture_names_its_series_and_what_was_measured() {
        let points = [1.0, 1_000.0, 100_000.0]
            .map(|x| (x, Point::exact(20.0)))
            .to_vec();
        let line = Line {
            name: "same & other".into(),
            points,
        };
        let plot = lines(vec![line]).draw().unwrap().unwrap();
        for text in ["same &amp; other", "Link lookup", "100000\n", "20 ns"] {
            assert!(plot.svg.contains(text), "{text} in {}", plot.svg);
        }
    }

    #[test]
    fn there_is_no_picture_of_nothing() {
        assert_eq!(lines(Vec::new()).draw().unwrap(), None);
    }

    #[test]
    fn a_single_value_and_one_that_is_none_are_drawn_as_far_as_they_go() {
        for y in [0.0, 5.0, f64::NAN] {
            let line = Line {
                name: "one".into(),
                points: vec![(0.0, Point::exact(y)), (7.0, Point::exact(y))],
            };
            let plot = lines(vec![line]).draw().unwrap().unwrap();
            // The legend has a disc as well.
            let discs = plot.svg.matches("<circle").count();
            assert_eq!(discs, if y.is_nan() { 1 } else { 2 }, "{y}");
        }
    }
}
