//! From what is written to what is meant: defaults, types, and what must hold between keys.

use std::collections::HashSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use arrayvec::ArrayVec;
use ipnet::IpNet;
use tracing::level_filters::LevelFilter;

use super::fault::{Fault, Faults, Place, Problem};
use super::raw::{At, RawConfig, RawMeeting, Value};
use super::{CallConfig, Config, HttpConfig, Listen, LogConfig, MediaConfig, PortRange, PromptsConfig, SipConfig, values};
use crate::bridge::WhenFull;
use crate::bridge::command::MeetingSettings;
use crate::codec::{Codec, OpusSettings};
use crate::media::mixer::MixSettings;
use crate::names::{CallId, PhoneNumber};
use crate::sip::Transport;

/// The number on the region's page.
const NUMBER: &str = "0480445511";
/// 8192 pairs, above the ports that services live on and below Linux's ephemeral range (32768 up), so that nothing else draws one of ours.
const PORTS: PortRange = PortRange { first: 16384, last: 32767 };
/// Longer than any meeting, and short enough that a forgotten phone is off the line by the next day.
const LONGEST: Duration = Duration::from_secs(12 * 3600);
/// A worker is a thread on a core of its own; no machine this runs on has more.
const WORKERS: u64 = 256;
/// From this machine alone: what is said there is nobody else's business.
const HTTP: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8080);
/// Calls at once that a number of ports, memory and `u16` port numbers could ever carry.
const CALLS: u64 = 32_767;

