//! Plots as SVG, drawn by `plotters`.
//!
//! Everything is told apart by shape or by place and never by colour alone; the colours are those
//! of Okabe and Ito, which people with any kind of colour blindness can distinguish.

mod axis;
mod canvas;
mod dots;
mod lines;

pub(crate) use axis::Scale;
pub(crate) use dots::{Dots, Panel};
pub(crate) use lines::{Line, Lines};

use crate::statistics::Spread;

/// A plot, ready to be written to a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plot {
    /// The name of the file, by which the report refers to it.
    pub file: String,
    /// What it shows, for those who can't see it.
    pub description: String,
    /// The picture.
    pub svg: String,
}

/// A value, and the interval in which it may as well be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Point {
    pub(crate) value: f64,
    pub(crate) low: f64,
    pub(crate) high: f64,
}

impl Point {
    /// A value that is just that.
    pub(crate) fn exact(value: f64) -> Self {
        Self {
            value,
            low: value,
            high: value,
        }
    }

    /// Whether there is an interval to draw.
    fn has_interval(self) -> bool {
        self.low < self.high
    }
}

impl From<Spread> for Point {
    fn from(spread: Spread) -> Self {
        let (low, high) = spread.interval();
        Self {
            value: spread.median,
            low,
            high,
        }
    }
}
