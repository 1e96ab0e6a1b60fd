//! Plots as inline SVG: bars of a distribution, lines over time. No script, no style of its own: the page's style sheet colours them.

use std::fmt::Write;

const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 240.0;
const LEFT: f64 = 64.0;
const RIGHT: f64 = 16.0;
const TOP: f64 = 12.0;
const BOTTOM: f64 = 36.0;
/// A bar that would be thinner is drawn so wide all the same.
const THINNEST: f64 = 1.5;

/// How a distribution's values lie on the axis.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Axis {
    /// Evenly.
    Linear,
    /// By powers of ten, for values over several of them.
    Powers,
}

/// For text and attributes.
pub fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            _ => out.push(c),
        }
    }
    out
}

/// Where values lie on one side of the drawing.
struct Scale {
    axis: Axis,
    least: f64,
    most: f64,
    from: f64,
    to: f64,
}

impl Scale {
    fn of(&self, value: f64) -> f64 {
        let bend = |value: f64| if self.axis == Axis::Powers { value.max(f64::MIN_POSITIVE).log10() } else { value };
        let (least, most) = (bend(self.least), bend(self.most));
        let share = ((bend(value) - least) / (most - least).max(1e-12)).clamp(0.0, 1.0);
        self.from + share * (self.to - self.from)
    }

    /// Values worth a line.
    fn ticks(&self) -> Vec<f64> {
        if self.axis == Axis::Powers {
            let first = self.least.log10().floor() as i32;
            return (first..first + 16).map(|power| 10f64.powi(power)).filter(|v| *v >= self.least && *v <= self.most).collect();
        }
        let rough = (self.most - self.least).max(1e-9) / 5.0;
        let power = 10f64.powf(rough.log10().floor());
        let step = [1.0, 2.0, 5.0, 10.0].map(|factor| factor * power).into_iter().find(|step| *step >= rough).unwrap_or(power);
        let first = (self.least / step).ceil() as i64;
        (first..first + 12).map(|n| n as f64 * step).filter(|value| *value <= self.most).collect()
    }
}

fn number(value: f64) -> String {
    match value.abs() {
        v if v >= 10_000.0 => format!("{:.0}k", value / 1_000.0),
        v if v >= 10.0 || value == 0.0 => format!("{value:.0}"),
        v if v >= 1.0 => format!("{value:.1}").trim_end_matches(".0").to_owned(),
        v if v >= 0.01 => format!("{value:.2}"),
        _ => format!("{value:.0e}"),
    }
}

struct Drawing(String);

impl Drawing {
    fn new(what: &str) -> Self {
        let what = escape(what);
        Self(format!("<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"{what}\"><title>{what}</title>"))
    }

    fn axes(&mut self, x: &Scale, y: &Scale, below: &str) {
        // Writing into a String cannot fail.
        for value in y.ticks() {
            let at = y.of(value);
            let _ = write!(self.0, "<line class=\"grid\" x1=\"{LEFT}\" x2=\"{}\" y1=\"{at:.1}\" y2=\"{at:.1}\"/>", WIDTH - RIGHT);
            let _ = write!(self.0, "<text class=\"y\" x=\"{}\" y=\"{:.1}\">{}</text>", LEFT - 6.0, at + 4.0, number(value));
        }
        for value in x.ticks() {
            let _ = write!(self.0, "<text class=\"x\" x=\"{:.1}\" y=\"{}\">{}</text>", x.of(value), HEIGHT - BOTTOM + 16.0, number(value));
        }
        let _ = write!(self.0, "<text class=\"x\" x=\"{}\" y=\"{}\">{}</text>", (LEFT + WIDTH - RIGHT) / 2.0, HEIGHT - 4.0, escape(below));
    }

    fn end(mut self) -> String {
        self.0.push_str("</svg>");
        self.0
    }
}

