//! The page: figures and plots of one run in a single file that needs nothing else.

mod plot;

use std::fmt::Write;

use self::plot::{Axis, bars, escape, line};
use crate::sim::load::{Calls, Figures, Times};

/// Light and dark by the reader's own choice; no font, script or picture from anywhere.
const STYLE: &str = "
:root { color-scheme: light dark; --ink: #1b1f24; --dim: #656d76; --paper: #fff; --grid: #d8dee4; --main: #0969da; --good: #1a7f37; --bad: #cf222e; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6edf3; --dim: #8d96a0; --paper: #0d1117; --grid: #30363d; --main: #4493f8; --good: #3fb950; --bad: #f85149; } }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.4rem; } h2 { font-size: 1.1rem; margin: 2rem 0 .5rem; }
table { border-collapse: collapse; width: 100%; } th, td { text-align: left; padding: .25rem .75rem .25rem 0; border-bottom: 1px solid var(--grid); vertical-align: top; }
th { font-weight: 600; white-space: nowrap; } td { font-variant-numeric: tabular-nums; }
.verdict { padding: .5rem 1rem; border-left: 4px solid var(--good); } .verdict.bad { border-color: var(--bad); }
.note { color: var(--dim); } svg { width: 100%; height: auto; } svg text { font-size: 11px; fill: var(--dim); }
svg .x { text-anchor: middle; } svg .y { text-anchor: end; } svg .grid { stroke: var(--grid); } svg rect { fill: var(--main); }
svg polyline { fill: none; stroke: var(--main); stroke-width: 2; }
";

struct Page(String);

impl Page {
    fn row(&mut self, name: &str, value: &str) {
        // Writing into a String cannot fail.
        let _ = writeln!(self.0, "<tr><th scope=\"row\">{}</th><td>{}</td></tr>", escape(name), escape(value));
    }

    fn times(&mut self, name: &str, times: Option<&Times>) {
        let text = times.map_or("no values".to_owned(), |t| {
            let Times { count, p50_ms, p95_ms, p99_ms, p999_ms, max_ms, .. } = t;
            format!("p50 {p50_ms:.2} · p95 {p95_ms:.2} · p99 {p99_ms:.2} · p99.9 {p999_ms:.2} · max {max_ms:.2} ms ({count} values)")
        });
        self.row(name, &text);
    }

    fn head(&mut self, title: &str) {
        let _ = writeln!(self.0, "<h2>{}</h2>", escape(title));
    }

    fn table(&mut self, rows: impl FnOnce(&mut Self)) {
        self.0.push_str("<table>\n");
        rows(self);
        self.0.push_str("</table>\n");
    }

    fn plot(&mut self, plot: Option<String>, note: &str) {
        if let Some(plot) = plot {
            let _ = writeln!(self.0, "{plot}\n<p class=\"note\">{}</p>", escape(note));
        }
    }

    fn calls(&mut self, calls: &Calls) {
        self.row("dialled, answered", &format!("{}, {}", calls.dialled, calls.answered));
        for (why, count) in &calls.failures {
            self.row("failed", &format!("{count}: {why}"));
        }
        let out = calls.lost_keys();
        let lost = match (out, calls.entered.of > calls.entered.yes) {
            (0, true) => "; the others may have heard an announcement only".to_owned(),
            (0, false) => String::new(),
            _ => format!("; {out} did not get in: a key was lost or doubled"),
        };
        self.row("got in", &format!("{}{lost}", calls.entered));
        self.times("INVITE to 200", calls.set_up.as_ref());
    }
}

/// The whole page.
pub fn page(figures: &Figures) -> String {
    let plan = &figures.plan;
    let title =
        format!("{} calls, {} meetings of {}, {} talking, {}", plan.calls, plan.meetings, plan.per_meeting, plan.talkers, plan.codec);
    let mut page = Page(format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
         <title>Load: {title}</title><style>{STYLE}</style></head><body>\n<h1>Load: {title}</h1>\n"
    ));
    verdict(&mut page, figures);
    page.head("The run");
    page.table(|page| {
        page.row("steady window", &format!("{} s, after all calls were in", plan.seconds));
        page.row("keys", plan.keys);
        page.row("listeners send", plan.listeners_send);
        page.row("line to the bridge", &format!("{} % lost, up to {} ms uneven", plan.loss_percent, plan.jitter_ms));
        page.row("filled at, passing", &format!("{} calls a second, {} calls a second", plan.rate, plan.churn));
    });
    signalling(&mut page, figures);
    sound(&mut page, figures);
    server(&mut page, figures);
    generator(&mut page, figures);
    page.0.push_str("</body></html>\n");
    page.0
}

