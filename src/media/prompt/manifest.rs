//! `manifest.toml`: which prompt is which file, what it says, and whether its level is left alone.
//!
//! ```toml
//! valkommen = { text = "Välkommen till mötestjänsten.", file = "valkommen.wav" }
//! ton_in = { text = "(ton: någon kom)", file = "ton_in.wav", gain = "keep" }
//! ```

use std::collections::BTreeMap;
use std::path::{Component, Path};

use serde::Deserialize;

use super::PromptId;
use super::fault::{Fault, Reason};

/// The manifest's name in its folder.
pub const FILE: &str = "manifest.toml";

/// One prompt's line.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Entry {
    /// What is said; `None`: as in the built-in set.
    pub text: Option<String>,
    /// A path inside the folder; `None`: the id and `.wav`.
    pub file: Option<String>,
    /// The level stays as it is.
    pub keep: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawEntry {
    text: Option<String>,
    file: Option<String>,
    gain: Option<Gain>,
    /// How the synthesiser is to pronounce the text: only `prompts/make.py` reads it.
    #[serde(rename = "say")]
    _say: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Gain {
    Keep,
}

/// The entries of a manifest, and everything that is wrong with it. The entry of a prompt with a fault is left out.
pub fn read(octets: &[u8]) -> (BTreeMap<&'static str, Entry>, Vec<Fault>) {
    let mut entries = BTreeMap::new();
    let mut faults = Vec::new();
    let manifest = |prompt, reason| Fault { file: FILE.to_owned(), prompt, reason };
    let line = |at: usize| octets.iter().take(at).filter(|&&octet| octet == b'\n').count() + 1;
    let text = match std::str::from_utf8(octets) {
        Ok(text) => text.trim_start_matches('\u{feff}'),
        Err(e) => {
            let reason = Reason::Manifest { line: line(e.valid_up_to()), message: "no UTF-8; save it as UTF-8".to_owned() };
            faults.push(manifest(None, reason));
            return (entries, faults);
        }
    };
    let table = match toml::from_str::<toml::Table>(text) {
        Ok(table) => table,
        Err(e) => {
            let at = e.span().map_or(0, |span| span.start);
            faults.push(manifest(None, Reason::Manifest { line: line(at), message: e.message().to_owned() }));
            return (entries, faults);
        }
    };
    for (name, value) in table {
        let Some(id) = PromptId::by_name(&name) else {
            faults.push(manifest(None, Reason::UnknownId(name)));
            continue;
        };
        match value.try_into::<RawEntry>() {
            Err(e) => faults.push(manifest(Some(id), Reason::Entry { id: name, message: e.message().to_owned() })),
            Ok(raw) => {
                if let Some(file) = raw.file.as_deref().filter(|file| !inside(file)) {
                    faults.push(Fault { file: file.to_owned(), prompt: Some(id), reason: Reason::Outside });
                    continue;
                }
                entries.insert(id.name(), Entry { text: raw.text, file: raw.file, keep: raw.gain.is_some() });
            }
        }
    }
    (entries, faults)
}

/// Whether a path stays in its folder, as far as its words say. (Links are the business of whoever opens it.)
fn inside(file: &str) -> bool {
    let mut parts = Path::new(file).components().peekable();
    parts.peek().is_some() && parts.all(|part| matches!(part, Component::Normal(_))) && !file.contains(['\\', '\0'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_may_leave_out_everything() {
        let (entries, faults) =
            read("\u{feff}slut = {}\nton_in = { gain = \"keep\", file = \"a/b.wav\", text = \"ton\", say = \"x\" }".as_bytes());
        assert_eq!(faults, []);
        assert_eq!(entries["slut"], Entry { text: None, file: None, keep: false });
        assert_eq!(entries["ton_in"], Entry { text: Some("ton".to_owned()), file: Some("a/b.wav".to_owned()), keep: true });
    }

    #[test]
    fn every_fault_is_named_at_once() {
        let text =
            "valkomen = {}\nslut = { file = \"../slut.wav\" }\nensam = { gain = \"loud\" }\nforst = { fil = \"a\" }\nlast = 3\nid_fel = {}";
        let (entries, faults) = read(text.as_bytes());
        assert_eq!(entries.keys().collect::<Vec<_>>(), [&"id_fel"]);
        let all = faults.iter().map(Fault::to_string).collect::<Vec<_>>();
        for told in ["\"valkomen\" is no prompt's name", "../slut.wav: leads out", "ensam: ", "forst: ", "last: "] {
            assert!(all.iter().any(|fault| fault.contains(told)), "{told}: {all:#?}");
        }
        assert_eq!(faults.len(), 5);
    }

    #[test]
    fn what_is_no_toml_is_named_with_its_line() {
        let (_, faults) = read(b"slut = {}\nslut = {}\n");
        assert!(matches!(faults[..], [Fault { reason: Reason::Manifest { line: 2, .. }, .. }]), "{faults:?}");
        let (_, faults) = read(b"# \n\nslut = \"\xe5\"\n");
        assert!(matches!(faults[..], [Fault { reason: Reason::Manifest { line: 3, .. }, .. }]), "{faults:?}");
    }

    #[test]
    fn a_path_out_of_the_folder_is_seen() {
        for file in ["/etc/passwd", "../a.wav", "a/../../b.wav", "./a.wav", "", "..", "a\\b.wav", "C:\\a.wav", "a\0.wav"] {
            assert!(!inside(file), "{file:?}");
        }
        assert!(inside("a.wav") && inside("röst 1/å.wav"));
    }
}
