//! The one meeting of a bridge without configured meetings: drawn at random at first start, kept in `data/meetings.toml`.
//!
//! The ID is a secret people have been given. A file that cannot be read is therefore a fault and never a reason to draw a new ID.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use serde::Deserialize;
use thiserror::Error;

use crate::bridge::command::MeetingSettings;
use crate::names::CallId;

/// The name the region's page uses.
const NAME: &str = "testmote1";

/// The file holds one meeting; anything near this size is something else.
const FILE_BYTES: u64 = 64 * 1024;

/// Why the kept meetings cannot be used.
#[derive(Debug, Error)]
pub enum KeptError {
    /// Cannot be read.
    #[error("{}: cannot be read ({reason}); make it readable for this user, or name the meetings in the configuration", .file.display())]
    Read {
        /// Which file.
        file: PathBuf,
        /// Why.
        reason: std::io::Error,
    },
    /// Is not what we wrote.
    #[error(
        "{}: damaged (line {line}); restore it from a backup, or remove it to have a new samtals-ID drawn, which makes the old one useless",
        .file.display()
    )]
    Damaged {
        /// Which file.
        file: PathBuf,
        /// Where, from 1.
        line: usize,
    },
    /// Cannot be written.
    #[error("{}: cannot be written ({reason}); start in a folder this user may write to, or name the meetings in the configuration", .file.display())]
    Write {
        /// Which file or folder.
        file: PathBuf,
        /// Why.
        reason: std::io::Error,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Kept {
    meeting: Vec<KeptMeeting>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct KeptMeeting {
    name: String,
    id: String,
}

/// The file in a data folder.
pub fn file(data: &Path) -> PathBuf {
    data.join("meetings.toml")
}

/// The kept meetings; at first start the one drawn by `draw` (a number below a billion), kept before it is returned.
pub fn kept_or_drawn(data: &Path, draw: impl FnOnce() -> u32) -> Result<Vec<MeetingSettings>, KeptError> {
    let file = file(data);
    let mut text = String::new();
    match File::open(&file).and_then(|f| f.take(FILE_BYTES).read_to_string(&mut text)) {
        Ok(_) => return read(&file, &text),
        Err(e) if e.kind() == ErrorKind::NotFound => {}
        Err(e) if e.kind() == ErrorKind::InvalidData => return Err(KeptError::Damaged { file, line: 1 }),
        Err(reason) => return Err(KeptError::Read { file, reason }),
    }
    // The remainder favours no number: the generator draws in the range.
    let id = CallId::from_number(draw() % 1_000_000_000).expect("a remainder of a billion is below it");
    let meeting = MeetingSettings { name: NAME.to_owned(), id };
    write(data, &file, &meeting).map_err(|reason| KeptError::Write { file, reason })?;
    Ok(vec![meeting])
}

fn read(file: &Path, text: &str) -> Result<Vec<MeetingSettings>, KeptError> {
    let damaged = |at: usize| {
        let line = text.bytes().take(at).filter(|&b| b == b'\n').count() + 1;
        KeptError::Damaged { file: file.to_owned(), line }
    };
    let kept: Kept = toml::from_str(text).map_err(|e| damaged(e.span().map_or(0, |s| s.start)))?;
    let meetings: Option<Vec<_>> = kept
        .meeting
        .into_iter()
        .map(|m| Some(MeetingSettings { id: m.id.parse().ok()?, name: m.name }).filter(|m| !m.name.is_empty()))
        .collect();
    meetings.filter(|m| !m.is_empty()).ok_or_else(|| damaged(0))
}

/// Whole or not at all: a new file beside it, on the disk before it takes the name.
fn write(data: &Path, file: &Path, meeting: &MeetingSettings) -> std::io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(data)?;
    let fresh = file.with_extension("toml.new");
    match std::fs::remove_file(&fresh) {
        Err(e) if e.kind() != ErrorKind::NotFound => return Err(e),
        _ => {}
    }
    let mut out = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&fresh)?;
    write!(
        out,
        "# Drawn at first start. Whoever knows the id can enter the meeting.\n[[meeting]]\nname = \"{}\"\nid = \"{}\"\n",
        meeting.name,
        meeting.id.expose()
    )?;
    out.sync_all()?;
    std::fs::rename(&fresh, file)?;
    File::open(data)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    struct Folder(PathBuf);

    impl Folder {
        fn new(name: &str) -> Self {
            let path = std::env::temp_dir().join(format!("ljudbro-{name}-{}", std::process::id()));
            let _ = std::fs::remove_dir_all(&path);
            Self(path)
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn an_id_is_drawn_once_and_kept_for_the_owner_alone() {
        let folder = Folder::new("kept");
        let first = kept_or_drawn(&folder.0, || 4_012_345_678).unwrap();
        assert_eq!((first[0].name.as_str(), first[0].id.expose().as_str()), ("testmote1", "012345678"));
        let second = kept_or_drawn(&folder.0, || panic!("drawn twice")).unwrap();
        assert_eq!(second[0].id, first[0].id);
        let mode = std::fs::metadata(file(&folder.0)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn a_damaged_file_is_a_fault_and_stays_as_it_is() {
        let folder = Folder::new("damaged");
        std::fs::create_dir_all(&folder.0).unwrap();
        for damage in ["", "[[meeting]]\nname = \"a\"\n", "meeting = []", "[[meeting]]\nname = \"a\"\nid = \"12\"", "\u{1}"] {
            std::fs::write(file(&folder.0), damage).unwrap();
            let error = kept_or_drawn(&folder.0, || panic!("a new ID was drawn")).unwrap_err();
            assert!(matches!(error, KeptError::Damaged { .. }), "{damage:?}: {error}");
            assert_eq!(std::fs::read_to_string(file(&folder.0)).unwrap(), damage);
        }
    }
}
