//! What is said: the built-in Swedish prompts, and espeak-ng's voices where it is installed.

use std::process::Command;

use ljudbro::media::PromptId;
use ljudbro::media::prompt::built_in;
use ljudbro::media::prompt::resample::to_telephone;

/// Voice, pitch, speed and words.
const ESPEAK: [(&str, &str, &str, &str); 4] = [
    (
        "sv",
        "35",
        "150",
        "Hej, det är Anders. Jag ringer om min mammas läkemedel; hon har fått yrsel sedan i måndags och sover dåligt om nätterna.",
    ),
    (
        "sv+f3",
        "70",
        "170",
        "Välkommen till mötet. Vi väntar på sjuksköterskan från vårdcentralen, sedan går vi igenom planen för hemgången.",
    ),
    (
        "en",
        "45",
        "160",
        "Good morning. Could you please tell me how the patient has slept, and whether the fever has gone down since yesterday?",
    ),
    (
        "de+m7",
        "50",
        "180",
        "Guten Tag, ich rufe wegen der Untersuchung am Donnerstag an. Können wir den Termin auf nächste Woche verschieben?",
    ),
];

/// Samples at 8 kHz, and what they are.
pub fn speech() -> (Vec<i16>, String) {
    let mut said = Vec::new();
    let set = &built_in().set;
    for id in PromptId::ALL.iter().take(30) {
        said.extend_from_slice(&set.get(*id).samples);
        said.extend([0; 2400]);
    }
    let mut voices = 0;
    for (voice, pitch, speed, words) in ESPEAK {
        let output = Command::new("espeak-ng").args(["-v", voice, "-p", pitch, "-s", speed, "--stdout", words]).output();
        let Some(samples) = output.ok().filter(|output| output.status.success()).and_then(|output| read(&output.stdout)) else { continue };
        said.extend(samples);
        said.extend([0; 2400]);
        voices += 1;
    }
    // Five seconds at the end for the line to become clean in.
    let again: Vec<i16> = said.iter().copied().take(5 * 8000).collect();
    said.extend(again);
    (said, format!("built-in prompts, {voices} voices of espeak-ng"))
}

/// espeak-ng writes a WAV whose length it did not know; samples begin after 44 octets.
fn read(wav: &[u8]) -> Option<Vec<i16>> {
    let rate_hz = u32::from_le_bytes(wav.get(24..28)?.try_into().ok()?);
    let samples = wav.get(44..)?.chunks_exact(2).map(|octets| f32::from(i16::from_le_bytes([octets[0], octets[1]])) / 32_768.0);
    let narrow = to_telephone(samples.collect(), rate_hz);
    Some(narrow.into_iter().map(|sample| (sample * 12_000.0) as i16).collect())
}
