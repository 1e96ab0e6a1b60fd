//! `ljudbro load` against a real `ljudbro serve`, on loopback: a few callers key their way in, and hear their talkers.

#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "a test may fail loudly")]

mod program;

use program::{Folder, Serving, output};
use serde_json::Value;

/// A bridge with two meetings.
fn serve(folder: &Folder, more: &str) -> Serving {
    let meetings = "[[meeting]]\nname = \"ett\"\nid = \"400000001\"\n[[meeting]]\nname = \"tva\"\nid = \"400000002\"\n";
    let config = format!(
        "[sip]\nlisten = [\"udp:127.0.0.1:0\"]\n[media]\nports = \"26000-26999\"\n[http]\nlisten = \"127.0.0.1:0\"\n{more}{meetings}"
    );
    Serving::start(folder.serve(&config))
}

/// Six calls in meetings of three.
fn load(bridge: &Serving, folder: &Folder, ids: &str, more: &str) -> (Option<i32>, Value, String) {
    let (target, pid) = (format!("sip:0480445511@{}", bridge.address("UDP ")), bridge.child.id().to_string());
    let fixed = ["load", &target, "--calls", "6", "--per-meeting", "3", "--ids", ids, "--json", "out.json", "--report", "out.html"];
    let times = ["--seconds", "3", "--settle", "1", "--rate", "20", "--prompt", "2", "--pid", &pid];
    let arguments: Vec<&str> = fixed.into_iter().chain(times).chain(more.split_whitespace()).collect();
    let (status, said, complaint) = output(folder.ljudbro(&arguments));
    let json = serde_json::from_slice(&std::fs::read(folder.0.join("out.json")).unwrap_or_default()).unwrap_or_default();
    (status, json, said + &complaint)
}

#[test]
fn callers_get_in_hear_their_talkers_and_leave() {
    let folder = Folder::new("in");
    let bridge = serve(&folder, "");
    for more in ["--dtmf event", "--dtmf info --codec opus --churn 2"] {
        let (status, json, said) = load(&bridge, &folder, "400000001..", more);
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
    let bridge = serve(&folder, "");
    let (_, json, said) = load(&bridge, &folder, "400000001,499999999", "");
    assert_eq!(json["calls"]["entered"], serde_json::json!({"yes": 3, "of": 6}), "{said}");
    assert!(said.contains("3 did not get in"), "{said}");
    let (status, said, _) = output(folder.ljudbro(&["load", "sip:a@127.0.0.1:9", "--ids", "400000001", "--calls", "2"]));
    assert_eq!(status, Some(3), "{said}");
    assert!(said.contains("2: nobody listens there") && said.contains("NO: these figures are not the bridge's"), "{said}");
}

#[test]
fn who_hears_that_the_house_is_full_is_a_failure_and_no_lost_key() {
    let folder = Folder::new("full");
    let bridge = serve(&folder, "[call]\nmax_calls = 3\n");
    // All key at once, those too many into the words that send them away; one of them would be a talker.
    let (_, json, said) = load(&bridge, &folder, "400000001..", "--barge-in 100");
    assert_eq!(json["calls"]["failures"], serde_json::json!({"the bridge hung up": 3}), "{said}");
    assert_eq!(json["calls"]["entered"], serde_json::json!({"yes": 3, "of": 3}), "{said}");
}
