//! What `/metrics` says. Labels are names from lists in the source and numbers of workers: never a call, a number, an ID, an address.

use std::fmt;
use std::sync::Arc;
use std::time::UNIX_EPOCH;

use super::text::{self, Labels, Page, seconds};
use crate::bridge::figures::{self, Named};
use crate::bridge::{Admission, ControlFigures, SipFigures};
use crate::run::board::{self, Board, WorkerFigures};
use crate::run::process;

/// A second of sound at 8 kHz.
const SAMPLES: f64 = 8_000.0;

/// The whole page.
pub(super) fn page(board: Arc<Board>) -> Result<String, fmt::Error> {
    text::page(board, ours, others)
}

fn ours(board: &Board, mut page: Page<'_>) -> fmt::Result {
    page.info("build", "The program.", &vec![("version", env!("CARGO_PKG_VERSION").to_owned())])?;
    workers(board, &mut page)?;
    sound(board, &mut page)?;
    calls(&board.control(), &mut page)?;
    let incidents = board.counters().all();
    let rows = incidents.into_iter().map(|(what, count)| (vec![("what", what.to_owned())], count));
    page.counter("incidents", "What went wrong or was turned away, as in the log.", rows)
}

/// Each worker with its label.
fn each<'a, V>(board: &'a Board, value: impl Fn(&WorkerFigures) -> V + 'a) -> impl Iterator<Item = (Labels, V)> + 'a {
    by_place(board, move |worker| value(&board.worker(worker)))
}

/// The same, by the worker's place on the board.
fn by_place<'a, V>(board: &'a Board, value: impl Fn(usize) -> V + 'a) -> impl Iterator<Item = (Labels, V)> + 'a {
    (0..board.workers()).map(move |worker| (vec![("worker", worker.to_string())], value(worker)))
}

fn workers(board: &Board, page: &mut Page<'_>) -> fmt::Result {
    let up = by_place(board, |worker| f64::from(u8::from(board.is_alive(worker))));
    page.gauge("worker_up", "1 while the media worker's thread is there.", up)?;
    let loads = by_place(board, |worker| f64::from(board.burden(worker).load));
    page.gauge("worker_load_ratio", "Share of time in which something was due and not done, smoothed.", loads)?;
    let outlooks = by_place(board, |worker| f64::from(board.burden(worker).outlook));
    page.gauge("worker_outlook_ratio", "What the load will be when all who were let in are in their meetings.", outlooks)?;
    let admits = by_place(board, |worker| f64::from(u8::from(board.burden(worker).admits)));
    page.gauge("worker_admits", "1 while the worker takes new calls; 0 when it is near its budget.", admits)?;
    page.gauge("worker_legs", "Legs: sound paths of calls.", each(board, |worker| worker.media.legs as f64))?;
    page.gauge("worker_meetings", "Meetings with somebody in them.", each(board, |worker| worker.media.meetings as f64))?;
    page.counter("worker_wakes", "Wakes: one every 5 ms while there are legs.", each(board, |worker| worker.wakes))?;
    page.counter(
        "worker_wakes_skipped",
        "Wakes left out, since the one before took too long or came too late.",
        each(board, |worker| worker.skipped),
    )?;
    page.counter(
        "worker_turns_missed",
        "Turns of legs that passed unused: 20 ms of sound lost both ways, each.",
        each(board, |worker| worker.media.turns_missed),
    )?;
    page.amount("worker_busy_seconds", "Time spent in wakes.", each(board, |worker| seconds(worker.tick.sum)))?;
    page.histogram(
        "worker_tick_seconds",
        "How long a wake takes; the next is due after 5 ms.",
        &board::TICK,
        each(board, |worker| worker.tick),
    )?;
    page.histogram("worker_lateness_seconds", "How late a wake comes.", &board::LATENESS, each(board, |worker| worker.lateness))
}

fn sound(board: &Board, page: &mut Page<'_>) -> fmt::Result {
    page.counter("rtp_packets_received", "RTP packets taken.", each(board, |worker| worker.media.received))?;
    page.counter(
        "rtp_bytes_received",
        "Octets of all datagrams that came to RTP ports.",
        each(board, |worker| worker.media.octets_received),
    )?;
    page.counter("rtp_packets_sent", "RTP packets sent.", each(board, |worker| worker.media.sent))?;
    page.counter("rtp_bytes_sent", "Octets of them, with their RTP headers.", each(board, |worker| worker.media.octets_sent))?;
    page.counter("rtp_packets_lost", "Packets missing in their sequence.", each(board, |worker| worker.media.lost))?;
    page.counter("rtp_packets_late", "Packets that came after their turn.", each(board, |worker| worker.media.late))?;
    page.counter("rtp_packets_duplicate", "Packets that came twice.", each(board, |worker| worker.media.duplicates))?;
    page.counter("rtp_packets_reordered", "Packets that came behind a newer one.", each(board, |worker| worker.media.reordered))?;
    page.counter(
        "rtp_packets_refused",
        "Datagrams not taken: from elsewhere, of an unknown kind, broken.",
        each(board, |worker| worker.media.refused),
    )?;
    page.amount(
        "sound_concealed_seconds",
        "Sound made up in place of what did not come in time.",
        each(board, |worker| worker.media.concealed as f64 / SAMPLES),
    )?;
    page.amount("sound_shed_seconds", "Sound taken out to shed delay.", each(board, |worker| worker.media.shed as f64 / SAMPLES))?;
    page.amount("sound_stretched_seconds", "Sound put in to wait longer.", each(board, |worker| worker.media.stretched as f64 / SAMPLES))?;
    page.counter("sound_gaps", "Stretches of made-up sound.", each(board, |worker| worker.media.gaps))?;
    page.histogram(
        "jitter_seconds",
        "Interarrival jitter (RFC 3550), of each leg that something comes from, once a second.",
        &figures::JITTER,
        each(board, |worker| worker.media.jitter),
    )?;
    page.histogram(
        "buffer_delay_seconds",
        "Sound that waits in the jitter buffer after a tick, of each such leg, once a second.",
        &figures::DELAY,
        each(board, |worker| worker.media.delay),
    )?;
    page.histogram(
        "tick_wait_seconds",
        "How long packets wait for their tick on average, of each such leg, once a second.",
        &figures::WAIT,
        each(board, |worker| worker.media.wait),
    )
}

