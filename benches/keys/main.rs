//! The acceptance suite of the key detector: one table over signals it makes itself, in the manner of the Mitel CM7291 tape, ITU-T Q.24's corners,
//! damage by packet networks, what must be refused, and talk-off. `cargo bench --bench keys -- --hours 2 --seed 7 --cases 20000`.
//!
//! Goals (issue "Every word and every key, on a bad line"): in-spec keys ≥ 99.9 % heard, none doubled, report within 40 ms at p95 (counted from the onset to the end of the
//! tick that reports), at most 15 ms of a tone outside what is muted, false keys ≤ 0.3 an hour of speech and ≤ 3 an hour of sustained vowels.

#[path = "../../tests/signals/mod.rs"]
mod signals;
mod talk_off;
mod tones;

/// What the command line asks for.
struct Settings {
    cases: usize,
    hours: f64,
    seed: u64,
}

fn main() {
    let mut settings = Settings { cases: 2_000, hours: 0.5, seed: 1 };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        // Cargo itself says `--bench`.
        let value = match word.as_str() {
            "--cases" | "--hours" | "--seed" => words.next().and_then(|value| value.parse::<f64>().ok()),
            _ => continue,
        };
        let Some(value) = value else {
            eprintln!("{word} wants a number");
            std::process::exit(2);
        };
        match word.as_str() {
            "--cases" => settings.cases = value.max(1.0) as usize,
            "--hours" => settings.hours = value.max(0.001),
            _ => settings.seed = value as u64,
        }
    }
    println!(
        "{:<58} {:>8} {:>9} {:>7} {:>6} {:>6} {:>6} {:>14}",
        "", "cases", "heard %", "doubled", "false", "p50", "p95", "leak p95, max"
    );
    tones::rows(&settings);
    talk_off::rows(&settings);
}
