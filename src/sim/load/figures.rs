//! A run in figures: what the table, the JSON and the page show. Milliseconds unless a name says otherwise.

use std::collections::BTreeMap;

use serde::Serialize;

use super::analysis::Analysis;
use super::engine::{Failure, Run};
use super::histogram::Histogram;
use super::server::Sample;
use super::settings::{HEARS_SURELY, Settings};
use super::times::{Bars, Of, Times, ms};

/// The generator may send this much late at p99.9. A tenth of a packet's time: what a receiver of ours would hardly notice.
pub const LATE_MS: f64 = 2.0;

/// What was asked for.
#[derive(Clone, Debug, Serialize)]
pub struct Plan {
    /// Calls that stay.
    pub calls: usize,
    /// Meetings.
    pub meetings: usize,
    /// Calls in each.
    pub per_meeting: usize,
    /// Talkers in each.
    pub talkers: usize,
    /// The codec's name.
    pub codec: &'static str,
    /// How keys are sent.
    pub keys: &'static str,
    /// What listeners send.
    pub listeners_send: &'static str,
    /// Calls dialled a second.
    pub rate: f64,
    /// Length of the steady window, s.
    pub seconds: u64,
    /// Passing calls a second.
    pub churn: f64,
    /// Percent lost on the way to the bridge.
    pub loss_percent: f64,
    /// Most delay on the way to the bridge.
    pub jitter_ms: usize,
    /// What fed the random numbers.
    pub seed: u64,
}

/// How calls went.
#[derive(Clone, Debug, Serialize)]
pub struct Calls {
    /// Dialled.
    pub dialled: u64,
    /// Answered with 200.
    pub answered: u64,
    /// Up at the end of the window.
    pub up_at_end: u64,
    /// Why others failed, and how many.
    pub failures: BTreeMap<String, u64>,
    /// INVITE to 200.
    pub set_up: Option<Times>,
    /// Bars of it.
    pub set_up_bars: Bars,
    /// Heard the talkers of their meeting after keying.
    pub entered: Of,
    /// Whether the others surely did not get in. Short passing calls may have heard nothing but an announcement.
    pub entered_is_sure: bool,
}

/// What listeners received.
#[derive(Clone, Debug, Serialize)]
pub struct Received {
    /// Packets, each once.
    pub packets: u64,
    /// Packets a call and second.
    pub packets_a_call_second: f64,
    /// Numbers that never came.
    pub missing: u64,
    /// Behind a later one.
    pub disordered: u64,
    /// More than once.
    pub doubled: u64,
    /// Times above 40 ms between two packets.
    pub gaps: u64,
    /// Calls that had such.
    pub calls_with_gaps: u64,
    /// Longest time between two packets.
    pub longest_gap_ms: f64,
    /// Calls that heard nothing.
    pub silent: u64,
    /// New sources, jumps of the timestamp.
    pub restarts: u64,
    /// |Δarrival − Δtimestamp|.
    pub jitter: Option<Times>,
    /// Bars of it.
    pub jitter_bars: Bars,
}

/// How late the sound came: from the packet that brought a sample to the bridge to the packet that brought it to a listener.
#[derive(Clone, Debug, Serialize)]
pub struct Delay {
    /// One way through the bridge, the codec's own delay included.
    pub times: Option<Times>,
    /// Bars of it.
    pub bars: Bars,
    /// Markers found, of those sent to measured listeners.
    pub markers: Of,
    /// What encoder and decoder of the codec keep by themselves, once; the sound passes two pairs.
    pub codec_ms: Option<f64>,
}

/// The generator itself.
#[derive(Clone, Debug, Serialize)]
pub struct Generator {
    /// Sends later than they should be.
    pub lateness: Option<Times>,
    /// Packets left out.
    pub skipped: u64,
    /// Packets sent.
    pub sent: u64,
    /// Held back by `--loss`.
    pub lost_on_purpose: u64,
    /// Sends the system refused.
    pub refused: u64,
    /// Processor time for a call and 20 ms, µs.
    pub us_a_call_tick: f64,
    /// Share of a core.
    pub core_share: f64,
    /// Whether it ran before ordinary threads (SCHED_FIFO).
    pub realtime: bool,
}