/// Bars: from, to, count. `None`: there are none.
pub fn bars(what: &str, below: &str, axis: Axis, bars: &[(f64, f64, u64)]) -> Option<String> {
    let above_zero = |value: f64| axis == Axis::Linear || value > 0.0;
    let least = bars.iter().map(|bar| bar.0).filter(|v| above_zero(*v)).fold(f64::INFINITY, f64::min);
    let most = bars.iter().map(|bar| bar.1).fold(f64::NEG_INFINITY, f64::max);
    let highest = bars.iter().map(|bar| bar.2).max()? as f64;
    if !(least.is_finite() && most > least) {
        return None;
    }
    let least = if axis == Axis::Linear { least.min(0.0) } else { least };
    let x = Scale { axis, least, most, from: LEFT, to: WIDTH - RIGHT };
    // Counts over several powers of ten are seen only so.
    let y = Scale { axis, least: if axis == Axis::Powers { 0.7 } else { 0.0 }, most: highest, from: HEIGHT - BOTTOM, to: TOP };
    let mut drawing = Drawing::new(what);
    drawing.axes(&x, &y, below);
    for (from, to, count) in bars {
        let (left, right, top) = (x.of(*from), x.of(*to), y.of(*count as f64));
        let (width, height) = ((right - left).max(THINNEST), HEIGHT - BOTTOM - top);
        let _ = write!(drawing.0, "<rect x=\"{left:.1}\" y=\"{top:.1}\" width=\"{width:.2}\" height=\"{height:.1}\"/>");
    }
    Some(drawing.end())
}

/// A line over time, seconds. `None`: fewer than two points.
pub fn line(what: &str, points: &[(f64, f64)]) -> Option<String> {
    let (first, last) = (points.first()?.0, points.last()?.0);
    let highest = points.iter().map(|point| point.1).fold(0.0, f64::max);
    if last <= first {
        return None;
    }
    let x = Scale { axis: Axis::Linear, least: first, most: last, from: LEFT, to: WIDTH - RIGHT };
    let y = Scale { axis: Axis::Linear, least: 0.0, most: highest.max(1e-6) * 1.05, from: HEIGHT - BOTTOM, to: TOP };
    let mut drawing = Drawing::new(what);
    drawing.axes(&x, &y, "seconds");
    let path: Vec<String> = points.iter().map(|(at, value)| format!("{:.1},{:.1}", x.of(*at), y.of(*value))).collect();
    let _ = write!(drawing.0, "<polyline points=\"{}\"/>", path.join(" "));
    Some(drawing.end())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_distribution_has_a_bar_for_each_and_axes_in_words() {
        let drawn = bars("delay", "ms", Axis::Linear, &[(4.0, 4.5, 10), (4.5, 5.0, 30), (9.0, 9.5, 1)]).unwrap();
        assert_eq!(drawn.matches("<rect").count(), 3);
        assert!(drawn.contains(">ms</text>") && drawn.contains(">30</text>") && drawn.ends_with("</svg>"));
        let powers = bars("jitter", "ms", Axis::Powers, &[(0.0, 0.001, 5), (0.01, 0.02, 100_000), (20.0, 21.0, 1)]).unwrap();
        assert!(powers.contains(">10</text>") && powers.contains(">0.10</text>"), "{powers}");
        assert_eq!(bars("nothing", "ms", Axis::Linear, &[]), None);
        assert_eq!(bars("zeros", "ms", Axis::Powers, &[(0.0, 0.0, 7)]), None);
    }

    #[test]
    fn a_line_stays_in_its_frame_and_foreign_text_is_harmless() {
        let drawn = line("cpu <b>\"&", &[(0.0, 0.1), (1.0, 0.4), (2.0, 0.2)]).unwrap();
        assert!(drawn.contains("cpu &lt;b&gt;&quot;&amp;") && !drawn.contains("<b>"));
        assert_eq!(line("one", &[(0.0, 1.0)]), None);
        assert!(line("flat", &[(0.0, 0.0), (1.0, 0.0)]).is_some());
    }
}
