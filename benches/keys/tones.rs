//! Keys that must be heard: the parts of the Mitel tape, ITU-T Q.24's limits one by one and together, damage by packet networks.

use crate::Settings;
use crate::signals::damage::{Instead, echo, lose};
use crate::signals::score::{Score, Truth, hear, quantile};
use crate::signals::{Law, Press, Rng, add_noise, add_sine};

fn print(name: &str, score: &Score) {
    let (delays, leaks) = (&score.delays, &score.leaks);
    println!(
        "{name:<58} {:>8} {:>9.3} {:>7} {:>6} {:>6.1} {:>6.1} {:>7.1} {:>6.1}",
        score.cases,
        score.heard_percent(),
        score.doubled,
        score.wrong,
        quantile(delays, 0.5),
        quantile(delays, 0.95),
        quantile(leaks, 0.95),
        quantile(leaks, 1.0),
    );
}

/// What lies on the line beside the keys.
type Line = fn(&mut Vec<f64>, &Press, &mut Rng);

fn clean(_: &mut Vec<f64>, _: &Press, _: &mut Rng) {}

/// Noise this far below a press.
fn noise(sound: &mut [f64], press: &Press, db: f64, rng: &mut Rng) {
    add_noise(sound, press.rms() * 10f64.powf(-db / 20.0), rng);
}

fn row(name: &str, n: usize, rng: &mut Rng, mut make: impl FnMut(&mut Rng) -> Press, line: Line) {
    let mut score = Score::default();
    for _ in 0..n {
        let press = make(rng);
        let at = rng.range(1_600.0, 1_920.0);
        let mut sound = vec![0.0; 3_200 + (press.ms * 8.0) as usize];
        press.add(&mut sound, at, rng);
        line(&mut sound, &press, rng);
        let heard = hear(&rng.of(&Law::ALL).pass(&sound));
        score.add(&heard, &[Truth { key: press.key, from: at, to: at + press.ms * 8.0 }]);
    }
    print(name, &score);
}

fn anywhere(rng: &mut Rng) -> Press {
    let (ms, level, twist, edge) = (rng.range(40.0, 120.0), rng.range(-17.0, 0.0), rng.range(-8.0, 6.0), rng.range(0.0, 4.0));
    let (low, high) = (rng.range(-0.015, 0.015), rng.range(-0.015, 0.015));
    Press::random(rng, ms).off(low, high).level(level, twist).edge(edge)
}

/// Every parameter at its limit.
fn cornered(rng: &mut Rng) -> Press {
    let twist = rng.of(&[-8.0, 4.0, 6.0, -6.0]);
    let (low, high) = (rng.of(&[-0.015, 0.015]), rng.of(&[-0.015, 0.015]));
    Press::random(rng, 40.0).off(low, high).level(-25.0 + f64::abs(twist), twist)
}

pub fn rows(settings: &Settings) {
    let (n, rng) = (settings.cases, &mut Rng::new(settings.seed));
    row("all keys, 50 ms", n, rng, |rng| Press::random(rng, 50.0), clean);
    for off in [0.1, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 3.5, 4.0, 5.0, 6.0] {
        let part = off / 100.0;
        let name = format!("bandwidth: one tone ±{off} %{}", if off > 1.5 { " (need not be heard)" } else { "" });
        row(
            &name,
            n / 4 + 1,
            rng,
            |rng| {
                let off = part * rng.of(&[-1.0, 1.0]);
                let (low, high) = rng.of(&[(off, 0.0), (0.0, off)]);
                Press::random(rng, 50.0).off(low, high)
            },
            clean,
        );
    }
    row(
        "twist -8 to +4 dB",
        n,
        rng,
        |rng| {
            let t = rng.range(-8.0, 4.0);
            Press::random(rng, 50.0).level(-6.0, t)
        },
        clean,
    );
    row(
        "twist -6 to +6 dB",
        n,
        rng,
        |rng| {
            let t = rng.range(-6.0, 6.0);
            Press::random(rng, 50.0).level(-6.0, t)
        },
        clean,
    );
    row(
        "level 0 to -25 dBm0",
        n,
        rng,
        |rng| {
            let l = rng.range(-25.0, 0.0);
            Press::random(rng, 50.0).level(l, 0.0)
        },
        clean,
    );
    row(
        "level +1 to +3 dBm0, clipped",
        n,
        rng,
        |rng| {
            let l = rng.range(1.0, 3.0);
            Press::random(rng, 50.0).level(l, 0.0)
        },
        clean,
    );
    row(
        "level -25 to -36 dBm0 (need not be heard)",
        n / 4 + 1,
        rng,
        |rng| {
            let l = rng.range(-36.0, -25.0);
            Press::random(rng, 50.0).level(l, 0.0)
        },
        clean,
    );
    for ms in [23.0, 25.0, 28.0, 30.0, 35.0, 40.0] {
        let name = format!("guard time: {ms} ms{}", if ms < 40.0 { " (need not be heard)" } else { "" });
        row(&name, n / 4 + 1, rng, |rng| Press::random(rng, ms), clean);
    }
    row("noise 24 dB below", n, rng, |rng| Press::random(rng, 50.0), |sound, press, rng| noise(sound, press, 24.0, rng));
    row("noise 18 dB below", n, rng, |rng| Press::random(rng, 50.0), |sound, press, rng| noise(sound, press, 18.0, rng));
    row("noise 15 dB below", n, rng, |rng| Press::random(rng, 40.0), |sound, press, rng| noise(sound, press, 15.0, rng));
    row(
        "noise 12 dB below (need not be heard)",
        n,
        rng,
        |rng| Press::random(rng, 50.0),
        |sound, press, rng| noise(sound, press, 12.0, rng),
    );
    let quiet = |rng: &mut Rng| Press { ms: rng.range(40.0, 60.0), ..anywhere(rng) }.level(-12.0, 0.0);
    row("dial tone 425 Hz, as loud as a tone", n, rng, quiet, |sound, press, rng| dial(sound, &[425.0], press.dbm0[0], rng));
    row("dial tone 350+440 Hz, each as loud as a tone", n, rng, quiet, |sound, press, rng| {
        dial(sound, &[350.0, 440.0], press.dbm0[0], rng)
    });
    row("dial tone 350+440 Hz, each 6 dB louder", n, rng, quiet, |sound, press, rng| {
        dial(sound, &[350.0, 440.0], press.dbm0[0] + 6.0, rng)
    });
    row("echo 10 dB below, 2 to 20 ms later", n, rng, anywhere, |sound, _, rng| echo(sound, 16 + rng.below(144), 10.0));
    row("edges of 7 ms", n, rng, |rng| anywhere(rng).edge(7.0), clean);
    row("Q.24: all parameters anywhere, noise 15 to 40 dB below", n * 5, rng, anywhere, |sound, press, rng| {
        let db = rng.range(15.0, 40.0);
        noise(sound, press, db, rng);
    });
    row("Q.24: all parameters at their edge, noise 15 dB below", n * 5, rng, cornered, |sound, press, rng| noise(sound, press, 15.0, rng));
    sequences(settings);
}

