//! What `ljudbro load` is asked for, read and checked.

use std::fs;
use std::io::Read;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};
use thiserror::Error;

use crate::cli::target::{self, TargetError};
use crate::codec::Codec;
use crate::names::{CallId, Key};
use crate::sim::KeyMethod;
use crate::sim::load::{Background, MOST_CALLS, MOST_MEASURED, MOST_RATE, MOST_SECONDS, MOST_TALKERS, Settings};

/// Largest file of IDs: as many as a bridge of ours takes.
const IDS_FILE: u64 = 256 * 1024;
/// A window this long has room for turning a microphone off and on.
const MUTES_FROM: u64 = 10;
/// Of ten meetings one has a talker who does.
const MUTES_EACH: usize = 10;
/// Listeners of Opus that are measured unless asked for: decoding them afterwards takes time.
const MEASURED_OPUS: usize = 40;

/// Whom to load, and how.
#[derive(Debug, Args)]
pub struct LoadArgs {
    /// Whom all callers dial over UDP: sip:0480445511@HOST:PORT
    target: String,
    /// Calls at once
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u64).range(1..=MOST_CALLS as u64))]
    calls: u64,
    /// Calls in each meeting
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=MOST_CALLS as u64))]
    per_meeting: u64,
    /// The meetings' IDs: "100000001.." counts up, or a list "a,b,c", or "@FILE" with one a line
    #[arg(long, value_name = "IDS")]
    ids: String,
    /// Talkers in each meeting; the others only listen
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=MOST_TALKERS as u64))]
    talkers: u64,
    /// New calls a second while the house fills
    #[arg(long, value_name = "N", default_value_t = 50.0, value_parser = rate)]
    rate: f64,
    /// Length of the steady window, in which everything counts
    #[arg(long, value_name = "S", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=MOST_SECONDS))]
    seconds: u64,
    /// From the last caller's last key to the steady window, seconds: announcements are over by then
    #[arg(long, value_name = "S", default_value_t = 6.0, value_parser = settle)]
    settle: f64,
    /// The codec that is offered
    #[arg(long, value_enum, default_value = "pcma")]
    codec: CodecName,
    /// How keys are sent: telephone events, INFO, or tones
    #[arg(long, value_enum, default_value = "event")]
    dtmf: Dtmf,
    /// Dial this instead, with {id} for the meeting's ID, and key nothing
    #[arg(long, value_name = "URI")]
    direct: Option<String>,
    /// The bridge's process: its processor time and memory are watched
    #[arg(long, value_name = "PID", value_parser = clap::value_parser!(i32).range(1..))]
    pid: Option<i32>,
    /// Besides, so many calls a second come, key, listen 3 s and go
    #[arg(long, value_name = "CALLS_PER_S", default_value_t = 0.0, value_parser = churn)]
    churn: f64,
    /// How long such a call listens, seconds; from 5 on it hears talkers after all announcements, and so tells whether it got in
    #[arg(long, value_name = "S", default_value_t = 3.0, value_parser = listen)]
    churn_listen: f64,
    /// Percent of packets lost on the way to the bridge
    #[arg(long, value_name = "PCT", default_value_t = 0.0, value_parser = percent)]
    loss: f64,
    /// Packets to the bridge are late by a random time up to this
    #[arg(long, value_name = "MS", default_value_t = 0, value_parser = clap::value_parser!(u64).range(0..=200))]
    jitter: u64,
    /// Write all figures there, for machines
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
    /// Write a page with plots there
    #[arg(long, value_name = "FILE.html")]
    pub report: Option<PathBuf>,
    /// Print one line of a Markdown table with this first cell, in place of the table
    #[arg(long, value_name = "LABEL")]
    pub row: Option<String>,
    /// What those send who do not talk
    #[arg(long, value_enum, default_value = "noise")]
    listeners_send: ListenersSend,
    /// Percent of the callers who key into the prompt; the others wait until it is over
    #[arg(long, value_name = "PCT", default_value_t = 50, value_parser = clap::value_parser!(u8).range(0..=100))]
    barge_in: u8,
    /// How long the prompt is, seconds, for those who wait
    #[arg(long, value_name = "S", default_value_t = 7.0, value_parser = settle)]
    prompt: f64,
    /// Keys after the ID, for bridges that want an end: "#"
    #[arg(long, value_name = "KEYS", default_value = "", value_parser = keys)]
    after_id: Keys,
    /// Keys that turn a microphone off, and on again; "" if the bridge has none
    #[arg(long, value_name = "KEYS", default_value = "*6", value_parser = keys)]
    mute_keys: Keys,
    /// Talkers who do that; as a rule one in ten meetings when the window has 10 s
    #[arg(long, value_name = "N")]
    mutes: Option<usize>,
    /// Listeners whose delay is measured; as a rule two in each meeting, at most 200 (40 of Opus)
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(0..=MOST_MEASURED as u64))]
    measured: Option<u64>,
    /// Run the generator on this core
    #[arg(long, value_name = "N")]
    cpu: Option<usize>,
    /// Feeds all that is random
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Load a bridge that is not on this machine: only one that is yours
    #[arg(long)]
    beyond_this_machine: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum CodecName {
    Pcma,
    Pcmu,
    G722,
    Opus,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Dtmf {
    Event,
    Info,
    Inband,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum ListenersSend {
    Noise,
    Silence,
    Nothing,
}

/// Keys to press; never shown.
#[derive(Clone)]
struct Keys(Vec<Key>);

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Keys(…)")
    }
}

