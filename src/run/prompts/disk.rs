//! A folder of prompts on the disk, read with suspicion: nothing outside it, no pipes, no endless files.

use std::fs::{self, OpenOptions};
use std::io::{self, ErrorKind, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use nix::fcntl::OFlag;

use crate::media::prompt::{FOLDER_FILES, Folder, Reason};

/// A folder by its path.
#[derive(Clone, Debug)]
pub struct Disk {
    folder: PathBuf,
}

impl Disk {
    /// The folder need not be there yet: reading it says so.
    pub fn new(folder: &Path) -> Self {
        Self { folder: folder.to_owned() }
    }
}

impl Folder for Disk {
    fn names(&self) -> Result<Vec<String>, Reason> {
        let mut names = Vec::new();
        for entry in fs::read_dir(&self.folder).map_err(unreadable)? {
            if names.len() == FOLDER_FILES {
                return Err(Reason::Crowded);
            }
            names.push(entry.map_err(unreadable)?.file_name().to_string_lossy().into_owned());
        }
        Ok(names)
    }

    fn read(&self, file: &str, most: usize) -> Result<Vec<u8>, Reason> {
        // Links within the folder are how container platforms swap files; links out of it are how one reads what one may not.
        let home = fs::canonicalize(&self.folder).map_err(unreadable)?;
        let path = fs::canonicalize(home.join(file)).map_err(missing)?;
        if !path.starts_with(&home) {
            return Err(Reason::Outside);
        }
        // Non-blocking, so that opening a pipe nobody writes to does not wait for ever.
        let open = OpenOptions::new().read(true).custom_flags(OFlag::O_NONBLOCK.bits()).open(&path).map_err(missing)?;
        if !open.metadata().map_err(unreadable)?.is_file() {
            return Err(Reason::NoFile);
        }
        let mut octets = Vec::new();
        open.take(most as u64 + 1).read_to_end(&mut octets).map_err(unreadable)?;
        if octets.len() > most { Err(Reason::Oversize(most)) } else { Ok(octets) }
    }
}

fn unreadable(error: io::Error) -> Reason {
    Reason::Unreadable(error.to_string())
}

fn missing(error: io::Error) -> Reason {
    if error.kind() == ErrorKind::NotFound { Reason::Missing } else { unreadable(error) }
}

#[cfg(test)]
mod tests {
    use super::super::watch::tests::Scratch;
    use super::*;

    #[test]
    fn a_file_is_read_and_what_is_none_is_named() {
        let scratch = Scratch::new("disk");
        let disk = Disk::new(&scratch.0);
        fs::write(scratch.0.join("a.wav"), b"sound").unwrap();
        fs::create_dir(scratch.0.join("b.wav")).unwrap();
        assert_eq!(disk.read("a.wav", 5), Ok(b"sound".to_vec()));
        assert_eq!(disk.read("a.wav", 4), Err(Reason::Oversize(4)));
        assert_eq!(disk.read("b.wav", 5), Err(Reason::NoFile));
        assert_eq!(disk.read("c.wav", 5), Err(Reason::Missing));
        let mut names = disk.names().unwrap();
        names.sort();
        assert_eq!(names, ["a.wav", "b.wav"]);
        assert!(matches!(Disk::new(&scratch.0.join("nowhere")).names(), Err(Reason::Unreadable(_))));
    }

    #[test]
    fn a_link_is_followed_within_the_folder_and_not_out_of_it() {
        let scratch = Scratch::new("links");
        fs::write(scratch.0.join("secret"), b"secret").unwrap();
        let folder = scratch.0.join("prompts");
        fs::create_dir_all(folder.join("..data")).unwrap();
        fs::write(folder.join("..data/a.wav"), b"sound").unwrap();
        std::os::unix::fs::symlink("..data/a.wav", folder.join("a.wav")).unwrap();
        std::os::unix::fs::symlink("../secret", folder.join("b.wav")).unwrap();
        std::os::unix::fs::symlink("prompts", scratch.0.join("current")).unwrap();
        let disk = Disk::new(&scratch.0.join("current"));
        assert_eq!(disk.read("a.wav", 10), Ok(b"sound".to_vec()));
        assert_eq!(disk.read("b.wav", 10), Err(Reason::Outside));
    }

    #[test]
    fn a_pipe_is_no_file_and_nobody_waits_for_it() {
        let scratch = Scratch::new("pipe");
        nix::unistd::mkfifo(&scratch.0.join("a.wav"), nix::sys::stat::Mode::S_IRWXU).unwrap();
        assert_eq!(Disk::new(&scratch.0).read("a.wav", 10), Err(Reason::NoFile));
    }
}
