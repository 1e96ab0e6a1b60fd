//! `ljudbro load` against a real `ljudbro serve`, on loopback: a few callers key their way in, and hear their talkers.

#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "a test may fail loudly")]

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;

struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("ljudbro-load-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn ljudbro(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ljudbro"));
        command.args(arguments).current_dir(&self.0).stdout(Stdio::piped());
        command
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A running bridge with two meetings; killed at the end.
struct Bridge {
    child: Child,
    address: String,
}

impl Bridge {
    fn start(folder: &Folder) -> Self {
        let meetings = "[[meeting]]\nname = \"ett\"\nid = \"400000001\"\n[[meeting]]\nname = \"tva\"\nid = \"400000002\"\n";
        let config = format!(
            "[sip]\nlisten = [\"udp:127.0.0.1:0\"]\n[media]\nports = \"26000-26999\"\n[http]\nlisten = \"127.0.0.1:0\"\n{meetings}"
        );
        std::fs::write(folder.0.join("bro.toml"), config).unwrap();
        let mut child = folder.ljudbro(&["serve", "--config", "bro.toml"]).stderr(Stdio::null()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap());
        let mut said = String::new();
        while !said.contains("Plats för") {
            assert_ne!(lines.read_line(&mut said).unwrap(), 0, "it ended: {said}");
        }
        let address = said.split("UDP ").nth(1).unwrap().split(|c: char| c == ',' || c.is_whitespace()).next().unwrap().to_owned();
        Self { child, address }
    }

    fn load(&self, folder: &Folder, ids: &str, more: &str) -> (Option<i32>, Value, String) {
        let (target, pid) = (format!("sip:0480445511@{}", self.address), self.child.id().to_string());
        let fixed = ["load", &target, "--calls", "6", "--per-meeting", "3", "--ids", ids, "--json", "out.json", "--report", "out.html"];
        let times = ["--seconds", "3", "--settle", "1", "--rate", "20", "--prompt", "2", "--pid", &pid];
        let arguments: Vec<&str> = fixed.into_iter().chain(times).chain(more.split_whitespace()).collect();
        let Output { status, stdout, stderr } = folder.ljudbro(&arguments).stderr(Stdio::piped()).output().unwrap();
        let said = format!("{}{}", String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap());
        let json = serde_json::from_slice(&std::fs::read(folder.0.join("out.json")).unwrap_or_default()).unwrap_or_default();
        (status.code(), json, said)
    }
}

impl Drop for Bridge {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn callers_get_in_hear_their_talkers_and_leave() {
    let folder = Folder::new("in");
    let bridge = Bridge::start(&folder);
    for more in ["--dtmf event", "--dtmf info --codec opus --churn 2"] {
        let (status, json, said) = bridge.load(&folder, "400000001..", more);
        // On a busy machine the generator may be late, which it says; the calls are none the worse.
        assert!(matches!(status, Some(0 | 3)), "{more}: {status:?}\n{said}");
        assert_eq!(json["calls"]["answered"], 6, "{more}\n{said}");
        assert_eq!(json["calls"]["failures"], serde_json::json!({}), "{more}\n{said}");
        assert_eq!(json["calls"]["entered"], serde_json::json!({"yes": 6, "of": 6}), "{more}\n{said}");
        let found = json["delay"]["markers"]["yes"].as_u64().unwrap();
        assert!(found >= 4 && json["delay"]["times"]["count"] == found, "{more}\n{said}");
        assert!(json["received"]["packets"].as_u64().unwrap() > 600, "{more}\n{said}");
        assert!(json["server"]["resident_start_kb"].as_u64().unwrap() > 1_000, "{more}\n{said}");
        if more.contains("churn") {
            assert_eq!(json["passing"]["failures"], serde_json::json!({}), "{more}\n{said}");
            assert!(json["passing"]["answered"].as_u64().unwrap() >= 5, "{more}\n{said}");
        }
        let page = std::fs::read_to_string(folder.0.join("out.html")).unwrap();
        assert!(page.starts_with("<!doctype html>") && page.matches("<svg").count() >= 4);
        for secret in ["400000001", "400000002"] {
            assert!(!page.contains(secret) && !said.contains(secret) && !json.to_string().contains(secret), "an ID is shown");
        }
    }
}

#[test]
fn a_wrong_id_and_a_missing_bridge_are_told() {
    let folder = Folder::new("out");
    let bridge = Bridge::start(&folder);
    let (_, json, said) = bridge.load(&folder, "400000001,499999999", "");
    assert_eq!(json["calls"]["entered"], serde_json::json!({"yes": 3, "of": 6}), "{said}");
    assert!(said.contains("3 did not get in"), "{said}");
    let nobody = folder.ljudbro(&["load", "sip:a@127.0.0.1:9", "--ids", "400000001", "--calls", "2"]).stderr(Stdio::piped()).output();
    let Output { status, stdout, .. } = nobody.unwrap();
    let said = String::from_utf8(stdout).unwrap();
    assert_eq!(status.code(), Some(3), "{said}");
    assert!(said.contains("2: nobody listens there") && said.contains("NO: these figures are not the bridge's"), "{said}");
}
