//! The figures as plain text: one fact a line, in an order that does not change.

use std::fmt::Write;

use crate::sim::load::{Calls, Figures, Server, Times};

const WIDTH: usize = 34;

struct Table(String);

impl Table {
    fn line(&mut self, name: &str, value: &str) {
        // Writing into a String cannot fail.
        let _ = writeln!(self.0, "{name:<WIDTH$}{value}");
    }

    fn times(&mut self, name: &str, times: Option<&Times>) {
        match times {
            None => self.line(name, "no values"),
            Some(t) => {
                let Times { count, p50_ms, p95_ms, p99_ms, p999_ms, max_ms, .. } = t;
                self.line(
                    name,
                    &format!("p50 {p50_ms:.2}, p95 {p95_ms:.2}, p99 {p99_ms:.2}, p99.9 {p999_ms:.2}, max {max_ms:.2} ms ({count})"),
                );
            }
        }
    }

    fn calls(&mut self, name: &str, calls: &Calls) {
        self.line(name, &format!("{} dialled, {} answered", calls.dialled, calls.answered));
        for (why, count) in &calls.failures {
            self.line("  failed", &format!("{count}: {why}"));
        }
        let out = calls.lost_keys();
        let unsure = calls.entered.of > calls.entered.yes && !calls.entered_is_sure;
        let lost = if unsure {
            "; the others may have heard an announcement only (--churn-listen 5 tells)".to_owned()
        } else if out > 0 {
            format!("; {out} did not get in: a key was lost or doubled")
        } else {
            String::new()
        };
        self.line("  entered", &format!("{}{lost}", calls.entered));
        self.times("  INVITE to 200", calls.set_up.as_ref());
    }
}

/// All of it.
pub fn table(figures: &Figures) -> String {
    let mut t = Table(String::new());
    let plan = &figures.plan;
    t.line(
        "run",
        &format!(
            "{} calls in {} meetings of {}, {} talking, {}, {} s",
            plan.calls, plan.meetings, plan.per_meeting, plan.talkers, plan.codec, plan.seconds
        ),
    );
    if figures.valid {
        t.line("valid", "yes");
    } else {
        t.line("valid", "NO: these figures are not the bridge's");
        for why in &figures.invalid_because {
            t.line("  because", why);
        }
    }
    t.calls("calls", &figures.calls);
    if let Some(passing) = &figures.passing {
        t.calls("passing calls", passing);
    }
    t.line("microphones off and on as told", &figures.mutes.to_string());
    let d = &figures.delay;
    t.times("one-way delay", d.times.as_ref());
    t.line("  markers found", &d.markers.to_string());
    let codec_ms = d.codec_ms.map_or("unknown".to_owned(), |ms| format!("{ms:.2} ms"));
    t.line("  of it the codec's own", &format!("{codec_ms} for each time the sound is encoded"));
    let r = &figures.received;
    t.line("packets received", &format!("{} ({:.2} a call and second)", r.packets, r.packets_a_call_second));
    t.line("  missing, disordered, doubled", &format!("{}, {}, {}", r.missing, r.disordered, r.doubled));
    t.line("  gaps above 40 ms", &format!("{} in {} calls, longest time {:.1} ms", r.gaps, r.calls_with_gaps, r.longest_gap_ms));
    t.line("  calls that heard nothing", &r.silent.to_string());
    t.times("  inter-arrival jitter", r.jitter.as_ref());
    if let Some(server) = &figures.server {
        self::server(&mut t, server);
    }
    let g = &figures.generator;
    t.times("generator: late by", g.lateness.as_ref());
    t.line("generator: skipped, refused", &format!("{}, {}", g.skipped, g.refused));
    t.line(
        "generator: cost",
        &format!(
            "{:.2} us a call and 20 ms, {:.0} % of a core{}",
            g.us_a_call_tick,
            100.0 * g.core_share,
            if g.realtime { "" } else { ", without real-time priority" }
        ),
    );
    t.0
}

fn server(t: &mut Table, s: &Server) {
    t.line(
        "server: processor time",
        &format!(
            "{:.3} ms a call and second, {:.1} % of a core, {:.0} % of it in the system",
            s.cpu_ms_a_call_second,
            100.0 * s.core_share,
            s.in_system_percent
        ),
    );
    for (name, share) in &s.threads {
        t.line("  thread", &format!("{name}: {:.1} % of a core", 100.0 * share));
    }
    t.line("  context switches a second", &format!("{:.0} waited, {:.0} pushed out", s.switches_a_second.0, s.switches_a_second.1));
    t.line(
        "server: resident memory",
        &format!(
            "start {} kB, steady {} kB, peak {} kB, end {} kB; {:.1} kB a call",
            s.resident_start_kb, s.resident_steady_kb, s.resident_peak_kb, s.resident_end_kb, s.resident_kb_a_call
        ),
    );
}
