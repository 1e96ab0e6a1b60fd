//! Pictures, as SVG.

use ljudbro::audio::FRAME;
use ljudbro::audio::Rate;
use ljudbro::audio::conceal::{Concealer, PAST_MS};
use ljudbro::audio::level::level_dbov;

const WIDTH: f64 = 1000.0;
const HEIGHT: f64 = 240.0;

fn page(body: &str, height: f64) -> String {
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" font-family=\"sans-serif\" font-size=\"14\">\
         <rect width=\"{WIDTH}\" height=\"{height}\" fill=\"white\"/>{body}</svg>\n"
    )
}

fn line(points: impl Iterator<Item = (f64, f64)>, colour: &str) -> String {
    let points: Vec<String> = points.map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
    format!("<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\"/>", points.join(" "))
}

/// Delay beyond the tick over time.
pub fn delay(delays: &[(f64, f64)], name: &str) -> String {
    let end = delays.last().map_or(1.0, |(second, _)| *second);
    let most = 240.0;
    let place = |(second, ms): (f64, f64)| (50.0 + second / end * (WIDTH - 60.0), HEIGHT - 30.0 - ms / most * (HEIGHT - 60.0));
    let mut body = format!("<text x=\"50\" y=\"20\">{name}: delay beyond the tick, ms, over {end:.0} s; the last 5 s are clean</text>");
    for ms in [0, 60, 120, 180, 240] {
        let (_, y) = place((0.0, f64::from(ms)));
        body += &format!("<text x=\"10\" y=\"{:.0}\">{ms}</text><path d=\"M50 {y:.0}H{}\" stroke=\"#ddd\"/>", y + 5.0, WIDTH - 10.0);
    }
    body += &line(delays.iter().map(|point| place(*point)), "#0a6");
    page(&body, HEIGHT)
}

/// One lost packet in a vowel: what was said, silence in its place, and what is heard instead.
pub fn gap(said: &[i16]) -> String {
    let past = PAST_MS * 8;
    // The loudest place that has enough before and after it.
    let at = (past..said.len() - 3 * FRAME).step_by(FRAME).max_by(|a, b| {
        let level = |at: usize| level_dbov(&said[at - FRAME..at + 2 * FRAME]);
        level(*a).total_cmp(&level(*b))
    });
    let at = at.unwrap_or(past);
    let mut concealer = Concealer::new(Rate::Full);
    concealer.begin(&said[at - past..at], Rate::Narrow);
    let mut made = said.to_vec();
    concealer.render(&mut made[at..at + FRAME]);
    concealer.merge(&mut made[at + FRAME..at + 2 * FRAME]);
    let mut silent = said.to_vec();
    silent[at..at + FRAME].fill(0);
    let mut body = String::new();
    let (from, to) = (at - 2 * FRAME, at + 3 * FRAME);
    for (row, (name, samples)) in
        [("said", said), ("20 ms lost, nothing done", &silent[..]), ("20 ms lost, concealed", &made[..])].into_iter().enumerate()
    {
        let middle = 90.0 + 170.0 * row as f64;
        let x = |n: usize| n as f64 / (to - from) as f64 * WIDTH;
        body += &format!("<text x=\"10\" y=\"{:.0}\">{name}</text>", middle - 70.0);
        body +=
            &format!("<rect x=\"{:.0}\" y=\"{:.0}\" width=\"{:.0}\" height=\"140\" fill=\"#fee\"/>", x(2 * FRAME), middle - 65.0, x(FRAME));
        body += &line((from..to).map(|n| (x(n - from), middle - f64::from(samples[n]) / 32_768.0 * 140.0)), "#06a");
    }
    page(&body, 520.0)
}