/// The bridge's process.
#[derive(Clone, Debug, Serialize)]
pub struct Server {
    /// Processor time a call and second, ms.
    pub cpu_ms_a_call_second: f64,
    /// Share of a core.
    pub core_share: f64,
    /// Of it in the system, percent.
    pub in_system_percent: f64,
    /// Context switches a second: waited, pushed out.
    pub switches_a_second: (f64, f64),
    /// Name and share of a core of each thread that did something.
    pub threads: Vec<(String, f64)>,
    /// Resident memory before the first call, kB.
    pub resident_start_kb: u64,
    /// At its highest while this ran.
    pub resident_peak_kb: u64,
    /// In the steady window, at its end.
    pub resident_steady_kb: u64,
    /// After the last call.
    pub resident_end_kb: u64,
    /// From start to steady, for each call.
    pub resident_kb_a_call: f64,
    /// Seconds, calls, share of a core, kB: for plots.
    pub over_time: Vec<(f64, u64, f64, u64)>,
}

/// All of it.
#[derive(Clone, Debug, Serialize)]
pub struct Figures {
    /// Of this form; higher when names change.
    pub format: u32,
    /// Whether the figures are the bridge's.
    pub valid: bool,
    /// Why not.
    pub invalid_because: Vec<String>,
    /// What was asked for.
    pub plan: Plan,
    /// Those who stayed.
    pub calls: Calls,
    /// Those who came and went.
    pub passing: Option<Calls>,
    /// What was received.
    pub received: Received,
    /// How late the sound came.
    pub delay: Delay,
    /// Microphones that went off and on as they were told.
    pub mutes: Of,
    /// The bridge's process, when its pid was given.
    pub server: Option<Server>,
    /// The generator.
    pub generator: Generator,
}

impl Calls {
    /// Callers who keyed and surely did not get in: a key was lost or doubled.
    pub fn lost_keys(&self) -> u64 {
        if self.entered_is_sure { self.entered.of - self.entered.yes } else { 0 }
    }
}

impl Figures {
    /// Whether some call did not go as it should.
    pub fn has_failures(&self) -> bool {
        let bad = |calls: &Calls| !calls.failures.is_empty() || calls.lost_keys() > 0;
        bad(&self.calls) || self.passing.as_ref().is_some_and(bad) || self.mutes.yes < self.mutes.of
    }
}

/// Work it out.
pub fn figures(
    settings: &Settings,
    run: &Run,
    analysis: &Analysis,
    codec_ms: Option<f64>,
    samples: &[Sample],
    window: (u64, u64),
) -> Figures {
    let mut delays = analysis.delays.clone();
    let times = Times::of_values(&mut delays);
    let delay = Delay { times, bars: Bars::of_values(&delays), markers: analysis.markers, codec_ms };
    let seconds = (run.window.1.saturating_sub(run.window.0)) as f64 / 1e9;
    let heard = &run.heard;
    let calls = run.up.1.max(1) as f64;
    let received = Received {
        packets: heard.packets,
        packets_a_call_second: heard.packets as f64 / calls / seconds.max(1e-9),
        missing: heard.missing,
        disordered: heard.disordered,
        doubled: heard.doubled,
        gaps: heard.gaps,
        calls_with_gaps: heard.calls_with_gaps,
        longest_gap_ms: ms(heard.longest_gap),
        silent: heard.silent,
        restarts: heard.restarts,
        jitter: Times::of(&heard.jitter),
        jitter_bars: Bars::of(&heard.jitter),
    };
    let own = &run.own;
    let generator = Generator {
        lateness: Times::of(&own.lateness),
        skipped: own.skipped,
        sent: own.sent,
        lost_on_purpose: own.lost,
        refused: own.refused,
        // Passing calls send too; who sends nothing while silent costs all the same.
        us_a_call_tick: own.spent as f64 / 1e3 / ((own.sent + own.lost) as f64).max(calls * seconds * 50.0).max(1.0),
        core_share: own.spent as f64 / 1e9 / seconds.max(1e-9),
        realtime: own.first,
    };
    let invalid_because = faults(run, &generator);
    Figures {
        format: 1,
        valid: invalid_because.is_empty(),
        invalid_because,
        plan: plan(settings),
        calls: of_calls(run.callers.len() as u64, run.up.1, &run.set_up, &run.failures, (analysis.entered, true)),
        passing: (settings.churn > 0.0).then(|| {
            of_calls(
                run.passing.0,
                0,
                &run.passing_set_up,
                &run.passing_failures,
                (analysis.passing_entered, settings.passing >= HEARS_SURELY),
            )
        }),
        received,
        delay,
        mutes: analysis.mutes,
        server: of_server(samples, window),
        generator,
    }
}