/// Each name of a list with its label.
fn named<const N: usize>(label: &'static str, list: &Named<N>) -> Vec<(Labels, u64)> {
    list.each().map(|(name, count)| (vec![(label, name.to_owned())], count)).collect()
}

fn calls(control: &ControlFigures, page: &mut Page<'_>) -> fmt::Result {
    let plain = Labels::new;
    let standing = named("state", &control.calls).into_iter().map(|(labels, count)| (labels, count as f64));
    page.gauge("calls", "Calls now, by how far they have come.", standing)?;
    page.gauge("calls_most", "Calls there may be at once.", [(plain(), control.most_calls as f64)])?;
    page.gauge("participants", "Participants of all meetings.", [(plain(), control.participants as f64)])?;
    let admissions =
        [(Admission::Open, "open"), (Admission::Full, "full"), (Admission::Overloaded, "overloaded"), (Admission::Stopping, "stopping")];
    let rows = admissions.map(|(one, name)| (vec![("state", name.to_owned())], f64::from(u8::from(one == control.admission))));
    page.gauge("admission", "1 at what becomes of a new call now.", rows)?;
    page.counter("calls_begun", "Calls that came and were not refused, by where they went.", named("way", &control.begun))?;
    page.counter("calls_refused", "Calls refused before they were answered, by status code.", named("status", &control.refused))?;
    page.counter("calls_answered", "Calls answered.", [(plain(), control.answered)])?;
    page.counter("calls_ended", "Calls over, by why.", named("cause", &control.ended))?;
    page.counter("keys", "Keys heard, by the way they came: media is telephone events or tones.", named("way", &control.keys))?;
    page.counter("sip_requests", "SIP requests.", both(control, |sip| named("method", &sip.requests)))?;
    page.counter("sip_responses", "SIP responses.", both(control, |sip| named("status", &sip.responses)))
}

/// Both directions.
fn both(control: &ControlFigures, rows: impl Fn(&SipFigures) -> Vec<(Labels, u64)>) -> Vec<(Labels, u64)> {
    let mut all = Vec::new();
    for (direction, sip) in [("received", &control.came), ("sent", &control.sent)] {
        all.extend(rows(sip).into_iter().map(|(mut labels, count)| {
            labels.push(("direction", direction.to_owned()));
            (labels, count)
        }));
    }
    all
}

/// What every process says of itself, under the names that all of Prometheus's own libraries use.
fn others(board: &Board, mut page: Page<'_>) -> fmt::Result {
    let process = process::look();
    let one = |value: f64| [(Labels::new(), value)];
    let started = board.started().duration_since(UNIX_EPOCH).unwrap_or_default();
    page.amount("process_cpu_seconds", "Processor time.", one(process.cpu.as_secs_f64()))?;
    page.gauge("process_resident_memory_bytes", "Memory in use.", one(process.resident as f64))?;
    page.gauge("process_virtual_memory_bytes", "Address space.", one(process.virtual_memory as f64))?;
    page.gauge("process_open_fds", "Open files.", one(process.open_files as f64))?;
    page.gauge("process_max_fds", "Open files there may be.", one(process.most_files as f64))?;
    page.gauge("process_threads", "Threads.", one(process.threads as f64))?;
    page.gauge("process_start_time_seconds", "When it started, seconds since 1970.", one(started.as_secs_f64()))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn text() -> String {
        page(Board::new(2, Arc::default())).unwrap()
    }

    #[test]
    fn every_figure_is_named_as_the_house_names_them_and_only_once() {
        let text = text();
        let mut names = BTreeSet::new();
        for line in text.lines().filter_map(|line| line.strip_prefix("# TYPE ")) {
            let (name, kind) = line.split_once(' ').unwrap();
            assert!(name.starts_with("ljudbro_") || name.starts_with("process_"), "{name}");
            assert_eq!(name.ends_with("_total"), kind == "counter", "{line}");
            assert!(kind != "histogram" || name.ends_with("_seconds"), "{line}");
            assert!(names.insert(name), "{name} twice");
        }
        assert!(names.len() > 40, "{names:?}");
        for name in ["ljudbro_worker_tick_seconds", "ljudbro_worker_up", "ljudbro_rtp_packets_lost_total"] {
            assert!(names.contains(name));
        }
    }

    #[test]
    fn every_sample_has_a_value_and_every_worker_its_row() {
        let text = text();
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let (_, value) = line.rsplit_once(' ').unwrap();
            assert!(value.parse::<f64>().is_ok_and(f64::is_finite), "{line}");
        }
        for worker in 0..2 {
            assert!(text.contains(&format!("ljudbro_worker_legs{{worker=\"{worker}\"}} 0.0\n")), "{text}");
        }
        assert!(text.contains("ljudbro_incidents_total{what=\"ports_exhausted\"} 0\n"));
        assert!(text.contains("ljudbro_admission{state=\"open\"} 1.0\n"));
        assert!(text.contains("ljudbro_sip_requests_total{method=\"INVITE\",direction=\"received\"} 0\n"));
    }
}
