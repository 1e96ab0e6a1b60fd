//! The program itself, in a folder of its own: for tests of the binary.
#![allow(dead_code, reason = "each test uses its own part")]
#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "a test may fail loudly")]

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};

/// A folder that is gone after the test.
pub struct Folder(pub PathBuf);

impl Folder {
    /// `name` is unique in its test program.
    pub fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("ljudbro-{}-{name}-{}", env!("CARGO_CRATE_NAME"), std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub fn write(&self, file: &str, text: &str) {
        std::fs::write(self.0.join(file), text).unwrap();
    }

    /// The program, in this folder.
    pub fn ljudbro(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ljudbro"));
        command.args(arguments).current_dir(&self.0).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// The program as a bridge with this configuration.
    pub fn serve(&self, config: &str) -> Command {
        self.write("bro.toml", config);
        self.ljudbro(&["serve", "--config", "bro.toml"])
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Status, what it said, and what it complained of.
pub fn output(mut command: Command) -> (Option<i32>, String, String) {
    let Output { status, stdout, stderr } = command.output().unwrap();
    (status.code(), String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap())
}

/// A running bridge; killed if a test fails before it has ended.
pub struct Serving {
    pub child: Child,
    /// What it says at its start.
    pub said: String,
}

impl Serving {
    /// Until it has said all it says at start.
    pub fn start(mut command: Command) -> Self {
        let mut child = command.stderr(Stdio::null()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap());
        let mut said = String::new();
        while !said.contains("Plats för") {
            assert_ne!(lines.read_line(&mut said).unwrap(), 0, "it ended: {said}");
        }
        Self { child, said }
    }

    /// The address that it says after these words.
    pub fn address(&self, before: &str) -> SocketAddr {
        let rest = self.said.split(before).nth(1).unwrap();
        rest.split(|c: char| c != '.' && c != ':' && !c.is_ascii_digit()).next().unwrap().parse().unwrap()
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
