use super::*;
use std::f64::consts::{PI, TAU};

const PAIRS: [(Rate, Rate); 6] = [
    (Rate::Narrow, Rate::Wide),
    (Rate::Narrow, Rate::Full),
    (Rate::Wide, Rate::Full),
    (Rate::Wide, Rate::Narrow),
    (Rate::Full, Rate::Narrow),
    (Rate::Full, Rate::Wide),
];

/// Highest frequency that passes within 0.5 dB.
fn edge_hz(from: Rate, to: Rate) -> f64 {
    if from.min(to) == Rate::Narrow { 3_400.0 } else { 7_000.0 }
}

/// `ticks` of what `wave` (of the time in seconds) gives, resampled.
fn through(resampler: &mut Resampler, from: Rate, ticks: usize, wave: impl Fn(f64) -> f64) -> Vec<i16> {
    let (mut sound, mut out, mut all) = (Sound::silence(from), Sound::silence(from), Vec::new());
    for tick in 0..ticks {
        for (i, sample) in sound.samples_mut().iter_mut().enumerate() {
            *sample = wave((tick * from.frame() + i) as f64 / f64::from(from.hz())).round() as i16;
        }
        resampler.run(&sound, &mut out);
        all.extend_from_slice(out.samples());
    }
    all
}

fn tone(hz: f64, amplitude: f64) -> impl Fn(f64) -> f64 {
    move |seconds| amplitude * (TAU * hz * seconds + 0.7).sin()
}

/// Amplitude of the sine of this frequency, and its phase, turns (Hann window).
fn find(sound: &[i16], rate: Rate, hz: f64) -> (f64, f64) {
    let (mut re, mut im, mut weights) = (0.0, 0.0, 0.0);
    for (i, sample) in sound.iter().enumerate() {
        let weight = 0.5 - 0.5 * (TAU * (i as f64 + 0.5) / sound.len() as f64).cos();
        let turn = TAU * hz * i as f64 / f64::from(rate.hz());
        re += f64::from(*sample) * weight * turn.cos();
        im -= f64::from(*sample) * weight * turn.sin();
        weights += weight;
    }
    (2.0 * re.hypot(im) / weights, im.atan2(re) / TAU)
}

fn db(ratio: f64) -> f64 {
    20.0 * ratio.max(1e-9).log10()
}

/// Gain of a filter as it is in the table, at `hz` of the higher rate.
fn response<const L: usize, const T: usize>(table: &[[i16; T]; L], low_hz: f64, hz: f64) -> f64 {
    let (mut re, mut im) = (0.0, 0.0);
    for (p, phase) in table.iter().enumerate() {
        for (i, tap) in phase.iter().enumerate() {
            let turn = TAU * hz / (low_hz * L as f64) * ((T - 1 - i) * L + p) as f64;
            re += f64::from(*tap) * turn.cos();
            im -= f64::from(*tap) * turn.sin();
        }
    }
    re.hypot(im) / (f64::from(ONE) * L as f64)
}

/// Least gain of the pass band and most of the stop band, dB.
fn bands<const L: usize, const T: usize>(table: &[[i16; T]; L], low_hz: f64, edge_hz: f64) -> (f64, f64, f64) {
    let (mut least, mut most, mut stopped) = (0f64, 0f64, -200f64);
    let mut hz = 0.0;
    while hz <= low_hz * L as f64 / 2.0 {
        let gain = db(response(table, low_hz, hz));
        if hz <= edge_hz {
            (least, most) = (least.min(gain), most.max(gain));
        } else if hz >= low_hz / 2.0 {
            stopped = stopped.max(gain);
        }
        hz += 12.5;
    }
    (least, most, stopped)
}

#[test]
fn the_filters_are_flat_where_speech_is_and_closed_beyond() {
    for (least, most, stopped) in [bands(&BY_2, 8e3, 3.4e3), bands(&BY_6, 8e3, 3.4e3), bands(&BY_3, 16e3, 7e3)] {
        println!("pass band {least:.3} to {most:.3} dB, stop band {stopped:.1} dB");
        assert!(least > -0.45 && most < 0.05, "{least} {most}");
        assert!(stopped < -71.5, "{stopped}");
    }
}

