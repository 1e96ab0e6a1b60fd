//! `ljudbro call`: a phone on the command line. It dials over UDP, keys, plays, listens, records, hangs up, and says what happened.
#![allow(clippy::disallowed_methods, reason = "a phone on real sockets needs the clock and random identifiers")]

mod ear;
mod line;
pub(super) mod wav;

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::{Args, ValueEnum};
use thiserror::Error;
use tokio::signal::unix::{SignalKind, signal};

use self::ear::Ear;
use self::line::Line;
use super::target::{self, TargetError};
use crate::audio::tone::Tone;
use crate::codec::Codec;
use crate::names::CallId;
use crate::sim::{Ended, KeyMethod, Phone, PhoneEvent, PhoneOutput, PhoneSettings, Source};

/// From the answer until the samtals-ID is keyed: somebody reads it off a paper.
const READING: Duration = Duration::from_millis(1_500);
/// From the samtals-ID until other keys are pressed: "Du ansluts nu till mötet" and how many are in it.
const CONNECTING: Duration = Duration::from_secs(5);
/// How long the answer to our BYE or CANCEL is waited for.
const GOODBYE: Duration = Duration::from_secs(3);
/// The soft tone, when no file is played: clearly heard, 10 dB below speech.
const SOFT_DBOV: f32 = -36.0;
const SOFT_HZ: f64 = 440.0;

