//! Speech of many languages and voices, from espeak-ng where it is installed.

use std::collections::HashSet;
use std::process::{Command, Stdio};

use super::{RATE, Rng, telephone_band, to_level};

/// Sentences read by every voice, whatever its language: the sounds matter, not the sense.
const TEXTS: [&str; 14] = [
    "Välkommen till mötestjänsten. Slå ditt nio siffror långa samtals-ID och avsluta med fyrkant.",
    "Jag skulle vilja boka en tid hos läkaren på tisdag eftermiddag, gärna före klockan tre, om det går bra för dig och Åsa.",
    "The quick brown fox jumps over the lazy dog, while nobody in the meeting room understands why the projector is humming again.",
    "We were away a year ago. Do you really know who owns the yellow lion? I owe you an hour, Emily.",
    "Können Sie mir bitte sagen, wo das nächste Krankenhaus ist? Ich habe seit gestern Abend starke Schmerzen im linken Knie.",
    "Je voudrais parler au médecin de garde, s'il vous plaît; mon fils a de la fièvre depuis lundi et il ne mange plus rien.",
    "Mañana por la mañana iremos al mercado a comprar naranjas, aceite de oliva y una docena de huevos para la abuela.",
    "Hyvää päivää, haluaisin keskustella hoitajan kanssa tutkimustuloksista ja seuraavasta ajasta.",
    "Dzień dobry, chciałbym umówić się na wizytę kontrolną w przyszłym tygodniu, najlepiej we wtorek rano.",
    "Buongiorno, vorrei prenotare una visita per mia madre, che ha ottantasette anni e abita da sola in campagna.",
    "Ou ou oh ah eh ee, wow, yo-yo, aloha, Honolulu, Oaxaca, Ouagadougou, Iowa, Ohio, Hawaii, euouae.",
    "Ja. Nej. Hallå? Mm. Ja, precis. Nä, jag hör inte. Vänta lite. Okej, bra, tack så mycket, hej då, hej hej.",
    "Oooooh, aaaaah, uuuuh, eeeeh, mmmmm, öööö, åååå, ääää, ÿÿÿÿ.",
    "Leena lee, lulla lulla, mamma mia, molnen rullar långt ovan malmens lila ljung, och lommen ropar.",
];

const VARIANTS: [&str; 16] = ["", "", "", "+f1", "+f2", "+f3", "+f4", "+f5", "+m1", "+m2", "+m3", "+m4", "+m5", "+m6", "+m7", "+croak"];

/// The voices of the installed espeak-ng, none when there is none.
pub fn voices() -> Vec<String> {
    let Ok(output) = Command::new("espeak-ng").arg("--voices").stderr(Stdio::null()).output() else { return Vec::new() };
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let names: HashSet<String> = text.lines().skip(1).filter_map(|line| line.split_whitespace().nth(1)).map(str::to_owned).collect();
    let mut names: Vec<String> = names.into_iter().collect();
    names.sort();
    names
}

/// Somebody says something: a sentence, numbers, invented words. About ten seconds.
pub fn say(voices: &[String], rng: &mut Rng) -> Vec<f64> {
    let voice = format!("{}{}", voices[rng.below(voices.len())], rng.of(&VARIANTS));
    let text = match rng.below(4) {
        0 | 1 => rng.of(&TEXTS).to_owned(),
        2 => (0..8).map(|_| (rng.next() % 10u64.pow(1 + rng.below(7) as u32)).to_string()).collect::<Vec<_>>().join(", "),
        _ => words(rng),
    };
    spoken(&voice, 90 + rng.below(220), rng.below(100), &text, rng)
}

/// A held vowel, as espeak-ng sings it.
pub fn held(voices: &[String], rng: &mut Rng) -> Vec<f64> {
    let voice = format!("{}{}", voices[rng.below(voices.len())], rng.of(&VARIANTS));
    let letter = rng.of(&['a', 'o', 'u', 'e', 'i', 'å', 'ä', 'ö', 'y', 'm', 'l']);
    let text: Vec<String> = (0..4).map(|_| std::iter::repeat_n(letter, 4 + rng.below(12)).collect()).collect();
    spoken(&voice, 80 + rng.below(60), rng.below(100), &text.join(", "), rng)
}

fn words(rng: &mut Rng) -> String {
    let mut text = String::new();
    for _ in 0..14 {
        for _ in 0..1 + rng.below(4) {
            text.push(rng.of(&['b', 'd', 'g', 'k', 'l', 'm', 'n', 'p', 'r', 's', 't', 'v', 'j', 'w', 'h']));
            text.push(rng.of(&['a', 'e', 'i', 'o', 'u', 'a', 'o', 'u']));
            if rng.chance(0.2) {
                text.push(rng.of(&['n', 'm', 'l', 'o', 'u', 'i']));
            }
        }
        text.push(if rng.chance(0.15) { '.' } else { ' ' });
    }
    text
}

fn spoken(voice: &str, speed: usize, pitch: usize, text: &str, rng: &mut Rng) -> Vec<f64> {
    let output = Command::new("espeak-ng")
        .args(["-v", voice, "-s", &speed.to_string(), "-p", &pitch.to_string(), "--stdout", "--", text])
        .stderr(Stdio::null())
        .output();
    let Ok(output) = output else { return Vec::new() };
    let octets = output.stdout;
    // A header of 44 octets, then 16 bits; a stream's header does not know its length.
    let Some(rate) = octets.get(24..28).and_then(|b| b.try_into().ok()).map(u32::from_le_bytes) else { return Vec::new() };
    let samples: Vec<f64> = octets[44.min(octets.len())..].chunks_exact(2).map(|b| f64::from(i16::from_le_bytes([b[0], b[1]]))).collect();
    let mut sound = to_telephone(&samples, f64::from(rate));
    if rng.chance(0.5) {
        telephone_band(&mut sound);
    }
    to_level(&mut sound, rng.range(-32.0, -8.0));
    sound
}

/// Down to 8 kHz with a windowed sinc, 3,700 Hz wide.
fn to_telephone(samples: &[f64], rate: f64) -> Vec<f64> {
    const PHASES: usize = 64;
    let ratio = rate / RATE;
    let width = (16.0 * ratio).ceil();
    let taps = 2 * width as usize;
    let kernel: Vec<Vec<f64>> = (0..=PHASES)
        .map(|phase| {
            (0..taps)
                .map(|i| {
                    let x = i as f64 - width + 1.0 - phase as f64 / PHASES as f64;
                    let cut = 2.0 * 3_700.0 / rate;
                    let angle = std::f64::consts::PI * x * cut;
                    let sinc = if angle.abs() < 1e-9 { 1.0 } else { angle.sin() / angle };
                    cut * sinc * (0.5 + 0.5 * (std::f64::consts::PI * (x / width).clamp(-1.0, 1.0)).cos())
                })
                .collect()
        })
        .collect();
    let length = (samples.len() as f64 / ratio) as usize;
    (0..length)
        .map(|n| {
            let at = n as f64 * ratio;
            let (whole, phase) = (at.floor(), ((at.fract()) * PHASES as f64).round() as usize);
            let first = whole as isize - width as isize + 1;
            kernel[phase]
                .iter()
                .enumerate()
                .map(|(i, k)| k * usize::try_from(first + i as isize).ok().and_then(|j| samples.get(j)).unwrap_or(&0.0))
                .sum()
        })
        .collect()
}