fn dial(sound: &mut [f64], hz: &[f64], dbm0: f64, rng: &mut Rng) {
    for hz in hz {
        add_sine(sound, *hz, dbm0, rng.range(0.0, 6.0));
    }
}

/// Ten keys one after the other, often the same one twice.
fn sequence(rng: &mut Rng, press_ms: (f64, f64), pause_ms: (f64, f64), edgy: bool) -> (Vec<f64>, Vec<Truth>, Press) {
    let (mut sound, mut truths) = (vec![0.0; 22_000], Vec::new());
    let mut at = rng.range(800.0, 1_000.0);
    let mut press = anywhere(rng);
    for _ in 0..10 {
        let ms = rng.range(press_ms.0, press_ms.1);
        press = if rng.chance(0.3) { press } else { if edgy { cornered(rng) } else { anywhere(rng).level(-8.0, rng.range(-3.0, 3.0)) } };
        press = Press { ms, ..press };
        press.add(&mut sound, at, rng);
        truths.push(Truth { key: press.key, from: at, to: at + ms * 8.0 });
        at += (ms + rng.range(pause_ms.0, pause_ms.1)) * 8.0;
    }
    (sound, truths, press)
}

fn sequences(settings: &Settings) {
    let (n, rng) = (settings.cases / 4 + 1, &mut Rng::new(settings.seed ^ 0x5e9));
    let mut score = Score::default();
    for _ in 0..n {
        let (mut sound, truths, press) = sequence(rng, (40.0, 53.0), (40.0, 53.0), true);
        noise(&mut sound, &press, 17.0, rng);
        score.add(&hear(&rng.of(&Law::ALL).pass(&sound)), &truths);
    }
    print("93 ms a digit, pauses from 40 ms, all at their edge", &score);
    let mut score = Score::default();
    for _ in 0..n {
        let (mut sound, truths, _) = sequence(rng, (45.0, 53.0), (40.0, 53.0), false);
        let delay = 16 + rng.below(144);
        echo(&mut sound, delay, 10.0);
        score.add(&hear(&rng.of(&Law::ALL).pass(&sound)), &truths);
    }
    print("the same with an echo 10 dB below, 2 to 20 ms later", &score);
    let mut score = Score::default();
    for _ in 0..n {
        let (mut sound, truths, press) = sequence(rng, (40.0, 53.0), (0.0, 0.0), false);
        noise(&mut sound, &press, 17.0, rng);
        let truths: Vec<Truth> = truths.into_iter().fold(Vec::new(), |mut all: Vec<Truth>, truth| {
            match all.last_mut() {
                Some(last) if last.key == truth.key => last.to = truth.to,
                _ => all.push(truth),
            }
            all
        });
        score.add(&hear(&rng.of(&Law::ALL).pass(&sound)), &truths);
    }
    print("no pause between different keys (need not be heard)", &score);
    let mut score = Score::default();
    for _ in 0..n {
        let (mut sound, truths, _) = sequence(rng, (50.0, 120.0), (50.0, 120.0), false);
        for truth in &truths {
            let gap = rng.range(1.0, 10.0) * 8.0;
            let at = rng.range(truth.from, truth.to - gap);
            sound[at as usize..(at + gap) as usize].fill(0.0);
        }
        score.add(&hear(&rng.of(&Law::ALL).pass(&sound)), &truths);
    }
    print("interruption of 1 to 10 ms in each of 50 to 120 ms", &score);
    for rate in [0.01, 0.03, 0.05] {
        for instead in [Instead::Silence, Instead::Repetition, Instead::Nothing] {
            let mut score = Score::default();
            for _ in 0..n {
                let (sound, truths, _) = sequence(rng, (70.0, 120.0), (70.0, 120.0), false);
                let damaged = lose(&sound, rate, instead, rng);
                let moved = |t: &Truth| Truth { key: t.key, from: damaged.time(t.from), to: damaged.time(t.to) };
                let truths: Vec<Truth> = truths.iter().map(moved).collect();
                score.add(&hear(&rng.of(&Law::ALL).pass(&damaged.sound)), &truths);
            }
            print(&format!("loss {:.0} %, instead: {instead:?}", rate * 100.0), &score);
        }
    }
}
