//! What is left of the speech.

use std::path::{Path, PathBuf};
use std::process::Command;

use ljudbro::audio::FRAME;
use ljudbro::audio::level::level_dbov;

/// A segment at least this loud is speech, dBov.
const SPEECH: f32 = -45.0;

/// Mean over segments of speech of the SNR, each between −10 and 35 dB.
pub fn segmental_snr(reference: &[i16], heard: &[i16]) -> f64 {
    let (mut sum, mut count) = (0.0, 0.0);
    for (said, heard) in reference.chunks_exact(FRAME).zip(heard.chunks_exact(FRAME)) {
        if level_dbov(said) < SPEECH {
            continue;
        }
        let signal: f64 = said.iter().map(|s| f64::from(*s).powi(2)).sum();
        let noise: f64 = said.iter().zip(heard).map(|(a, b)| (f64::from(*a) - f64::from(*b)).powi(2)).sum();
        sum += (10.0 * (signal / noise.max(1.0)).log10()).clamp(-10.0, 35.0);
        count += 1.0;
    }
    sum / f64::max(count, 1.0)
}

/// Stretches of more than 5 ms of digital silence where something was said.
pub fn gaps(reference: &[i16], heard: &[i16]) -> usize {
    let (mut gaps, mut length) = (0, 0);
    for (at, sample) in heard.iter().enumerate() {
        let speech = || {
            let around = at.saturating_sub(FRAME)..(at + FRAME).min(reference.len());
            level_dbov(&reference[around]) > SPEECH
        };
        if sample.unsigned_abs() <= 8 {
            length += 1;
            gaps += usize::from(length == 40 && speech() && reference[at - 39..=at].iter().any(|said| said.unsigned_abs() > 200));
        } else {
            length = 0;
        }
    }
    gaps
}

/// PESQ by Python's `pesq`, if there is one.
pub struct Judge(Option<PathBuf>);

impl Judge {
    /// `PYTHON`, or `python3`.
    pub fn find() -> Self {
        let python = PathBuf::from(std::env::var_os("PYTHON").unwrap_or("python3".into()));
        let works = Command::new(&python).args(["-c", "import pesq"]).output().is_ok_and(|output| output.status.success());
        Self(works.then_some(python))
    }

    pub fn name(&self) -> &'static str {
        if self.0.is_some() {
            "PESQ: P.862, narrowband, mean over stretches of 8 s"
        } else {
            "no PESQ: `pip install pesq` (PYTHON names the interpreter)"
        }
    }

    pub fn pesq(&self, reference: &[i16], heard: &[i16], folder: &Path) -> Option<f64> {
        let python = self.0.as_ref()?;
        for (name, samples) in [("reference.raw", reference), ("heard.raw", heard)] {
            let octets: Vec<u8> = samples.iter().flat_map(|sample| sample.to_le_bytes()).collect();
            std::fs::write(folder.join(name), octets).ok()?;
        }
        let output = Command::new(python).arg("-c").arg(SCRIPT).arg(folder).output().ok()?;
        String::from_utf8(output.stdout).ok()?.trim().parse().ok()
    }
}

const SCRIPT: &str = r#"
import sys, numpy, pesq
read = lambda name: numpy.fromfile(sys.argv[1] + "/" + name, dtype="<i2").astype("float32") / 32768
reference, heard = read("reference.raw"), read("heard.raw")
scores = []
for at in range(0, len(reference) - 64000 + 1, 64000):
    try:
        scores.append(pesq.pesq(8000, reference[at:at + 64000], heard[at:at + 64000], "nb"))
    except pesq.NoUtterancesError:
        pass
print(sum(scores) / len(scores))
"#;
