//! What all plots are drawn with.

use anyhow::{Context as _, Result};
use plotters::coord::Shift;
use plotters::prelude::{
    Circle, Color as _, Cross, DrawingArea, IntoDrawingArea as _, IntoFont as _, PathElement,
    Polygon, RGBColor, Rectangle, SVGBackend, ShapeStyle, Text, TextStyle, WHITE,
};
use plotters::style::text_anchor::{HPos, Pos, VPos};

/// Pixels from the left and from the top.
pub(super) type Place = (i32, i32);

/// How wide a letter is at most, on average.
const LETTER: i32 = 8;

/// The colour of text and axes.
pub(super) const INK: RGBColor = RGBColor(51, 51, 51);

/// The colour of what is in the background.
pub(super) const FAINT: RGBColor = RGBColor(217, 217, 217);

/// Blue, vermilion, green, purple, orange, sky blue and black of Okabe and Ito; their yellow is
/// too pale for thin lines on white.
const COLORS: [RGBColor; 7] = [
    RGBColor(0, 114, 178),
    RGBColor(213, 94, 0),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(230, 159, 0),
    RGBColor(86, 180, 233),
    RGBColor(0, 0, 0),
];

/// Where a text is, relative to its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Align {
    /// It starts there.
    Start,
    /// Its middle is there.
    Middle,
    /// It ends there.
    End,
}

/// How big a text is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Size {
    /// What the plot is called.
    Title,
    /// Everything else.
    Label,
}

/// How the points of a series look.
#[derive(Clone, Copy, Debug)]
pub(super) struct Look {
    shape: Shape,
    pub(super) color: RGBColor,
}

#[derive(Clone, Copy, Debug)]
enum Shape {
    Disc,
    Square,
    Triangle,
    Cross,
}

impl Look {
    /// The look of the series with this index. No two of the first 28 are the same, and
    /// neighbours differ in colour and shape.
    pub(super) fn of(index: usize) -> Self {
        let shapes = [Shape::Disc, Shape::Square, Shape::Triangle, Shape::Cross];
        let at = |length: usize| index % length;
        Self {
            shape: shapes.get(at(shapes.len())).copied().unwrap_or(Shape::Disc),
            color: COLORS.get(at(COLORS.len())).copied().unwrap_or(INK),
        }
    }
}

/// A picture that is being drawn.
pub(super) struct Canvas<'a> {
    pub(super) area: DrawingArea<SVGBackend<'a>, Shift>,
}

/// Draws a picture of a size.
pub(super) fn picture(
    width: i32,
    height: i32,
    draw: impl FnOnce(&Canvas<'_>) -> Result<()>,
) -> Result<String> {
    let size = |length: i32| u32::try_from(length).context("a plot of a negative size");
    let size = (size(width)?, size(height)?);
    let mut svg = String::new();
    let canvas = Canvas {
        area: SVGBackend::with_string(&mut svg, size).into_drawing_area(),
    };
    canvas.area.fill(&WHITE)?;
    draw(&canvas)?;
    canvas.area.present()?;
    drop(canvas);
    Ok(svg)
}

impl Canvas<'_> {
    /// Writes a text.
    pub(super) fn text(&self, text: &str, at: Place, align: Align, size: Size) -> Result<()> {
        let horizontal = match align {
            Align::Start => HPos::Left,
            Align::Middle => HPos::Center,
            Align::End => HPos::Right,
        };
        let style = text_style(size).pos(Pos::new(horizontal, VPos::Center));
        self.area.draw(&Text::new(text.to_owned(), at, style))?;
        Ok(())
    }

    /// Draws a line through places.
    pub(super) fn path(&self, places: Vec<Place>, style: impl Into<ShapeStyle>) -> Result<()> {
        self.area.draw(&PathElement::new(places, style))?;
        Ok(())
    }

    /// Draws a point of a series.
    pub(super) fn point(&self, (x, y): Place, look: Look) -> Result<()> {
        let (filled, outlined) = (look.color.filled(), look.color.stroke_width(2));
        match look.shape {
            Shape::Disc => self.area.draw(&Circle::new((x, y), 4, filled))?,
            Shape::Square => {
                let corners = [(x - 4, y - 4), (x + 4, y + 4)];
                self.area.draw(&Rectangle::new(corners, WHITE.filled()))?;
                self.area.draw(&Rectangle::new(corners, outlined))?;
            }
            Shape::Triangle => {
                let corners = vec![(x, y - 5), (x + 5, y + 4), (x - 5, y + 4)];
                self.area.draw(&Polygon::new(corners, filled))?;
            }
            Shape::Cross => self.area.draw(&Cross::new((x, y), 4, outlined))?,
        }
        Ok(())
    }
}

/// The style of a text.
pub(super) fn text_style<'a>(size: Size) -> TextStyle<'a> {
    let points = match size {
        Size::Title => 20,
        Size::Label => 16,
    };
    ("sans-serif", points).into_font().color(&INK)
}

/// How wide a column of these texts has to be.
pub(super) fn column<'a>(texts: impl IntoIterator<Item = &'a str>) -> i32 {
    let letters = texts.into_iter().map(|text| text.chars().count()).max();
    i32::try_from(letters.unwrap_or(0)).map_or(i32::MAX / 4, |letters| letters.min(60) * LETTER)
}
