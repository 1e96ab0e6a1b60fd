//! The house rule of floors: a module names only lower floors, siblings don't know each other; and no file grows past 400 lines.
//!
//! Cargo cannot enforce this inside one package. This test reads the sources: every `crate::floor` path of a file under `src/floor` must name
//! a lower floor or its own.

#![allow(clippy::unwrap_used, reason = "a test that cannot read the sources should stop")]

use std::fs;
use std::path::{Path, PathBuf};

/// From the ground up. Modules in one row do not know each other.
const FLOORS: &[&[&str]] = &[
    &["names"],
    &["audio", "codec", "wire"],
    &["media"],
    &["call", "meeting", "sip"],
    &["bridge"],
    &["config", "run"],
    // `ljudbro call` is a simulated phone at the command line: cli stands on sim.
    &["sim", "http"],
    &["cli"],
];

/// A reader holds this much in mind.
const MOST_LINES: usize = 400;

/// Flat tables that may be longer, each with its reason.
const TABLES: &[(&str, &str)] = &[];

fn floor(module: &str) -> Option<usize> {
    FLOORS.iter().position(|floor| floor.contains(&module))
}

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|ext| ext == "rs") {
            found.push(path);
        }
    }
}

/// Comments name floors freely.
fn code(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.lines().enumerate().map(|(number, line)| (number + 1, line.split("//").next().unwrap_or("")))
}

fn word(text: &str) -> &str {
    let end = text.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(text.len());
    &text[..end]
}

/// What a path of `super::` names once it has climbed out of the first-level module, for a file that lies `depth` modules deep.
fn climbed(line: &str, depth: usize) -> impl Iterator<Item = &str> {
    let ends = line.match_indices("super::").map(|(at, step)| at + step.len());
    ends.filter(move |&end| {
        let steps = line[..end].rsplit("super::").skip(1).take_while(|before| before.is_empty()).count() + 1;
        steps >= depth
    })
    .map(move |end| word(&line[end..]))
}

/// The modules a file of `own` names and may not; `depth`: how many modules deep it lies (`src/call/mod.rs`: 1).
fn trespasses(own: &str, depth: usize, text: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let mut grouped = false;
    for (number, line) in code(text) {
        let mut named: Vec<&str> = line.split("crate::").skip(1).map(word).collect();
        named.extend(climbed(line, depth));
        // Everything at once would name every floor.
        if line.contains("crate::*") || line.contains("use crate as ") {
            found.push((number, "crate".to_owned()));
        }
        // `use crate::{` with a floor a line.
        if let Some(rest) = line.split("crate::{").nth(1) {
            grouped = !rest.contains("};");
            named.extend(rest.split(',').map(|part| word(part.trim())));
        } else if grouped {
            named.extend(line.split(',').map(|part| word(part.trim())));
            grouped = !line.contains("};");
        }
        for other in named {
            let allowed = match (floor(own), floor(other)) {
                (Some(here), Some(there)) => own == other || there < here,
                // Not a floor: a macro, or an item of lib.rs.
                _ => true,
            };
            if !allowed {
                found.push((number, other.to_owned()));
            }
        }
    }
    found
}

#[test]
fn a_module_names_only_lower_floors() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    sources(&root, &mut files);
    let mut faults = Vec::new();
    for path in files {
        let inner = path.strip_prefix(&root).unwrap();
        let first = inner.iter().next().unwrap().to_str().unwrap();
        let own = first.trim_end_matches(".rs");
        if matches!(own, "lib" | "main") {
            continue;
        }
        assert!(floor(own).is_some(), "src/{own} has no floor: give it one in tests/floors.rs and in lib.rs");
        let folders = inner.iter().count() - 1;
        let depth = folders + usize::from(!inner.ends_with("mod.rs"));
        for (line, other) in trespasses(own, depth, &fs::read_to_string(&path).unwrap()) {
            faults.push(format!("src/{}:{line}: {own} names {other}, which is not below it", inner.display()));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// What is wrong with the length of a file.
fn too_long(file: &str, text: &str) -> Option<String> {
    let lines = text.lines().count();
    let table = TABLES.iter().any(|(table, reason)| *table == file && !reason.is_empty());
    (lines > MOST_LINES && !table).then(|| format!("{file}: {lines} lines, at most {MOST_LINES}"))
}

#[test]
fn no_file_is_longer_than_a_reader_holds_in_mind() {
    let home = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    for folder in ["src", "tests", "benches"] {
        sources(&home.join(folder), &mut files);
    }
    let mut faults = Vec::new();
    for path in files {
        let inner = path.strip_prefix(home).unwrap().to_str().unwrap();
        faults.extend(too_long(inner, &fs::read_to_string(&path).unwrap()));
    }
    for (table, _) in TABLES {
        assert!(home.join(table).is_file(), "{table} is no longer there: take it out of the exceptions");
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn an_upward_and_a_sideways_name_are_found_however_written() {
    let upward = "use crate::bridge::ControlPlane;";
    assert_eq!(trespasses("media", 1, upward), [(1, "bridge".to_owned())]);
    let sideways = "fn f() { crate::meeting::Meeting::new(); }";
    assert_eq!(trespasses("call", 2, sideways), [(1, "meeting".to_owned())]);
    let grouped = "use crate::{\n    names::Key,\n    run::Bridge,\n};";
    assert_eq!(trespasses("wire", 1, grouped), [(3, "run".to_owned())]);
    assert_eq!(trespasses("wire", 2, "// crate::run is elsewhere\nuse crate::names::Key;\nuse crate::wire::rtp;"), []);
    assert_eq!(trespasses("sip", 2, "use crate::*;"), [(1, "crate".to_owned())]);
}

#[test]
fn a_name_reached_by_climbing_is_found_and_climbing_at_home_is_free() {
    let climb = "use super::super::meeting::Meeting;";
    assert_eq!(trespasses("call", 2, climb), [(1, "meeting".to_owned())]);
    assert_eq!(trespasses("call", 3, climb), [], "call::meeting is the call's own");
    assert_eq!(trespasses("bridge", 1, "use super::call::Call;"), []);
}

#[test]
fn a_file_too_long_is_found() {
    let lines = "//\n".repeat(MOST_LINES);
    assert_eq!(too_long("src/a.rs", &lines), None);
    assert!(too_long("src/a.rs", &format!("{lines}//\n")).is_some());
}