fn verdict(page: &mut Page, figures: &Figures) {
    if figures.valid {
        page.0.push_str("<p class=\"verdict\">Valid: the generator was in time, so what follows is the bridge's doing.</p>\n");
        return;
    }
    page.0.push_str("<div class=\"verdict bad\"><strong>Not valid: these figures are not the bridge's.</strong><ul>\n");
    for why in &figures.invalid_because {
        let _ = writeln!(page.0, "<li>{}</li>", escape(why));
    }
    page.0.push_str("</ul></div>\n");
}

fn signalling(page: &mut Page, figures: &Figures) {
    page.head("Calls");
    page.table(|page| {
        page.calls(&figures.calls);
        page.row("microphones off and on as told", &figures.mutes.to_string());
    });
    page.plot(bars("set-up times", "ms from INVITE to 200", Axis::Powers, &figures.calls.set_up_bars.0), "Both axes by powers of ten.");
    if let Some(passing) = &figures.passing {
        page.head("Passing calls");
        page.table(|page| page.calls(passing));
        page.plot(
            bars("set-up times of passing calls", "ms from INVITE to 200", Axis::Powers, &passing.set_up_bars.0),
            "Both axes by powers of ten.",
        );
    }
}

fn sound(page: &mut Page, figures: &Figures) {
    let (delay, received) = (&figures.delay, &figures.received);
    page.head("One-way delay");
    page.table(|page| {
        page.times("packet in to packet out", delay.times.as_ref());
        page.row("markers found", &delay.markers.to_string());
        let codec = delay
            .codec_ms
            .map_or("unknown".to_owned(), |ms| format!("{ms:.2} ms for each time the sound is encoded; nothing is subtracted"));
        page.row("of it the codec's own", &codec);
    });
    page.plot(
        bars("one-way delay", "ms", Axis::Linear, &delay.bars.0),
        "Sample-exact, by markers in the talkers' sound: from the moment a sample's packet left for the bridge to the moment the kernel had the packet that brought it back.",
    );
    page.head("Packets received");
    page.table(|page| {
        page.row("packets", &format!("{} ({:.2} a call and second)", received.packets, received.packets_a_call_second));
        page.row("missing, disordered, doubled", &format!("{}, {}, {}", received.missing, received.disordered, received.doubled));
        page.row(
            "gaps above 40 ms",
            &format!("{} in {} calls; longest time {:.1} ms", received.gaps, received.calls_with_gaps, received.longest_gap_ms),
        );
        page.row("calls that heard nothing", &received.silent.to_string());
        page.times("inter-arrival jitter", received.jitter.as_ref());
    });
    page.plot(
        bars("inter-arrival jitter", "ms", Axis::Powers, &received.jitter_bars.0),
        "Time between two packets against the difference of their timestamps, by the kernel's stamps. Both axes by powers of ten.",
    );
}

fn server(page: &mut Page, figures: &Figures) {
    let Some(server) = &figures.server else { return };
    page.head("The bridge's process");
    page.table(|page| {
        page.row("processor time", &format!("{:.3} ms a call and second", server.cpu_ms_a_call_second));
        page.row("share of a core", &format!("{:.1} %, {:.0} % of it in the system", 100.0 * server.core_share, server.in_system_percent));
        for (name, share) in &server.threads {
            page.row(&format!("thread {name}"), &format!("{:.1} % of a core", 100.0 * share));
        }
        let (waited, pushed) = server.switches_a_second;
        page.row("context switches a second", &format!("{waited:.0} waited, {pushed:.0} pushed out"));
        page.row(
            "resident memory",
            &format!(
                "start {} kB, steady {} kB, peak {} kB, end {} kB; {:.1} kB a call",
                server.resident_start_kb,
                server.resident_steady_kb,
                server.resident_peak_kb,
                server.resident_end_kb,
                server.resident_kb_a_call
            ),
        );
    });
    let over = |value: fn(&(f64, u64, f64, u64)) -> f64| server.over_time.iter().map(|point| (point.0, value(point))).collect::<Vec<_>>();
    page.plot(line("processor time", &over(|point| 100.0 * point.2)), "Processor time, percent of a core.");
    page.plot(line("resident memory", &over(|point| point.3 as f64 / 1_024.0)), "Resident memory, MB.");
    page.plot(line("calls", &over(|point| point.1 as f64)), "Calls.");
}

fn generator(page: &mut Page, figures: &Figures) {
    let generator = &figures.generator;
    page.head("The generator");
    page.table(|page| {
        page.times("sent late by", generator.lateness.as_ref());
        page.row("packets left out, refused by the system", &format!("{}, {}", generator.skipped, generator.refused));
        page.row(
            "processor time",
            &format!("{:.2} µs a call and 20 ms, {:.0} % of a core", generator.us_a_call_tick, 100.0 * generator.core_share),
        );
        page.row("before ordinary threads", if generator.realtime { "yes (SCHED_FIFO)" } else { "no" });
    });
}