/// Loopback, private (RFC 1918, RFC 4193) and link-local (RFC 3927, RFC 4291) addresses.
const TRUNKS: &[&str] =
    &["127.0.0.0/8", "::1/128", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16", "fc00::/7", "fe80::/10"];

/// Make typed values. Faults found before are kept; with any fault at all there is no config.
pub fn check(raw: RawConfig, faults: Vec<Fault>) -> Result<Config, Faults> {
    let mut check = Check { raw, faults };
    let (longest, _) = check.text("call", "longest", LONGEST, |text| match values::duration(text) {
        None => Err(Problem::Duration { text: text.to_owned() }),
        Some(d) if !(1..=7 * 86_400).contains(&d.as_secs()) => Err(Problem::DurationRange { text: text.to_owned() }),
        Some(d) => Ok(d),
    });
    let (ports, _) =
        check.text("media", "ports", PORTS, |text| values::ports(text).ok_or_else(|| Problem::Ports { text: text.to_owned() }));
    let config = Config {
        sip: check.sip(),
        media: MediaConfig {
            address: check.text("media", "address", None, media_address).0,
            ports,
            workers: check.number("media", "workers", WORKERS).map(|n| n as u16),
            codecs: check.codecs(),
        },
        opus: check.opus(),
        mix: check.mix(),
        prompts: check.prompts(),
        call: CallConfig {
            max_calls: check.max_calls(ports),
            when_full: check.text("call", "when_full", WhenFull::Say, when_full).0,
            longest,
        },
        meetings: check.meetings(),
        http: check.http(),
        log: LogConfig {
            level: check.text("log", "level", LevelFilter::INFO, log_level).0,
            json: check.text("log", "format", false, log_format).0,
        },
    };
    if check.faults.is_empty() { Ok(config) } else { Err(Faults::new(check.faults, Box::new(config))) }
}

struct Check {
    raw: RawConfig,
    faults: Vec<Fault>,
}

impl Check {
    fn sip(&mut self) -> SipConfig {
        let numbers = self.list("sip", "numbers", |text| text.parse::<PhoneNumber>().map_err(|_| Problem::PhoneNumber));
        let numbers =
            numbers.unwrap_or_else(|| vec![At { place: Place::Default, value: NUMBER.parse().expect("NUMBER is a telephone number") }]);
        let trunks = self.list("sip", "trunks", |text| values::range(text).ok_or_else(|| Problem::Range { text: text.to_owned() }));
        if trunks.as_ref().is_some_and(Vec::is_empty) {
            self.empty("sip", "trunks", Problem::NoTrunks);
        }
        let trunks: Vec<IpNet> = match trunks {
            Some(trunks) => trunks.into_iter().map(|t| t.value).collect(),
            None => TRUNKS.iter().map(|t| t.parse().expect("TRUNKS are address ranges")).collect(),
        };
        SipConfig {
            listen: self.listen(),
            numbers: numbers.into_iter().map(|n| n.value).collect(),
            domain: self
                .text("sip", "domain", "localhost".to_owned(), |text| {
                    values::domain(text).ok_or_else(|| Problem::Domain { text: text.to_owned() })
                })
                .0,
            trunks,
        }
    }

    fn listen(&mut self) -> Vec<Listen> {
        let listed = self.list("sip", "listen", |text| values::listen(text).ok_or_else(|| Problem::Listen { text: text.to_owned() }));
        let Some(listed) = listed else { return default_listen() };
        if listed.is_empty() {
            self.empty("sip", "listen", Problem::NoListen);
        }
        let mut seen = HashSet::new();
        let mut listen = Vec::new();
        for At { place, value: (transport, address) } in listed {
            let one = Listen { transport, address, optional: false, place };
            if address.port() != 0 && !seen.insert((transport, address)) {
                let problem = Problem::ListenTwice { listen: one.to_string() };
                self.faults.push(Fault::new(one.place.clone(), "sip.listen", problem));
            }
            listen.push(one);
        }
        listen
    }

    fn codecs(&mut self) -> ArrayVec<Codec, 4> {
        let listed = self.list("media", "codecs", |text| values::codec(text.trim()));
        let Some(listed) = listed else { return Codec::ALL.into_iter().collect() };
        if listed.is_empty() {
            self.empty("media", "codecs", Problem::NoCodecs);
        }
        let mut codecs = ArrayVec::new();
        for At { place, value } in listed {
            if codecs.contains(&value) {
                self.faults.push(Fault::new(place, "media.codecs", Problem::CodecTwice { codec: value.name() }));
            } else {
                // There are four, and each is in it once.
                codecs.push(value);
            }
        }
        codecs
    }

    fn opus(&mut self) -> OpusSettings {
        let default = OpusSettings::default();
        let bitrates = u64::from(*OpusSettings::BITRATES.start())..=u64::from(*OpusSettings::BITRATES.end());
        OpusSettings {
            bitrate: self.within("opus", "bitrate", u64::from(default.bitrate), bitrates) as u32,
            complexity: self.within("opus", "complexity", u64::from(default.complexity), 0..=10) as u8,
            expected_loss: self.within("opus", "expected_loss", u64::from(default.expected_loss), 0..=100) as u8,
        }
    }

    fn mix(&mut self) -> MixSettings {
        let default = MixSettings::default();
        let range = *MixSettings::SPEAKERS.start() as u64..=*MixSettings::SPEAKERS.end() as u64;
        let mut mix = MixSettings { speakers: self.within("mix", "speakers", default.speakers as u64, range) as usize, ..default };
        if let Some(At { value: Value::Flag(level), .. }) = self.raw.values.get(&("mix", "level")) {
            mix.level = *level;
        }
        mix
    }

    fn prompts(&mut self) -> PromptsConfig {
        let (folder, place) = self.text("prompts", "folder", None, |text| {
            if text.is_empty() {
                return Ok(None);
            }
            let folder = PathBuf::from(text);
            match std::fs::read_dir(&folder) {
                Ok(_) => Ok(Some(folder)),
                Err(e) => Err(Problem::PromptFolder { text: text.to_owned(), reason: e.to_string() }),
            }
        });
        PromptsConfig { folder, place }
    }

    fn http(&mut self) -> HttpConfig {
        let (listen, place) = self.text("http", "listen", Some(HTTP), |text| match text.trim() {
            "" => Ok(None),
            text => text.parse().map(Some).map_err(|_| Problem::HttpListen { text: text.to_owned() }),
        });
        HttpConfig { listen, place }
    }

    fn max_calls(&mut self, ports: PortRange) -> Option<usize> {
        let place = self.raw.values.get(&("call", "max_calls")).map(|v| v.place.clone());
        let calls = self.number("call", "max_calls", CALLS)? as usize;
        if calls > ports.pairs() {
            let problem = Problem::TooFewPorts { calls, pairs: ports.pairs() };
            self.faults.push(Fault::new(place.unwrap_or(Place::Default), "call.max_calls", problem));
        }
        Some(calls)
    }

    fn meetings(&mut self) -> Vec<MeetingSettings> {
        let (mut names, mut ids) = (HashSet::new(), HashSet::new());
        let mut meetings = Vec::new();
        for RawMeeting { place, name, id } in std::mem::take(&mut self.raw.meetings) {
            let name = self.required(&place, "meeting.name", name).and_then(|At { place, value: text }| {
                let problem = if !values::meeting_name(&text) {
                    Problem::MeetingName { text }
                } else if !names.insert(text.to_ascii_lowercase()) {
                    Problem::MeetingNameTwice { text }
                } else {
                    return Some(text);
                };
                self.faults.push(Fault::new(place, "meeting.name", problem));
                None
            });
            let id = self.required(&place, "meeting.id", id).and_then(|At { place, value: text }| {
                let problem = match text.parse::<CallId>() {
                    Err(_) => Problem::CallId,
                    Ok(id) if !ids.insert(id) => Problem::CallIdTwice,
                    Ok(id) => return Some(id),
                };
                self.faults.push(Fault::new(place, "meeting.id", problem));
                None
            });
            if let (Some(name), Some(id)) = (name, id) {
                meetings.push(MeetingSettings { name, id });
            }
        }
        meetings
    }

    fn required<T>(&mut self, place: &Place, key: &str, value: Option<T>) -> Option<T> {
        // A key of a wrong type has its own fault already, on a line of its own; a second word about it would confuse.
        if value.is_none() && !self.faults.iter().any(|f| f.key == key && matches!(f.problem, Problem::WrongType { .. })) {
            self.faults.push(Fault::new(place.clone(), key, Problem::Missing));
        }
        value
    }

    /// A text key: its value, or the default when it is absent or at fault; and its place.
    fn text<T>(
        &mut self,
        section: &'static str,
        key: &'static str,
        default: T,
        read: impl FnOnce(&str) -> Result<T, Problem>,
    ) -> (T, Place) {
        let Some(At { place, value: Value::Text(text) }) = self.raw.values.get(&(section, key)) else { return (default, Place::Default) };
        match read(text) {
            Ok(value) => (value, place.clone()),
            Err(problem) => {
                self.faults.push(Fault::new(place.clone(), format!("{section}.{key}"), problem));
                (default, Place::Default)
            }
        }
    }

    /// A number key where 0 means "find out yourself".
    fn number(&mut self, section: &'static str, key: &'static str, most: u64) -> Option<u64> {
        let Some(At { place, value: Value::Number(number) }) = self.raw.values.get(&(section, key)) else { return None };
        if *number > most {
            let problem = Problem::OutOfRange { value: number.to_string(), least: 0, most };
            self.faults.push(Fault::new(place.clone(), format!("{section}.{key}"), problem));
            return None;
        }
        (*number > 0).then_some(*number)
    }

    /// A number key with a default.
    fn within(&mut self, section: &'static str, key: &'static str, default: u64, range: RangeInclusive<u64>) -> u64 {
        let Some(At { place, value: Value::Number(number) }) = self.raw.values.get(&(section, key)) else { return default };
        if range.contains(number) {
            return *number;
        }
        let problem = Problem::OutOfRange { value: number.to_string(), least: *range.start(), most: *range.end() };
        self.faults.push(Fault::new(place.clone(), format!("{section}.{key}"), problem));
        default
    }

    /// A list key; `None` when it is absent. Items at fault are left out and reported; then the list counts as not empty.
    fn list<T>(&mut self, section: &'static str, key: &'static str, read: impl Fn(&str) -> Result<T, Problem>) -> Option<Vec<At<T>>> {
        let Some(At { value: Value::List(items), .. }) = self.raw.values.get(&(section, key)) else { return None };
        let mut list = Vec::new();
        for At { place, value: text } in items {
            match read(text) {
                Ok(value) => list.push(At { place: place.clone(), value }),
                Err(problem) => self.faults.push(Fault::new(place.clone(), format!("{section}.{key}"), problem)),
            }
        }
        (items.is_empty() || !list.is_empty()).then_some(list)
    }

    fn empty(&mut self, section: &'static str, key: &'static str, problem: Problem) {
        let place = self.raw.values.get(&(section, key)).map_or(Place::Default, |v| v.place.clone());
        self.faults.push(Fault::new(place, format!("{section}.{key}"), problem));
    }
}

/// Port 5060 (RFC 3261 §18.2.1) on all addresses. A machine without IPv6 does without.
fn default_listen() -> Vec<Listen> {
    let mut listen = Vec::new();
    for (address, optional) in [(IpAddr::V4(Ipv4Addr::UNSPECIFIED), false), (IpAddr::V6(Ipv6Addr::UNSPECIFIED), true)] {
        for transport in [Transport::Udp, Transport::Tcp] {
            listen.push(Listen { transport, address: SocketAddr::new(address, 5060), optional, place: Place::Default });
        }
    }
    listen
}

fn media_address(text: &str) -> Result<Option<IpAddr>, Problem> {
    match text.trim() {
        "auto" => Ok(None),
        text => match text.parse::<IpAddr>() {
            Ok(address) if !address.is_unspecified() && !address.is_multicast() => Ok(Some(address)),
            _ => Err(Problem::MediaAddress { text: text.to_owned() }),
        },
    }
}

fn when_full(text: &str) -> Result<WhenFull, Problem> {
    match text.trim() {
        "upptaget" => Ok(WhenFull::Say),
        "503" => Ok(WhenFull::Refuse),
        _ => Err(Problem::WhenFull { text: text.to_owned() }),
    }
}

fn log_level(text: &str) -> Result<LevelFilter, Problem> {
    Ok(match text.to_ascii_lowercase().as_str() {
        "error" => LevelFilter::ERROR,
        "warn" => LevelFilter::WARN,
        "info" => LevelFilter::INFO,
        "debug" => LevelFilter::DEBUG,
        "trace" => LevelFilter::TRACE,
        _ => return Err(Problem::LogLevel { text: text.to_owned() }),
    })
}

fn log_format(text: &str) -> Result<bool, Problem> {
    match text {
        "text" => Ok(false),
        "json" => Ok(true),
        _ => Err(Problem::LogFormat { text: text.to_owned() }),
    }
}

#[cfg(test)]
#[path = "check_tests.rs"]
mod tests;