/// Why the figures would not be the bridge's.
fn faults(run: &Run, generator: &Generator) -> Vec<String> {
    let mut faults = Vec::new();
    let mut fault = |is: bool, why: String| {
        if is {
            faults.push(why);
        }
    };
    let late = generator.lateness.as_ref().map_or(0.0, |late| late.p999_ms);
    fault(late > LATE_MS, format!("the generator itself was late: p99.9 {late:.2} ms, at most {LATE_MS} ms may be"));
    fault(generator.skipped > 0, format!("the generator left out {} packets because it came too late", generator.skipped));
    fault(generator.refused > 0, format!("the system refused {} of the generator's packets", generator.refused));
    fault(run.own.no_sockets > 0, format!("{} passing calls were not made: no sockets were left", run.own.no_sockets));
    fault(run.own.clock_set > 0, "the wall clock was set meanwhile".to_owned());
    fault(run.stopped, "it was ended early".to_owned());
    fault(run.window.0 == 0, "nobody got in: there was nothing to measure".to_owned());
    faults
}

fn plan(settings: &Settings) -> Plan {
    use super::stream::Background;
    use crate::sim::phone::KeyMethod;
    Plan {
        calls: settings.calls,
        meetings: settings.meetings(),
        per_meeting: settings.per_meeting,
        talkers: settings.talkers,
        codec: settings.codec.name(),
        keys: match (settings.direct.is_some(), settings.keys_by) {
            (true, _) => "none (dialled directly)",
            (_, KeyMethod::Rfc4733) => "telephone events",
            (_, KeyMethod::Info) => "INFO",
            (_, KeyMethod::InBand) => "tones",
        },
        listeners_send: match settings.background {
            Background::Noise => "quiet noise",
            Background::Silence => "silence",
            Background::Nothing => "nothing",
        },
        rate: settings.rate,
        seconds: settings.seconds,
        churn: settings.churn,
        loss_percent: settings.loss * 100.0,
        jitter_ms: settings.jitter_ms,
        seed: settings.seed,
    }
}

fn of_calls(dialled: u64, up_at_end: u64, set_up: &Histogram, failures: &BTreeMap<Failure, u64>, entered: (Of, bool)) -> Calls {
    Calls {
        dialled,
        answered: set_up.count(),
        up_at_end,
        failures: failures.iter().map(|(why, count)| (why.words(), *count)).collect(),
        set_up: Times::of(set_up),
        set_up_bars: Bars::of(set_up),
        entered: entered.0,
        entered_is_sure: entered.1,
    }
}

/// `window` on the steady clock.
fn of_server(samples: &[Sample], window: (u64, u64)) -> Option<Server> {
    let (start, end) = (samples.first()?, samples.last()?);
    let mut within = samples.iter().filter(|sample| sample.at >= window.0 && sample.at <= window.1);
    let first = within.next()?;
    let last = within.next_back()?;
    let seconds = (last.at - first.at) as f64 / 1e9;
    let spent = last.cpu.saturating_sub(first.cpu) as f64;
    // Each stretch between two looks with the calls of its end.
    let call_seconds: f64 = samples
        .windows(2)
        .filter(|pair| pair[0].at >= first.at && pair[1].at <= last.at)
        .map(|pair| (pair[0].calls + pair[1].calls) as f64 / 2.0 * (pair[1].at - pair[0].at) as f64 / 1e9)
        .sum();
    let share = |spent: f64| spent / 1e9 / seconds;
    let before = |name: &String| first.by_thread.iter().filter(|(other, _)| other == name).map(|(_, spent)| spent).sum::<u64>();
    let mut threads: BTreeMap<String, u64> = BTreeMap::new();
    for (name, spent) in &last.by_thread {
        *threads.entry(name.clone()).or_default() += spent;
    }
    let threads = threads.into_iter().map(|(name, spent)| {
        let spent = spent.saturating_sub(before(&name));
        (name, share(spent as f64))
    });
    Some(Server {
        cpu_ms_a_call_second: spent / 1e6 / call_seconds.max(1e-9),
        core_share: share(spent),
        in_system_percent: 100.0 * last.in_system,
        switches_a_second: (
            last.switches.0.saturating_sub(first.switches.0) as f64 / seconds,
            last.switches.1.saturating_sub(first.switches.1) as f64 / seconds,
        ),
        threads: threads.filter(|(_, share)| *share > 0.000_5).collect(),
        resident_start_kb: start.resident,
        resident_peak_kb: samples.iter().map(|sample| sample.resident).max().unwrap_or(0),
        resident_steady_kb: last.resident,
        resident_end_kb: end.resident,
        resident_kb_a_call: last.resident.saturating_sub(start.resident) as f64 / last.calls.max(1) as f64,
        over_time: samples
            .windows(2)
            .map(|pair| {
                let apart = (pair[1].at - pair[0].at).max(1) as f64;
                let spent = pair[1].cpu.saturating_sub(pair[0].cpu) as f64;
                ((pair[1].at - start.at) as f64 / 1e9, pair[1].calls, spent / apart, pair[1].resident)
            })
            .collect(),
    })
}
