use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};

use super::*;
use crate::media::PromptId;
use crate::media::prompt::built_in;

/// A folder for one test, gone with it.
pub struct Scratch(pub PathBuf);

impl Scratch {
    pub fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("ljudbro-prompts-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

const SOON: Duration = Duration::from_millis(50);
/// Only a failing test waits so long.
const NEVER: Duration = Duration::from_secs(20);

fn watched(folder: &Path) -> (Watcher, Receiver<Arc<PromptSet>>) {
    let (sets, received) = channel();
    let loaded = load(Some(folder)).unwrap();
    (start(folder, loaded, SOON, move |set| sets.send(set).unwrap_or_default()).unwrap(), received)
}

/// `forst` in the voice of another prompt.
fn speak_as(folder: &Path, voice: PromptId) {
    fs::write(folder.join("forst.wav"), voice.built_in()).unwrap();
}

fn says(set: &PromptSet, voice: PromptId) -> bool {
    set.get(PromptId::Forst) == built_in().set.get(voice)
}

#[test]
fn a_changed_file_is_handed_out_once_and_an_unchanged_folder_never() {
    let scratch = Scratch::new("change");
    let (_watcher, sets) = watched(&scratch.0);
    speak_as(&scratch.0, PromptId::Slut);
    assert!(says(&sets.recv_timeout(NEVER).unwrap(), PromptId::Slut));
    // Neither reading the folder nor writing the same again is a change.
    speak_as(&scratch.0, PromptId::Slut);
    assert_eq!(sets.recv_timeout(SOON * 6).unwrap_err(), RecvTimeoutError::Timeout);
    fs::remove_file(scratch.0.join("forst.wav")).unwrap();
    assert!(says(&sets.recv_timeout(NEVER).unwrap(), PromptId::Forst), "without a file it is the built-in one again");
}

#[test]
fn a_bad_set_is_handed_to_nobody_and_the_next_good_one_is() {
    let scratch = Scratch::new("bad");
    let (watcher, sets) = watched(&scratch.0);
    fs::write(scratch.0.join("forst.wav"), b"no sound").unwrap();
    fs::write(scratch.0.join("ensam.wav"), PromptId::Slut.built_in()).unwrap();
    watcher.reload();
    assert_eq!(sets.recv_timeout(SOON * 6).unwrap_err(), RecvTimeoutError::Timeout);
    speak_as(&scratch.0, PromptId::Last);
    let set = sets.recv_timeout(NEVER).unwrap();
    assert!(says(&set, PromptId::Last));
    assert_eq!(set.get(PromptId::Ensam), built_in().set.get(PromptId::Slut));
}

#[test]
fn a_folder_may_be_replaced_under_its_name() {
    let scratch = Scratch::new("replace");
    let (one, two, current) = (scratch.0.join("one"), scratch.0.join("two"), scratch.0.join("current"));
    for (folder, voice) in [(&one, PromptId::Slut), (&two, PromptId::Last)] {
        fs::create_dir(folder).unwrap();
        speak_as(folder, voice);
    }
    std::os::unix::fs::symlink(&one, &current).unwrap();
    let (_watcher, sets) = watched(&current);
    let fresh = scratch.0.join("fresh");
    std::os::unix::fs::symlink(&two, &fresh).unwrap();
    fs::rename(&fresh, &current).unwrap();
    assert!(says(&sets.recv_timeout(NEVER).unwrap(), PromptId::Last));
    // And the new one is what is watched from then on.
    speak_as(&two, PromptId::Upplast);
    assert!(says(&sets.recv_timeout(NEVER).unwrap(), PromptId::Upplast));
}

#[test]
fn a_folder_that_goes_away_changes_nothing_until_it_is_back() {
    let scratch = Scratch::new("gone");
    let folder = scratch.0.join("prompts");
    fs::create_dir(&folder).unwrap();
    speak_as(&folder, PromptId::Slut);
    let (_watcher, sets) = watched(&folder);
    fs::rename(&folder, scratch.0.join("away")).unwrap();
    assert_eq!(sets.recv_timeout(SOON * 6).unwrap_err(), RecvTimeoutError::Timeout);
    fs::create_dir(&folder).unwrap();
    speak_as(&folder, PromptId::Last);
    // The folder without and then with its file may be seen as two changes.
    let mut set = sets.recv_timeout(NEVER).unwrap();
    while !says(&set, PromptId::Last) {
        set = sets.recv_timeout(NEVER).unwrap();
    }
}

#[test]
fn what_changed_between_loading_and_watching_is_seen() {
    let scratch = Scratch::new("between");
    let loaded = load(Some(&scratch.0)).unwrap();
    speak_as(&scratch.0, PromptId::Slut);
    let (sets, received) = channel();
    let _watcher = start(&scratch.0, loaded, SOON, move |set| sets.send(set).unwrap_or_default()).unwrap();
    assert!(says(&received.recv_timeout(NEVER).unwrap(), PromptId::Slut));
}

#[test]
fn a_folder_in_constant_change_is_looked_at_all_the_same() {
    let start = Instant::now();
    let at = |n: u32| start + QUIET / 2 * n;
    let mut state = State::default();
    assert_eq!(state.due(QUIET, start), None);
    for n in 0..100 {
        state.changed(at(n));
    }
    assert_eq!(state.due(QUIET, at(100)), Some(start + QUIET * IMPATIENCE));
    state.changes = Some((start, at(1)));
    assert_eq!(state.due(QUIET, at(1)), Some(at(3)));
    state.reload = true;
    assert_eq!(state.due(QUIET, at(1)), Some(at(1)));
}
