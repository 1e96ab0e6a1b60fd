//! A run as one line of a Markdown table; `benches/capacity.sh` writes the head.

use crate::sim::load::{Figures, Of, Times};

fn all(of: Of) -> String {
    if of.of == 0 { "–".to_owned() } else { format!("{}/{}", of.yes, of.of) }
}

fn times(times: Option<&Times>, pick: impl Fn(&Times) -> Vec<f64>) -> String {
    times.map_or("–".to_owned(), |times| pick(times).iter().map(|value| format!("{value:.1}")).collect::<Vec<_>>().join(" / "))
}

/// The line, with this first cell.
pub fn row(label: &str, figures: &Figures) -> String {
    let (calls, received, passing) = (&figures.calls, &figures.received, figures.passing.as_ref());
    // Where calls pass, theirs is the set-up time that counts.
    let set_up = passing.map_or(&calls.set_up, |passing| &passing.set_up);
    let failed: u64 = calls.failures.values().chain(passing.iter().flat_map(|passing| passing.failures.values())).sum();
    let mut entered = calls.entered;
    if let Some(passing) = passing {
        entered = Of { yes: entered.yes + passing.entered.yes, of: entered.of + passing.entered.of };
    }
    let server = figures.server.as_ref();
    let cells = [
        label.to_owned(),
        if figures.valid { "yes".to_owned() } else { "NO".to_owned() },
        server.map_or("–".to_owned(), |server| format!("{:.3}", server.cpu_ms_a_call_second)),
        times(set_up.as_ref(), |t| vec![t.p50_ms, t.p99_ms]),
        failed.to_string(),
        all(entered),
        received.missing.to_string(),
        received.gaps.to_string(),
        times(received.jitter.as_ref(), |t| vec![t.p99_ms, t.p999_ms]),
        times(figures.delay.times.as_ref(), |t| vec![t.p50_ms, t.p95_ms, t.max_ms]),
        server.map_or("–".to_owned(), |server| format!("{:.0}", server.resident_kb_a_call)),
        server.map_or("–".to_owned(), |server| {
            format!(
                "{:.0} / {:.0} / {:.0}",
                server.resident_start_kb as f64 / 1e3,
                server.resident_peak_kb as f64 / 1e3,
                server.resident_end_kb as f64 / 1e3
            )
        }),
        times(figures.generator.lateness.as_ref(), |t| vec![t.p999_ms]),
    ];
    format!("| {} |", cells.join(" | "))
}
