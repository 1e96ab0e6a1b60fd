//! How speech comes through bad lines: `cargo bench --bench quality`. One table: each kind of line, for a plain receiver (a fixed buffer of 40 ms,
//! silence where nothing came) and for ours, over the same packets.
//!
//! Columns: segmental SNR against what was said (20 ms segments of speech, −10 to 35 dB), PESQ (ITU-T P.862, by the Python package `pesq`, where it is
//! installed), share of made-up sound, delay beyond the tick (median, most, and at the end, when the line has been clean for 5 s), gaps of more than 5 ms of silence
//! inside speech. Pictures of the delay and of one lost packet are written beside the build. Seeds are fixed: the same packets every time.
#![allow(clippy::unwrap_used, reason = "a bench that cannot go on stops")]

mod line;
mod measure;
mod picture;
mod speech;

use std::path::PathBuf;

use line::{Line, Network, Run};

const NETWORKS: [Network; 12] = [
    Network::CLEAN,
    Network { name: "1 % lost", loss: 0.01, ..Network::CLEAN },
    Network { name: "3 % lost", loss: 0.03, ..Network::CLEAN },
    Network { name: "5 % lost", loss: 0.05, ..Network::CLEAN },
    Network { name: "10 % lost", loss: 0.10, ..Network::CLEAN },
    Network { name: "2 % in bursts of 2–5", loss: 0.02, burst: (2, 5), ..Network::CLEAN },
    Network { name: "jitter 10 ms", jitter_us: 10_000, ..Network::CLEAN },
    Network { name: "jitter 30 ms", jitter_us: 30_000, ..Network::CLEAN },
    Network { name: "jitter 60 ms", jitter_us: 60_000, ..Network::CLEAN },
    Network { name: "mobile: 30 ms, 2 %, stalls", jitter_us: 30_000, loss: 0.02, stall_ms: 150, ..Network::CLEAN },
    Network { name: "drift +500 ppm", ppm: 500.0, ..Network::CLEAN },
    Network { name: "drift −500 ppm", ppm: -500.0, ..Network::CLEAN },
];

fn main() {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("quality");
    std::fs::create_dir_all(&folder).unwrap();
    let (said, source) = speech::speech();
    println!("{:.0} s of speech: {source}", said.len() as f64 / 8000.0);
    let judge = measure::Judge::find();
    println!("{}", judge.name());
    println!(
        "{:<28} {:<6} {:>8} {:>6} {:>8} {:>9} {:>9} {:>9} {:>5}",
        "line", "", "SNR dB", "PESQ", "made up", "delay p50", "most ms", "after ms", "gaps"
    );
    for network in NETWORKS {
        for (name, ours) in [("plain", false), ("ours", true)] {
            let run = Line::new(network, &said).run(ours);
            print(&network, name, &run, &judge, &folder);
            if network.stall_ms > 0 || network.jitter_us == 60_000 {
                let file = folder.join(format!("delay-{}-{name}.svg", network.name.replace([' ', ',', ':'], "")));
                std::fs::write(file, picture::delay(&run.delays, network.name)).unwrap();
            }
        }
    }
    let gap = folder.join("gap.svg");
    std::fs::write(&gap, picture::gap(&said)).unwrap();
    println!("pictures: {}", folder.display());
}

fn print(network: &Network, name: &str, run: &Run, judge: &measure::Judge, folder: &std::path::Path) {
    let snr = measure::segmental_snr(&run.reference, &run.heard);
    let pesq = judge.pesq(&run.reference, &run.heard, folder).map_or("–".to_owned(), |score| format!("{score:.2}"));
    let mut delays: Vec<f64> = run.delays.iter().map(|(_, ms)| *ms).collect();
    let after = delays.last().copied().unwrap_or(0.0);
    delays.sort_by(f64::total_cmp);
    println!(
        "{:<28} {:<6} {:>8.1} {:>6} {:>6.1} % {:>9.1} {:>9.1} {:>9.1} {:>5}",
        network.name,
        name,
        snr,
        pesq,
        100.0 * run.made_up as f64 / run.heard.len() as f64,
        delays[delays.len() / 2],
        delays.last().unwrap(),
        after,
        measure::gaps(&run.reference, &run.heard),
    );
}
