//! Load and latency of the whole bridge: a real `ljudbro serve` on loopback, called by simulated phones on real sockets.
//!
//! `cargo bench --bench load` prints a table of figures; nothing passes or fails. What it prints is as noisy as the machine: phones and bridge
//! share its cores. `cargo bench --bench load -- calls` (or `answer`, `join`, `delay`) measures one of them alone.
#![allow(clippy::disallowed_methods, reason = "a load run measures with clocks")]

mod bridge;
mod phones;

use std::sync::Arc;
use std::time::{Duration, Instant};

use ljudbro::audio::tone::Tone;
use ljudbro::sim::phone::{PhoneEvent, PhoneSettings, Source};

use bridge::Bridge;
use phones::{Driver, pulse_place};

/// Meetings of the bridge under load.
const MEETINGS: u32 = 10;

/// One measurement, by name.
type Run = (&'static str, fn(&Bridge));

fn main() {
    // `cargo test --benches` starts it too, without this word.
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if !arguments.iter().any(|argument| argument == "--bench") {
        return;
    }
    let wanted: Vec<&String> = arguments.iter().filter(|argument| !argument.starts_with("--")).collect();
    let runs: [Run; 4] = [("answer", answer), ("join", join), ("delay", delay), ("calls", calls)];
    for (name, run) in runs {
        if wanted.is_empty() || wanted.iter().any(|word| *word == name) {
            run(&Bridge::start(MEETINGS));
        }
    }
}

fn percentile(values: &mut [f64], share: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    let last = values.len().saturating_sub(1);
    values.get((last as f64 * share).round() as usize).copied().unwrap_or(f64::NAN)
}

fn table(name: &str, mut values: Vec<f64>, unit: &str) {
    let (p50, p95, p99) = (percentile(&mut values, 0.5), percentile(&mut values, 0.95), percentile(&mut values, 0.99));
    println!("{name}: p50 {p50:.2}, p95 {p95:.2}, p99 {p99:.2} {unit} ({} values)", values.len());
}

/// INVITE to 200, 500 calls at 50 a second.
fn answer(bridge: &Bridge) {
    let mut driver = Driver::new(bridge.address);
    let (mut begun, mut asked, mut waits) = (0u32, Vec::new(), Vec::new());
    let start = Instant::now();
    while begun < 500 || waits.len() < 500 {
        if begun < 500 && start.elapsed() >= Duration::from_millis(20) * begun {
            begun += 1;
            asked.push(Instant::now());
            driver.dial("sip:0480445511@127.0.0.1", |_| {});
        }
        for (phone, at, event) in driver.turn() {
            if event == PhoneEvent::Answered {
                waits.push((at - asked[phone]).as_secs_f64() * 1e3);
            }
        }
        driver.hang_up_after(Duration::from_millis(500));
        if start.elapsed() > Duration::from_secs(30) {
            println!("answer: {} of 500 calls were answered", waits.len());
            break;
        }
    }
    table("INVITE to 200 at 50 calls a second", waits, "ms");
    driver.hang_up_all();
}

/// The last key pressed to the caller's sound in the meeting.
fn join(bridge: &Bridge) {
    let (mut from_press, mut from_release) = (Vec::new(), Vec::new());
    for n in 0..10u64 {
        let mut driver = Driver::new(bridge.address);
        driver.dial(&bridge.meeting_address(0), |_| {});
        // Its announcement, "you are the first", is over by then.
        driver.run(Duration::from_secs(4));
        driver.listen(0, 1000.0);
        let id = bridge.id(0);
        // Each time on another phase of the bridge's 20 ms.
        driver.dial("sip:0480445511@127.0.0.1", |settings| settings.phase = Duration::from_micros(2_000 * n));
        driver.phone(1).play(Source::Tone(Tone::new(1000.0, -10.0)));
        driver.run(Duration::from_millis(1_500));
        driver.phone(1).press(&id);
        let last = driver.until(Duration::from_secs(6), |phone, event| phone == 1 && event == PhoneEvent::LastKey);
        driver.run(Duration::from_secs(2));
        match (last, driver.heard()) {
            (Some(last), Some(heard)) => {
                from_press.push((heard - last).as_secs_f64() * 1e3);
                from_release.push((heard - last).as_secs_f64() * 1e3 - 100.0);
            }
            (last, heard) => println!("join, round {n}: last key {}, heard {}", last.is_some(), heard.is_some()),
        }
        driver.hang_up_all();
    }
    table("last key down to audible in the meeting", from_press, "ms");
    table("last key up (100 ms later) to audible in the meeting", from_release, "ms");
}

/// What the bridge adds between two callers: from a sample leaving one phone to the same sample reaching the other, packets of 20 ms on both sides.
fn delay(bridge: &Bridge) {
    let mut added = Vec::new();
    for round in 0..2u64 {
        let mut driver = Driver::new(bridge.address);
        for pair in 0..10 {
            // Every phase of the 20 ms, for both.
            let address = bridge.meeting_address(pair);
            driver.dial(&address, |settings| settings.phase = Duration::from_micros(2_000 * u64::from(pair) + 500 * round));
            driver.dial(&address, |settings| settings.phase = Duration::from_micros(1_300 * u64::from(pair) + 700 * round));
        }
        driver.run(Duration::from_secs(7));
        for pair in 0..10 {
            driver.phone(2 * pair).play(Source::Samples(pulses()));
        }
        driver.watch_pulses();
        driver.run(Duration::from_secs(8));
        for pair in 0..10 {
            let (out, heard) = driver.pulses(2 * pair, 2 * pair + 1);
            for sent in out {
                if let Some(came) = heard.iter().find(|came| **came > sent && **came < sent + Duration::from_millis(200)) {
                    added.push((*came - sent).as_secs_f64() * 1e3);
                }
            }
        }
        driver.hang_up_all();
    }
    table("added delay between two callers", added, "ms");
}

/// A pulse of 3 ms twice a second, for 6 s.
fn pulses() -> Arc<[i16]> {
    let mut samples = vec![0i16; 48_000];
    for start in (1_000..samples.len() - 100).step_by(4_013) {
        for sample in &mut samples[start..start + 24] {
            *sample = 12_000;
        }
    }
    debug_assert!(pulse_place(&samples[1_000..1_160]) == Some(0));
    samples.into()
}

/// A hundred calls in meetings of ten.
fn calls(bridge: &Bridge) {
    println!("resident with no call: {:.1} MB", bridge.resident());
    let mut driver = Driver::new(bridge.address);
    for n in 0..100u32 {
        driver.dial(&bridge.meeting_address(n / 10), |settings: &mut PhoneSettings| {
            settings.phase = Duration::from_micros(u64::from(n % 20) * 1_000);
        });
        // One in five speaks; the others' lines are noisy or silent.
        let level = match n % 5 {
            0 => Some(-20.0),
            1 | 2 => Some(-60.0),
            _ => None,
        };
        if let Some(level) = level {
            driver.phone(n as usize).play(Source::Tone(Tone::new(300.0 + 10.0 * f64::from(n), level)));
        }
        driver.run(Duration::from_millis(20));
    }
    driver.run(Duration::from_secs(8));
    let answered = driver.talking();
    let (cpu, start) = (bridge.cpu(), Instant::now());
    driver.run(Duration::from_secs(20));
    let (used, lasted) = (bridge.cpu() - cpu, start.elapsed().as_secs_f64());
    println!("{answered} of 100 calls are up");
    println!("resident with 100 calls: {:.1} MB", bridge.resident());
    println!("processor time a call and second: {:.3} ms ({:.2} % of a core a call)", used * 1e3 / lasted / 100.0, used / lasted);
    println!("packets heard a call and second: {:.2}", driver.packets() as f64 / driver.listened() / 100.0);
    driver.hang_up_all();
}
