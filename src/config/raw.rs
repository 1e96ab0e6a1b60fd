//! The configuration as it is written: every key and value with its place, nothing judged yet but spelling and type.
//!
//! serde's `deny_unknown_fields` would stop at the first unknown key; an operator wants to see all of them, so the document is walked here.

use std::collections::BTreeMap;
use std::io::Read;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::fault::{Fault, Place, Problem};

/// Environment variables that begin so are ours; any of them that names no setting is a fault.
pub const ENV_PREFIX: &str = "LJUDBRO_";

/// Largest configuration file: thirty thousand meetings fit; a log or an image given by mistake does not.
const FILE_BYTES: u64 = 2 * 1024 * 1024;

/// What a key takes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    Text,
    Number,
    /// True or false.
    Flag,
    List,
}

/// One known key.
#[derive(Debug)]
pub struct Key {
    pub section: &'static str,
    pub name: &'static str,
    kind: Kind,
    example: &'static str,
}

const fn key(section: &'static str, name: &'static str, kind: Kind, example: &'static str) -> Key {
    Key { section, name, kind, example }
}

/// Every key there is, `[[meeting]]` apart.
const KEYS: &[Key] = &[
    key("sip", "listen", Kind::List, r#"["udp:0.0.0.0:5060"]"#),
    key("sip", "numbers", Kind::List, r#"["0480445511"]"#),
    key("sip", "domain", Kind::Text, r#""bro.example.se""#),
    key("sip", "trunks", Kind::List, r#"["192.0.2.0/24"]"#),
    key("media", "address", Kind::Text, r#""auto""#),
    key("media", "ports", Kind::Text, r#""16384-32767""#),
    key("media", "workers", Kind::Number, "0"),
    key("media", "codecs", Kind::List, r#"["opus", "G722", "PCMA", "PCMU"]"#),
    key("opus", "bitrate", Kind::Number, "32000"),
    key("opus", "complexity", Kind::Number, "5"),
    key("opus", "expected_loss", Kind::Number, "10"),
    key("mix", "speakers", Kind::Number, "5"),
    key("mix", "level", Kind::Flag, "true"),
    key("prompts", "folder", Kind::Text, r#""/etc/ljudbro/prompts""#),
    key("call", "max_calls", Kind::Number, "0"),
    key("call", "when_full", Kind::Text, r#""upptaget""#),
    key("call", "longest", Kind::Text, r#""12h""#),
    key("http", "listen", Kind::Text, r#""127.0.0.1:8080""#),
    key("log", "level", Kind::Text, r#""info""#),
    key("log", "format", Kind::Text, r#""text""#),
];

const MEETING_KEYS: &[Key] = &[key("meeting", "name", Kind::Text, r#""testmote1""#), key("meeting", "id", Kind::Text, r#""123456789""#)];

const SECTIONS: &[&str] = &["sip", "media", "opus", "mix", "prompts", "call", "meeting", "http", "log"];

/// A value and where it stands.
#[derive(Clone, Debug)]
pub struct At<T> {
    pub place: Place,
    pub value: T,
}

/// A value of the right type.
#[derive(Clone, Debug)]
pub enum Value {
    Text(String),
    Number(u64),
    Flag(bool),
    List(Vec<At<String>>),
}

/// One `[[meeting]]`.
#[derive(Debug)]
pub struct RawMeeting {
    pub place: Place,
    pub name: Option<At<String>>,
    pub id: Option<At<String>>,
}

/// All of it.
#[derive(Debug, Default)]
pub struct RawConfig {
    /// By section and key, for example `("sip", "listen")`.
    pub values: BTreeMap<(&'static str, &'static str), At<Value>>,
    pub meetings: Vec<RawMeeting>,
}

/// Read and walk a file. What cannot be used is left out and reported.
pub fn read_file(path: &Path, faults: &mut Vec<Fault>) -> RawConfig {
    let file: Arc<str> = path.display().to_string().into();
    let whole = Place::File { file: file.clone(), line: 0 };
    let mut text = String::new();
    let read = std::fs::File::open(path).and_then(|f| f.take(FILE_BYTES + 1).read_to_string(&mut text));
    let problem = match read {
        Ok(n) if n as u64 > FILE_BYTES => Problem::TooLarge { most: FILE_BYTES },
        Ok(_) => return read_text(file, &text, faults),
        Err(e) if e.kind() == std::io::ErrorKind::InvalidData => Problem::NotUtf8,
        Err(e) => Problem::Unreadable { reason: e.to_string() },
    };
    faults.push(Fault::new(whole, "", problem));
    RawConfig::default()
}

/// Walk a document.
pub fn read_text(file: Arc<str>, text: &str, faults: &mut Vec<Fault>) -> RawConfig {
    let mut walk = Walk { file, line_starts: line_starts(text), faults };
    let (document, errors) = DeTable::parse_recoverable(text);
    for error in errors {
        // A parser's guess about later lines is worth less than its first word about each line.
        let place = walk.place(&error.span().unwrap_or(0..0));
        if !walk.faults.iter().any(|f| f.place == place) {
            walk.faults.push(Fault::new(place, "", Problem::Syntax { reason: error.message().to_owned() }));
        }
    }
    walk.document(document.get_ref())
}

/// Lay variables over what the file said.
pub fn read_environment(environment: impl IntoIterator<Item = (String, String)>, raw: &mut RawConfig, faults: &mut Vec<Fault>) {
    for (variable, text) in environment {
        let Some(name) = variable.strip_prefix(ENV_PREFIX) else { continue };
        let place = Place::Environment(variable.as_str().into());
        let Some(key) = KEYS.iter().find(|k| variable_name(k) == name) else {
            let nearest = KEYS.iter().map(variable_name).filter(|n| distance(n, name) <= 3).min_by_key(|n| distance(n, name));
            let nearest = nearest.map(|n| format!("{ENV_PREFIX}{n}"));
            faults.push(Fault::new(place, "", Problem::UnknownVariable { nearest }));
            continue;
        };
        let value = match key.kind {
            Kind::Text => Value::Text(text),
            Kind::List => Value::List(
                text.split(',')
                    .map(str::trim)
                    .filter(|t| !t.is_empty())
                    .map(|t| At { place: place.clone(), value: t.to_owned() })
                    .collect(),
            ),
            Kind::Flag => match text.trim().parse() {
                Ok(flag) => Value::Flag(flag),
                Err(_) => {
                    let problem = Problem::WrongType { found: "something else", expected: "true or false", example: key.example };
                    faults.push(Fault::new(place, path(key), problem));
                    continue;
                }
            },
            Kind::Number => match text.trim().parse() {
                Ok(number) => Value::Number(number),
                Err(_) => {
                    let problem = Problem::WrongType { found: "something else", expected: "a whole number", example: key.example };
                    faults.push(Fault::new(place, path(key), problem));
                    continue;
                }
            },
        };
        raw.values.insert((key.section, key.name), At { place, value });
    }
}

fn variable_name(key: &Key) -> String {
    format!("{}_{}", key.section, key.name).to_ascii_uppercase()
}

/// `section.key`.
fn path(key: &Key) -> String {
    format!("{}.{}", key.section, key.name)
}

struct Walk<'a> {
    file: Arc<str>,
    line_starts: Vec<usize>,
    faults: &'a mut Vec<Fault>,
}

impl Walk<'_> {
    fn document(&mut self, document: &DeTable<'_>) -> RawConfig {
        let mut raw = RawConfig::default();
        for (name, value) in document {
            let place = self.place(&name.span());
            match (name.get_ref().as_ref(), value.get_ref()) {
                ("meeting", DeValue::Array(meetings)) => {
                    raw.meetings.extend(meetings.iter().filter_map(|meeting| self.meeting(meeting)));
                }
                ("meeting", other) => self.wrong_type(value.span(), "meeting", type_name(other), "a list of tables", "[[meeting]]"),
                (section, DeValue::Table(table)) if SECTIONS.contains(&section) => {
                    self.table(section, table, KEYS, |key, value| {
                        raw.values.insert((key.section, key.name), value);
                    });
                }
                (section, other) if SECTIONS.contains(&section) => {
                    self.wrong_type(value.span(), section, type_name(other), "a section", "[sip]");
                }
                (unknown, _) => {
                    let nearest = SECTIONS.iter().copied().filter(|s| distance(s, unknown) <= 2).min_by_key(|s| distance(s, unknown));
                    self.faults.push(Fault::new(place, unknown, Problem::UnknownSection { known: SECTIONS.join(", "), nearest }));
                }
            }
        }
        raw
    }

    fn meeting(&mut self, meeting: &Spanned<DeValue<'_>>) -> Option<RawMeeting> {
        let DeValue::Table(table) = meeting.get_ref() else {
            self.wrong_type(meeting.span(), "meeting", type_name(meeting.get_ref()), "a table", "[[meeting]]");
            return None;
        };
        let (mut name, mut id) = (None, None);
        self.table("meeting", table, MEETING_KEYS, |key, value| {
            let At { place, value: Value::Text(text) } = value else { return };
            let slot = if key.name == "name" { &mut name } else { &mut id };
            *slot = Some(At { place, value: text });
        });
        Some(RawMeeting { place: self.place(&meeting.span()), name, id })
    }

    fn table(&mut self, section: &str, table: &DeTable<'_>, keys: &'static [Key], mut found: impl FnMut(&'static Key, At<Value>)) {
        for (name, value) in table {
            let mut here = keys.iter().filter(|k| k.section == section);
            match here.clone().find(|k| k.name == name.get_ref().as_ref()) {
                Some(key) => {
                    if let Some(value) = self.value(key, value) {
                        found(key, value);
                    }
                }
                None => {
                    let name_text = name.get_ref().as_ref();
                    let nearest =
                        here.clone().map(|k| k.name).filter(|k| distance(k, name_text) <= 2).min_by_key(|k| distance(k, name_text));
                    let first = here.next().map(|k| k.name).unwrap_or_default();
                    let known = here.fold(first.to_owned(), |all, k| format!("{all}, {}", k.name));
                    let place = self.place(&name.span());
                    self.faults.push(Fault::new(place, format!("{section}.{name_text}"), Problem::UnknownKey { known, nearest }));
                }
            }
        }
    }

    fn value(&mut self, key: &Key, value: &Spanned<DeValue<'_>>) -> Option<At<Value>> {
        let place = self.place(&value.span());
        let read = match (key.kind, value.get_ref()) {
            (Kind::Text, DeValue::String(text)) => Value::Text(text.to_string()),
            (Kind::Flag, DeValue::Boolean(flag)) => Value::Flag(*flag),
            (Kind::Number, DeValue::Integer(number)) => {
                let digits = number.as_str();
                match u64::from_str_radix(digits, number.radix()) {
                    Ok(number) => Value::Number(number),
                    Err(_) => {
                        let problem = Problem::OutOfRange { value: number.to_string(), least: 0, most: u64::from(u32::MAX) };
                        self.faults.push(Fault::new(place, path(key), problem));
                        return None;
                    }
                }
            }
            (Kind::List, DeValue::Array(items)) => {
                let mut list = Vec::new();
                for item in items.iter() {
                    match item.get_ref() {
                        DeValue::String(text) => list.push(At { place: self.place(&item.span()), value: text.to_string() }),
                        other => self.wrong_type(item.span(), &path(key), type_name(other), "a text in quotes", key.example),
                    }
                }
                Value::List(list)
            }
            (kind, other) => {
                let expected = match kind {
                    Kind::Text => "a text in quotes",
                    Kind::Number => "a whole number",
                    Kind::Flag => "true or false",
                    Kind::List => "a list of texts",
                };
                self.wrong_type(value.span(), &path(key), type_name(other), expected, key.example);
                return None;
            }
        };
        Some(At { place, value: read })
    }

    fn wrong_type(&mut self, span: Range<usize>, key: &str, found: &'static str, expected: &'static str, example: &'static str) {
        let place = self.place(&span);
        self.faults.push(Fault::new(place, key, Problem::WrongType { found, expected, example }));
    }

    fn place(&self, span: &Range<usize>) -> Place {
        Place::File { file: self.file.clone(), line: self.line_starts.partition_point(|&start| start <= span.start).max(1) }
    }
}

fn line_starts(text: &str) -> Vec<usize> {
    std::iter::once(0).chain(text.bytes().enumerate().filter(|&(_, b)| b == b'\n').map(|(i, _)| i + 1)).collect()
}

fn type_name(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a text",
        DeValue::Integer(_) => "a whole number",
        DeValue::Float(_) => "a decimal number",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a section",
    }
}

/// Levenshtein's distance: how many letters to add, drop or change.
pub(super) fn distance(a: &str, b: &str) -> usize {
    // Names longer than any of ours are not worth the square of their length.
    if b.len() > 64 {
        return usize::MAX;
    }
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, ca) in a.chars().enumerate() {
        let mut diagonal = i;
        if let Some(first) = row.first_mut() {
            *first = i + 1;
        }
        let mut left = i + 1;
        for (cell, cb) in row.iter_mut().skip(1).zip(&b) {
            let best = (diagonal + usize::from(ca != *cb)).min(*cell + 1).min(left + 1);
            diagonal = *cell;
            *cell = best;
            left = best;
        }
    }
    row.last().copied().unwrap_or(a.len())
}