/// What to call, and what to do there.
#[derive(Debug, Args)]
pub struct CallArgs {
    /// Whom to call over UDP: sip:0480445511@HOST:PORT, sip:testmote1@HOST
    target: String,
    /// Samtals-ID to key after the answer, nine digits
    #[arg(long, value_name = "ID")]
    id: Option<CallId>,
    /// Keys to press after that: 0-9, *, #
    #[arg(long, value_parser = keys, value_name = "KEYS")]
    keys: Option<String>,
    /// Sound to say, once; without it a soft tone
    #[arg(long, value_name = "FILE.wav")]
    play: Option<PathBuf>,
    /// Where to keep what is heard, 8 kHz
    #[arg(long, value_name = "FILE.wav")]
    record: Option<PathBuf>,
    /// The codec to offer
    #[arg(long, value_enum, default_value = "pcma")]
    codec: CodecName,
    /// How keys are sent
    #[arg(long, value_enum, default_value = "rfc4733")]
    dtmf: Dtmf,
    /// Hang up this long after the answer
    #[arg(long, value_name = "N", default_value_t = 15, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    seconds: u64,
    /// For measuring: frequency of the tone that is said, Hz
    #[arg(long, hide = true, default_value_t = SOFT_HZ)]
    tone: f64,
    /// For measuring: tell when a tone of this frequency is first heard
    #[arg(long, hide = true, value_name = "HZ")]
    listen_for: Option<f64>,
    /// For measuring: key the samtals-ID this long after the answer
    #[arg(long, hide = true, default_value_t = READING.as_millis() as u64)]
    wait_ms: u64,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum CodecName {
    Opus,
    G722,
    Pcma,
    Pcmu,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Dtmf {
    Rfc4733,
    Info,
    Inband,
}

/// Why a call was not what it should be.
#[derive(Debug, Error)]
pub enum CallError {
    /// The target leads nowhere.
    #[error(transparent)]
    Target(#[from] TargetError),
    /// No socket to be had.
    #[error("no socket: {0}")]
    Socket(io::Error),
    /// The file to play or to record into.
    #[error("{path}: {error}", path = .0.display(), error = .1)]
    Sound(PathBuf, hound::Error),
    /// An ICMP error came back.
    #[error("nothing listens at {0} (UDP)")]
    NobodyThere(SocketAddr),
    /// No final response.
    #[error("no answer")]
    NoAnswer,
    /// A final response that is not 200.
    #[error("refused: {0}")]
    Refused(Status),
    /// The other side hung up first.
    #[error("the other side hung up after {0:.1} s")]
    HungUp(f64),
    /// Our BYE stayed without an answer.
    #[error("the other side did not answer the goodbye")]
    NoGoodbye,
}

/// A status with its meaning for this bridge.
#[derive(Debug)]
pub struct Status(u16);

impl std::fmt::Display for Status {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let meaning = match self.0 {
            403 => "not allowed",
            404 => "no such number or meeting",
            480 | 486 | 600 => "busy",
            488 => "no common codec",
            503 => "overloaded or stopping",
            _ => return write!(f, "{}", self.0),
        };
        write!(f, "{} ({meaning})", self.0)
    }
}

fn keys(text: &str) -> Result<String, &'static str> {
    let known = |c| crate::names::Key::from_char(c).is_some();
    if text.chars().all(known) { Ok(text.to_owned()) } else { Err("keys are 0-9, * and #") }
}

/// Exit status 0: answered, and we hung up. Status 1: anything else, with the reason on standard error.
pub fn run(args: &CallArgs) -> ExitCode {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(CallError::Socket);
    match runtime.and_then(|runtime| runtime.block_on(call(args))) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// What is done at a time of its own.
enum Step {
    Press(String),
    HangUp,
}

async fn call(args: &CallArgs) -> Result<(), CallError> {
    let source = match &args.play {
        Some(path) => Source::Samples(wav::read(path).map_err(|error| CallError::Sound(path.clone(), error))?),
        None => Source::Tone(Tone::new(args.tone, SOFT_DBOV)),
    };
    let server = target::resolve(&args.target)?;
    let line = Line::open(server).await.map_err(CallError::Socket)?;
    let mut settings = PhoneSettings::new(&args.target, line.sip_address(), line.rtp_address(), server);
    settings.codecs = match args.codec {
        CodecName::Opus => vec![Codec::Opus],
        CodecName::G722 => vec![Codec::G722],
        CodecName::Pcma => vec![Codec::Pcma],
        CodecName::Pcmu => vec![Codec::Pcmu],
    };
    settings.keys_by = match args.dtmf {
        Dtmf::Rfc4733 => KeyMethod::Rfc4733,
        Dtmf::Info => KeyMethod::Info,
        Dtmf::Inband => KeyMethod::InBand,
    };
    settings.seed = rand::random();
    let mut phone = Phone::new(settings);
    phone.play(source);
    let outcome = talk(args, &line, &mut phone).await;
    if let Some(path) = &args.record {
        wav::write(path, phone.recording().samples()).map_err(|error| CallError::Sound(path.clone(), error))?;
        println!("recorded {:.1} s in {}", phone.recording().samples().len() as f64 / 8_000.0, path.display());
    }
    outcome
}

async fn talk(args: &CallArgs, line: &Line, phone: &mut Phone) -> Result<(), CallError> {
    let mut interrupt = signal(SignalKind::interrupt()).map_err(CallError::Socket)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(CallError::Socket)?;
    let dialled = Instant::now();
    let mut answered: Option<Instant> = None;
    let mut script: Vec<(Instant, Step)> = Vec::new();
    let mut ear = Ear::new(args.listen_for);
    // When we wanted to hang up, and so how long we wait for it.
    let mut leaving: Option<Instant> = None;
    println!("calling {} over UDP", line.server());
    phone.dial(dialled);
    loop {
        while let Some(output) = phone.poll_output() {
            let now = Instant::now();
            match output {
                PhoneOutput::Sip(to, octets) => line.send_sip(to, &octets).await,
                PhoneOutput::Rtp(to, octets) => line.send_rtp(to, &octets).await,
                PhoneOutput::Event(PhoneEvent::Answered) => {
                    println!("answered after {:.1} ms", ms(now - dialled));
                    answered = Some(now);
                    script = plan(args, now);
                    ear.begin(now);
                }
                PhoneOutput::Event(PhoneEvent::LastKey) => ear.last_key(now),
                PhoneOutput::Event(PhoneEvent::KeyRefused(status)) => println!("a key by INFO was refused: {}", Status(status)),
                PhoneOutput::Event(PhoneEvent::Ended(why)) => {
                    ear.finish(phone.recording(), now);
                    return match (why, answered) {
                        (Ended::ByUs, Some(answered)) => {
                            println!("hung up after {:.1} s", (leaving.unwrap_or(now) - answered).as_secs_f64());
                            Ok(())
                        }
                        (Ended::ByBridge, Some(answered)) => Err(CallError::HungUp((now - answered).as_secs_f64())),
                        (Ended::Refused(status), _) => Err(CallError::Refused(Status(status))),
                        _ => Err(CallError::NoAnswer),
                    };
                }
                PhoneOutput::Event(_) => {}
            }
        }
        if let Some(first) = script.first().map(|(at, _)| *at).filter(|at| *at <= Instant::now()) {
            match script.remove(0).1 {
                Step::Press(keys) => phone.press(&keys),
                Step::HangUp => {
                    leaving.get_or_insert(first);
                    phone.hang_up(Instant::now());
                }
            }
            continue;
        }
        if leaving.is_some_and(|since| since.elapsed() > GOODBYE) {
            ear.finish(phone.recording(), Instant::now());
            return Err(if answered.is_some() { CallError::NoGoodbye } else { CallError::NoAnswer });
        }
        let goodbye = leaving.map(|since| since + GOODBYE);
        let script_next = script.first().map(|(at, _)| *at);
        let next = [phone.poll_timeout(), script_next, goodbye].into_iter().flatten().min();
        let next = next.unwrap_or_else(|| Instant::now() + GOODBYE);
        tokio::select! {
            biased;
            _ = interrupt.recv() => script.insert(0, (Instant::now(), Step::HangUp)),
            _ = terminate.recv() => script.insert(0, (Instant::now(), Step::HangUp)),
            datagram = line.receive_rtp() => {
                let now = Instant::now();
                phone.handle_rtp(now, &datagram);
                ear.listen(phone.recording(), now);
            }
            datagram = line.receive_sip() => match datagram {
                Ok(datagram) => phone.handle_sip(Instant::now(), &datagram),
                Err(error) if error.kind() == io::ErrorKind::ConnectionRefused && answered.is_none() => {
                    return Err(CallError::NobodyThere(line.server()));
                }
                Err(_) => {}
            },
            () = tokio::time::sleep_until(next.into()) => phone.handle_timeout(Instant::now()),
        }
    }
}

/// What is done after the answer, in order of time.
fn plan(args: &CallArgs, answered: Instant) -> Vec<(Instant, Step)> {
    let mut steps = Vec::new();
    let mut at = answered + Duration::from_millis(args.wait_ms);
    if let Some(id) = args.id {
        steps.push((at, Step::Press(id.expose())));
        at += CONNECTING;
    }
    if let Some(keys) = &args.keys {
        steps.push((at, Step::Press(keys.clone())));
    }
    steps.push((answered + Duration::from_secs(args.seconds), Step::HangUp));
    // A call shorter than its keys hangs up all the same.
    steps.sort_by_key(|(at, _)| *at);
    steps
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}