#[test]
fn a_tone_keeps_its_level_and_leaves_neither_image_nor_alias() {
    for (from, to) in PAIRS {
        let lowest = f64::from(from.min(to).hz());
        for share in [0.01, 0.1, 0.33, 0.7, 0.99, 1.0] {
            let hz = edge_hz(from, to) * share;
            let out = through(&mut Resampler::new(to), from, 30, tone(hz, 16_000.0));
            let steady = &out[to.frame()..];
            let gain = db(find(steady, to, hz).0 / 16_000.0);
            assert!(gain.abs() < 0.5, "{from:?} to {to:?}, {hz} Hz: {gain} dB");
            for image in (1..=3).flat_map(|m| [m as f64 * lowest - hz, m as f64 * lowest + hz]) {
                if image < f64::from(to.hz()) / 2.0 {
                    let level = db(find(steady, to, image).0 / 16_000.0);
                    assert!(level < -72.0, "{from:?} to {to:?}, {hz} Hz: {level} dB at {image} Hz");
                }
            }
        }
    }
}

#[test]
fn what_the_lower_rate_cannot_hold_is_gone() {
    for (from, to) in PAIRS.into_iter().skip(3) {
        let half = f64::from(to.hz()) / 2.0;
        let mut hz = half;
        while hz < f64::from(from.hz()) / 2.0 {
            let out = through(&mut Resampler::new(to), from, 10, tone(hz, 30_000.0));
            let worst = out[to.frame()..].iter().map(|s| s.unsigned_abs()).max().unwrap();
            assert!(db(f64::from(worst.saturating_sub(1)) / 30_000.0) < -72.0, "{from:?} to {to:?}, {hz} Hz: {worst}");
            hz += 331.0;
        }
    }
}

#[test]
fn the_delay_is_below_five_milliseconds_and_the_same_for_all_frequencies() {
    for (from, to) in PAIRS {
        let delays = [250.0, 700.0, 1_900.0, 3_100.0].map(|hz| {
            let out = through(&mut Resampler::new(to), from, 30, |seconds| 10_000.0 * (TAU * hz * seconds).cos());
            let lag = -find(&out[to.frame()..], to, hz).1 + hz * 0.02;
            // Whole turns cannot be seen: the delay is expected between 2.3 and 4.1 ms.
            let expected = if from.min(to) == Rate::Narrow { 0.0039 } else { 0.0024 };
            (lag - (lag - hz * expected).round()) / hz * 1000.0
        });
        println!("{from:?} to {to:?}: {:.3} ms", delays[0]);
        assert!(delays.iter().all(|d| (d - delays[0]).abs() < 0.005 && *d < 4.1), "{from:?} to {to:?}: {delays:?} ms");
    }
}

#[test]
fn a_constant_comes_out_as_the_same_constant() {
    for (from, to) in PAIRS {
        for value in [1, -1, 8, 1000, i16::MAX, i16::MIN] {
            let out = through(&mut Resampler::new(to), from, 3, |_| f64::from(value));
            assert!(out[to.frame()..].iter().all(|&s| s == value), "{from:?} to {to:?}: {value}");
        }
    }
}

#[test]
fn what_would_wrap_saturates() {
    for (from, to) in PAIRS {
        let square = |seconds: f64| if (seconds * 500.0).fract() < 0.5 { 32_767.0 } else { -32_768.0 };
        let out = through(&mut Resampler::new(to), from, 10, square);
        assert!(out.contains(&i16::MAX) && out.contains(&i16::MIN));
        // 500 Hz: a wrapped sample would stand alone in half a period of the other sign.
        let inner = |half: &[i16]| half[half.len() / 4..half.len() * 3 / 4].iter().map(|s| s.signum()).collect::<Vec<_>>();
        let half = to.hz() as usize / 1000;
        let delayed = &out[to.frame()..];
        let start = delayed.windows(2).position(|pair| pair[0] < 0 && pair[1] >= 0).unwrap() + 1;
        for (n, half) in delayed[start..].chunks_exact(half).enumerate() {
            assert!(inner(half).iter().all(|&s| s == if n % 2 == 0 { 1 } else { -1 }), "{from:?} to {to:?}: {half:?}");
        }
    }
}

#[test]
fn the_loudest_noise_that_fits_the_filter_worst_stays_in_bounds() {
    // Signs of the taps at full scale: the largest sum of products there is.
    for phase in &BY_6 {
        let window: [i16; TAPS_NARROW] = std::array::from_fn(|i| if phase[i] < 0 { i16::MIN } else { i16::MAX });
        let exact: i64 = window.iter().zip(phase).map(|(a, b)| i64::from(*a) * i64::from(*b)).sum();
        let mut sum = [0];
        portable::convolve(phase, &window, &mut sum);
        assert_eq!(i64::from(sum[0]), exact);
        assert_eq!(sample(sum[0]), i16::MAX);
    }
}