/// Why it cannot begin.
#[derive(Debug, Error)]
pub enum ArgsError {
    /// The target leads nowhere.
    #[error("{0}")]
    Target(#[from] TargetError),
    /// It is not on this machine.
    #[error("{0} is not on this machine; if it is yours to load, add --beyond-this-machine")]
    Remote(SocketAddr),
    /// IDs that are none. The text is not repeated.
    #[error("--ids: item {0} is no ID of nine digits; write 100000001.. or a list a,b,c or @FILE")]
    Id(usize),
    /// Fewer IDs than meetings.
    #[error("--ids: {found} IDs for {wanted} meetings ({calls} calls, {per_meeting} in each); give more, or raise --per-meeting")]
    FewIds { found: usize, wanted: usize, calls: u64, per_meeting: u64 },
    /// The file of IDs.
    #[error("--ids: {path}: {error}", path = .0.display(), error = .1)]
    IdsFile(PathBuf, std::io::Error),
    /// A direct address without a place for the ID.
    #[error("--direct: {0}")]
    Direct(&'static str),
    /// More talkers than callers.
    #[error("--talkers {talkers}: a meeting has only {per_meeting} callers")]
    Talkers { talkers: u64, per_meeting: u64 },
}

fn number(text: &str, least: f64, most: f64) -> Result<f64, String> {
    text.parse().ok().filter(|n| (least..=most).contains(n)).ok_or_else(|| format!("a number from {least} to {most}"))
}

fn rate(text: &str) -> Result<f64, String> {
    number(text, 0.1, MOST_RATE)
}

fn churn(text: &str) -> Result<f64, String> {
    number(text, 0.0, MOST_RATE)
}

fn percent(text: &str) -> Result<f64, String> {
    number(text, 0.0, 100.0)
}

fn settle(text: &str) -> Result<f64, String> {
    number(text, 0.0, 120.0)
}

fn listen(text: &str) -> Result<f64, String> {
    number(text, 1.0, 60.0)
}

fn keys(text: &str) -> Result<Keys, &'static str> {
    let keys: Option<Vec<Key>> = text.chars().map(Key::from_char).collect();
    keys.filter(|keys| keys.len() <= 8).map(Keys).ok_or("at most 8 keys of 0-9, * and #")
}

impl LoadArgs {
    /// The bridge's process.
    pub fn pid(&self) -> Option<i32> {
        self.pid
    }