#[test]
fn there_is_no_seam_between_ticks_and_a_reset_forgets() {
    for (from, to) in PAIRS {
        let mut resampler = Resampler::new(to);
        let hz = 997.0;
        let out = through(&mut resampler, from, 20, tone(hz, 12_000.0));
        let step = out[to.frame()..].windows(2).map(|p| (f64::from(p[1]) - f64::from(p[0])).abs()).fold(0.0, f64::max);
        let natural = 2.0 * 12_000.0 * (PI * hz / f64::from(to.hz())).sin();
        assert!(step < natural * 1.01 + 1.5, "{from:?} to {to:?}: {step} of {natural}");

        let mut rest = resampler.clone();
        assert!(rest.is_ringing());
        let tail = through(&mut rest, from, 2, |_| 0.0);
        assert!(tail[..to.frame() / 8].iter().any(|s| s.abs() > 3_000), "what was under way comes out");
        assert!(!rest.is_ringing() && tail[to.frame()..].iter().all(|&s| s == 0));

        resampler.reset();
        assert!(!resampler.is_ringing());
        assert!(through(&mut resampler, from, 1, |_| 0.0).iter().all(|&s| s == 0));
    }
}

#[test]
fn another_rate_begins_anew_and_the_same_rate_passes_bit_by_bit() {
    let mut resampler = Resampler::new(Rate::Wide);
    through(&mut resampler, Rate::Full, 2, tone(440.0, 9_000.0));
    let changed = through(&mut resampler, Rate::Narrow, 2, tone(440.0, 9_000.0));
    assert_eq!(changed, through(&mut Resampler::new(Rate::Wide), Rate::Narrow, 2, tone(440.0, 9_000.0)));
    let same = through(&mut resampler, Rate::Wide, 1, tone(440.0, 9_000.0));
    let wave = tone(440.0, 9_000.0);
    let exact: Vec<i16> = (0..320).map(|i| wave(i as f64 / 16_000.0).round() as i16).collect();
    assert_eq!(same, exact);
}

#[cfg(target_arch = "x86_64")]
#[test]
fn both_ways_of_summing_agree_bit_by_bit() {
    fn up<const L: usize, const T: usize>(table: &[[i16; T]; L], line: &[i16], n: usize) {
        let (mut portable, mut wide) = (vec![0; n * L], vec![0; n * L]);
        portable::up(table, &line[..n + T - 1], &mut portable);
        if avx2::up(table, &line[..n + T - 1], &mut wide) {
            assert_eq!(wide, portable, "up by {L}");
        }
    }
    fn down<const L: usize, const T: usize>(table: &[[i16; T]; L], taps: &[[i16; T]; L], line: &[i16], n: usize) {
        let (mut portable, mut wide) = (vec![0; n], vec![0; n]);
        portable::down(table, &line[..L * (n + T - 1)], &mut portable);
        if avx2::down(taps, &line[..L * (n + T - 1)], &mut wide) {
            assert_eq!(wide, portable, "down by {L}");
        }
    }
    // A linear congruential generator (Knuth's MMIX), from 1; every third line at full scale.
    let mut state = 1u64;
    for round in 0..6 {
        let line: Vec<i16> = (0..HISTORY + 960)
            .map(|_| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                let noise = (state >> 48) as u16 as i16;
                if round % 3 == 0 && noise < 0 {
                    i16::MIN
                } else if round % 3 == 0 {
                    i16::MAX
                } else {
                    noise
                }
            })
            .collect();
        up(&BY_2, &line, 160);
        up(&BY_6, &line, 160);
        up(&BY_3, &line, 320);
        down(&BY_2, &TO_HALF, &line, 160);
        down(&BY_6, &TO_SIXTH, &line, 160);
        down(&BY_3, &TO_THIRD, &line, 320);
    }
    // Signs of the taps at full scale: the largest sum there is.
    let worst: Vec<i16> = TO_SIXTH.as_flattened().iter().map(|tap| if *tap < 0 { i16::MIN } else { i16::MAX }).collect();
    down(&BY_6, &TO_SIXTH, &worst, 1);
}