    /// Read and checked.
    pub fn settings(&self) -> Result<Settings, ArgsError> {
        let server = target::resolve(&self.target)?;
        if !server.ip().is_loopback() && !self.beyond_this_machine {
            return Err(ArgsError::Remote(server));
        }
        let per_meeting = self.per_meeting.min(self.calls);
        if self.talkers > per_meeting {
            return Err(ArgsError::Talkers { talkers: self.talkers, per_meeting });
        }
        let meetings = self.calls.div_ceil(per_meeting) as usize;
        let ids = ids(&self.ids, meetings)?;
        if ids.len() < meetings {
            return Err(ArgsError::FewIds { found: ids.len(), wanted: meetings, calls: self.calls, per_meeting });
        }
        if let Some(direct) = &self.direct {
            if !direct.starts_with("sip:") || direct.contains(|c: char| c.is_whitespace() || c.is_control()) {
                return Err(ArgsError::Direct("it must be a SIP address, as sip:{id}@HOST"));
            }
            if meetings > 1 && !direct.contains("{id}") {
                return Err(ArgsError::Direct("with several meetings it must hold {id}, as sip:{id}@HOST"));
            }
        }
        let codec = match self.codec {
            CodecName::Pcma => Codec::Pcma,
            CodecName::Pcmu => Codec::Pcmu,
            CodecName::G722 => Codec::G722,
            CodecName::Opus => Codec::Opus,
        };
        let rule = (2 * meetings).min(self.calls as usize).min(if codec == Codec::Opus { MEASURED_OPUS } else { MOST_MEASURED });
        let mutes = if self.seconds >= MUTES_FROM { meetings.div_ceil(MUTES_EACH) } else { 0 };
        Ok(Settings {
            server,
            target: self.target.clone(),
            direct: self.direct.clone(),
            ids,
            calls: self.calls as usize,
            per_meeting: per_meeting as usize,
            talkers: self.talkers as usize,
            rate: self.rate,
            seconds: self.seconds,
            settle: Duration::from_secs_f64(self.settle),
            codec,
            keys_by: match self.dtmf {
                Dtmf::Event => KeyMethod::Rfc4733,
                Dtmf::Info => KeyMethod::Info,
                Dtmf::Inband => KeyMethod::InBand,
            },
            background: match self.listeners_send {
                ListenersSend::Noise => Background::Noise,
                ListenersSend::Silence => Background::Silence,
                ListenersSend::Nothing => Background::Nothing,
            },
            barge_in: self.barge_in,
            prompt: Duration::from_secs_f64(self.prompt),
            after_id: self.after_id.0.clone(),
            mute_keys: self.mute_keys.0.clone(),
            mutes: self.mutes.unwrap_or(mutes),
            churn: self.churn,
            passing: Duration::from_secs_f64(self.churn_listen),
            loss: self.loss / 100.0,
            jitter_ms: self.jitter as usize,
            cpu: self.cpu,
            measured: self.measured.map_or(rule, |measured| measured as usize),
            seed: self.seed,
        })
    }
}

fn ids(text: &str, wanted: usize) -> Result<Vec<CallId>, ArgsError> {
    if let Some(first) = text.strip_suffix("..") {
        let first: u32 = first.parse::<CallId>().ok().and_then(|id| id.expose().parse().ok()).ok_or(ArgsError::Id(1))?;
        // IDs end at nine nines.
        return Ok((first..).map_while(CallId::from_number).take(wanted).collect());
    }
    let read = |items: Vec<&str>| items.iter().enumerate().map(|(n, item)| item.parse().map_err(|_| ArgsError::Id(n + 1))).collect();
    if let Some(path) = text.strip_prefix('@') {
        let mut file = String::new();
        let fault = |error| ArgsError::IdsFile(path.into(), error);
        fs::File::open(path).and_then(|open| open.take(IDS_FILE).read_to_string(&mut file)).map_err(fault)?;
        return read(file.split_whitespace().collect());
    }
    read(text.split(',').map(str::trim).collect())
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        args: LoadArgs,
    }

    fn settings(words: &str) -> Result<Settings, String> {
        let words = ["load", "sip:0480445511@127.0.0.1:5070"].into_iter().chain(words.split_whitespace());
        let line = Line::try_parse_from(words).map_err(|error| error.to_string())?;
        line.args.settings().map_err(|error| error.to_string())
    }

    #[test]
    fn ids_count_up_or_are_listed_one_for_each_meeting() {
        let all = settings("--ids 099999998.. --calls 25 --per-meeting 10").unwrap();
        assert_eq!(all.ids.iter().map(|id| id.expose()).collect::<Vec<_>>(), ["099999998", "099999999", "100000000"]);
        let all = settings("--ids 123456789,987654321 --calls 20").unwrap();
        assert_eq!((all.ids.len(), all.meetings(), all.measured), (2, 2, 4));
        assert!(settings("--ids 123456789 --calls 20").unwrap_err().contains("1 IDs for 2 meetings"));
        assert!(settings("--ids 999999999.. --calls 20").unwrap_err().contains("1 IDs for 2 meetings"));
        let fault = settings("--ids 123456789,hemlig").unwrap_err();
        assert!(fault.contains("item 2") && !fault.contains("hemlig"), "{fault}");
    }

    #[test]
    fn what_is_out_of_bounds_or_away_is_refused_in_words() {
        for (words, part) in [
            ("--calls 7000", "6000"),
            ("--seconds 4000", "3600"),
            ("--loss 101", "0 to 100"),
            ("--talkers 3 --per-meeting 2", "only 2 callers"),
            ("--mute-keys 6x", "keys"),
            ("--direct conf@127.0.0.1", "SIP address"),
            ("--direct sip:conf@127.0.0.1", "{id}"),
        ] {
            let fault = settings(&format!("--ids 100000001.. {words}")).map(|_| ()).unwrap_err();
            assert!(fault.contains(part), "{words}: {fault}");
        }
        let away = Line::try_parse_from(["load", "sip:a@192.0.2.1", "--ids", "100000001.."]).unwrap();
        assert!(away.args.settings().unwrap_err().to_string().contains("--beyond-this-machine"));
    }
}
