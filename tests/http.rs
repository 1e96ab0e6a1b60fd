//! What `ljudbro serve` says of itself over HTTP: the real program, asked over plain sockets, with a call going on.

#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "a test may fail loudly")]

mod program;

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::path::Path;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use program::{Folder, Serving};

/// A machine under load may take this long.
const PATIENCE: Duration = Duration::from_secs(5);
/// Longest answer looked at.
const ANSWER: u64 = 1 << 20;
/// No test asks more often than this for something to come true; each time 400 ms of sound pass.
const TRIES: usize = 30;

/// A running bridge; killed when the test is over.
struct Bridge {
    serving: Serving,
    _folder: Folder,
}

impl Bridge {
    fn start(name: &str, more: &str) -> Self {
        let folder = Folder::new(name);
        let config = format!(
            "[sip]\nlisten = [\"udp:127.0.0.1:0\"]\n[media]\nworkers = 2\n[http]\nlisten = \"127.0.0.1:0\"\n\
             [[meeting]]\nname = \"ronden\"\nid = \"904718263\"\n{more}"
        );
        Self { serving: Serving::start(folder.serve(&config)), _folder: folder }
    }

    fn sip(&self) -> SocketAddr {
        self.serving.address("UDP ")
    }

    /// Status and body of an answer.
    fn ask(&self, method: &str, path: &str) -> (u16, String) {
        let head = format!("{method} {path} HTTP/1.1\r\nHost: bro\r\nUser-Agent: test\r\n\r\n");
        let answer = self.send(head.as_bytes());
        let status = answer.split(' ').nth(1).and_then(|word| word.parse().ok()).unwrap_or_else(|| panic!("{answer:?}"));
        (status, answer.split_once("\r\n\r\n").unwrap().1.to_owned())
    }

    /// All that is answered to these octets, until the connection is closed.
    fn send(&self, octets: &[u8]) -> String {
        let mut stream = TcpStream::connect(self.serving.address("http://")).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        // It may have heard enough before the end.
        let _ = stream.write_all(octets);
        let mut answer = Vec::new();
        let _ = stream.take(ANSWER).read_to_end(&mut answer);
        String::from_utf8(answer).unwrap()
    }

    /// The sum of a figure's rows whose labels have this in them.
    fn figure(&self, name: &str, label: &str) -> f64 {
        sum(&self.ask("GET", "/metrics").1, name, label)
    }
}

fn sum(page: &str, name: &str, label: &str) -> f64 {
    let rows = page.lines().filter(|line| {
        let rest = line.strip_prefix(name);
        rest.is_some_and(|rest| rest.starts_with(['{', ' ']) && rest.contains(label))
    });
    rows.map(|line| line.rsplit_once(' ').unwrap().1.parse::<f64>().unwrap()).sum()
}

/// A caller in the meeting: every packet it is sent is answered with one of its own, so the bridge beats the time.
struct Caller {
    sip: UdpSocket,
    rtp: UdpSocket,
    call: String,
    to: String,
    sequence: u16,
}

impl Caller {
    fn call(bridge: &Bridge, call: &str) -> Self {
        let socket = || {
            let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
            socket.set_read_timeout(Some(PATIENCE)).unwrap();
            socket
        };
        let (sip, rtp) = (socket(), socket());
        sip.connect(bridge.sip()).unwrap();
        let mut caller = Self { sip, rtp, call: call.to_owned(), to: "<sip:ronden@127.0.0.1>".to_owned(), sequence: 0 };
        let port = caller.rtp.local_addr().unwrap().port();
        caller.send(
            "INVITE",
            1,
            &format!("v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio {port} RTP/AVP 8\r\n"),
        );
        let answer = loop {
            let answer = caller.answer();
            if !answer.starts_with("SIP/2.0 100") {
                break answer;
            }
        };
        assert!(answer.starts_with("SIP/2.0 200"), "{answer}");
        caller.to = answer.lines().find_map(|line| line.strip_prefix("To: ")).unwrap().to_owned();
        caller.send("ACK", 1, "");
        let port = answer.split("m=audio ").nth(1).unwrap().split(' ').next().unwrap();
        caller.rtp.connect(format!("127.0.0.1:{port}")).unwrap();
        caller
    }

    fn send(&self, method: &str, cseq: u32, body: &str) {
        let (sip, call, to) = (self.sip.local_addr().unwrap(), &self.call, &self.to);
        let kind = if body.is_empty() { "" } else { "Content-Type: application/sdp\r\n" };
        let text = format!(
            "{method} sip:ronden@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP {sip};branch=z9hG4bK{call}{method}\r\nMax-Forwards: 70\r\n\
             From: <sip:0701234567@x>;tag=peer\r\nTo: {to}\r\nCall-ID: {call}\r\nCSeq: {cseq} {method}\r\nContact: <sip:a@{sip}>\r\n{kind}\
             Content-Length: {}\r\n\r\n{body}",
            body.len()
        );
        self.sip.send(text.as_bytes()).unwrap();
    }

    fn answer(&self) -> String {
        let mut octets = [0; 4096];
        let len = self.sip.recv(&mut octets).unwrap();
        String::from_utf8_lossy(&octets[..len]).into_owned()
    }

    /// So many packets to and fro, 20 ms each.
    fn talk(&mut self, packets: usize) {
        let mut came = [0; 2048];
        for _ in 0..packets {
            let mut packet = vec![0x80, 8];
            packet.extend(self.sequence.to_be_bytes());
            packet.extend((u32::from(self.sequence) * 160).to_be_bytes());
            packet.extend([7; 4]);
            packet.extend([0x55; 160]);
            self.rtp.send(&packet).unwrap();
            self.sequence += 1;
            self.rtp.recv(&mut came).unwrap();
        }
    }

    fn hang_up(&self) {
        self.send("BYE", 2, "");
        while !self.answer().contains("BYE") {}
    }
}

#[test]
fn all_three_pages_are_there_and_nothing_else() {
    let bridge = Bridge::start("pages", "");
    assert_eq!(bridge.ask("GET", "/healthz"), (200, "alive\n".to_owned()));
    assert_eq!(bridge.ask("GET", "/readyz"), (200, "ready\n".to_owned()));
    let (status, page) = bridge.ask("GET", "/metrics");
    assert_eq!(status, 200);
    assert!(page.contains("\nljudbro_worker_up{worker=\"1\"} 1.0\n"), "{page}");
    assert!(!page.contains("904718263") && !page.contains("ronden"), "no secrets, and no names");
    assert_eq!(bridge.ask("HEAD", "/metrics"), (200, String::new()));
    for path in ["/", "/metrics/x", "/..", "/healthz%00"] {
        assert_eq!(bridge.ask("GET", path).0, 404, "{path}");
    }
    for method in ["POST", "PUT", "DELETE", "OPTIONS"] {
        assert_eq!(bridge.ask(method, "/metrics").0, 405, "{method}");
    }
}

#[test]
fn what_is_no_request_or_too_long_a_one_is_turned_away_and_the_next_is_answered() {
    let bridge = Bridge::start("abuse", "");
    let long = format!("GET /{} HTTP/1.1\r\nHost: bro\r\n\r\n", "a".repeat(100_000));
    let many = format!("GET /metrics HTTP/1.1\r\n{}\r\n", "X: y\r\n".repeat(500));
    for octets in [long.as_bytes(), many.as_bytes(), b"\x16\x03\x01\x02\x00\x01\x00", b"GET\r\n\r\n", b"\r\n\r\n\r\nx y z\r\n\r\n"] {
        let answer = bridge.send(octets);
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 4"), "{answer}");
    }
    // Connections that say nothing do not keep the others out.
    let address = bridge.serving.address("http://");
    let silent: Vec<_> = (0..15).map(|_| TcpStream::connect(address).unwrap()).collect();
    assert_eq!(bridge.ask("GET", "/healthz").0, 200);
    drop(silent);
}

#[test]
fn during_a_call_the_figures_move_and_after_it_they_stay() {
    let bridge = Bridge::start("call", "");
    assert_eq!(bridge.figure("ljudbro_calls_begun_total", ""), 0.0);
    let mut caller = Caller::call(&bridge, "one");
    let inside = (0..TRIES).any(|_| {
        caller.talk(20);
        let (_, page) = bridge.ask("GET", "/metrics");
        sum(&page, "ljudbro_calls", "state=\"meeting\"") == 1.0
            && sum(&page, "ljudbro_worker_legs", "") == 1.0
            && sum(&page, "ljudbro_worker_meetings", "") == 1.0
            && sum(&page, "ljudbro_participants", "") == 1.0
            && sum(&page, "ljudbro_rtp_packets_received_total", "") > 50.0
            && sum(&page, "ljudbro_rtp_packets_sent_total", "") > 50.0
            && sum(&page, "ljudbro_rtp_bytes_received_total", "") > 50.0 * 172.0
            && sum(&page, "ljudbro_worker_tick_seconds_count", "") > 200.0
            && sum(&page, "ljudbro_worker_busy_seconds_total", "") > 0.0
            && sum(&page, "ljudbro_jitter_seconds_count", "") >= 1.0
    });
    assert!(inside, "{}", bridge.ask("GET", "/metrics").1);
    assert_eq!(bridge.ask("GET", "/healthz").0, 200);
    caller.hang_up();
    // Another call beats the time until the first has been counted.
    let mut other = Caller::call(&bridge, "two");
    let counted = (0..TRIES).any(|_| {
        other.talk(20);
        bridge.figure("ljudbro_calls_ended_total", "cause=\"bye\"") == 1.0
    });
    assert!(counted);
    let (_, page) = bridge.ask("GET", "/metrics");
    assert_eq!(sum(&page, "ljudbro_calls_answered_total", ""), 2.0);
    assert_eq!(sum(&page, "ljudbro_calls_begun_total", "way=\"meeting\""), 2.0);
    assert_eq!(sum(&page, "ljudbro_sip_requests_total", "method=\"BYE\",direction=\"received\""), 1.0);
    assert!(sum(&page, "ljudbro_sip_responses_total", "status=\"200\",direction=\"sent\"") >= 3.0);
}

#[test]
fn a_full_house_is_not_ready_but_alive_and_neither_is_one_that_stops() {
    let bridge = Bridge::start("full", "[call]\nmax_calls = 1\n");
    let mut caller = Caller::call(&bridge, "one");
    let full = (0..TRIES).any(|_| {
        caller.talk(20);
        bridge.ask("GET", "/readyz") == (503, "full: as many calls as there may be\n".to_owned())
    });
    assert!(full);
    assert_eq!(bridge.ask("GET", "/healthz").0, 200);
    // The BYE that a stop sends is never answered, so it takes two seconds.
    kill(Pid::from_raw(bridge.serving.child.id() as i32), Signal::SIGTERM).unwrap();
    while !caller.answer().starts_with("BYE") {}
    assert_eq!(bridge.ask("GET", "/readyz"), (503, "stopping\n".to_owned()));
}

#[test]
fn a_taken_address_is_one_line_that_names_the_key_and_nothing_starts() {
    let folder = Folder::new("taken");
    let other = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = other.local_addr().unwrap();
    for (config, lines) in [
        (format!("[sip]\nlisten = [\"udp:127.0.0.1:0\"]\n[http]\nlisten = \"{address}\"\n"), 1),
        (format!("[sip]\nlisten = [\"tcp:{address}\"]\n[http]\nlisten = \"{address}\"\n"), 2),
        (format!("[sip]\nlisten = [\"udp:127.0.0.1:0\"]\ndomian = \"x\"\n[http]\nlisten = \"{address}\"\n"), 2),
    ] {
        let output = folder.serve(&config).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert_eq!(said.lines().count(), lines, "{said}");
        let last = said.lines().last().unwrap();
        assert!(last.starts_with("bro.toml:") && last.contains(": http.listen: ") && last.contains("taken by another program"), "{said}");
    }
}

/// Names of figures in a query: words with our prefix or that of the process.
fn names(query: &str) -> impl Iterator<Item = &str> {
    query
        .split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
        .filter(|word| ["ljudbro_", "process_"].iter().any(|prefix| word.starts_with(prefix)))
}

#[test]
fn every_figure_of_the_dashboard_is_exported() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/grafana/ljudbro.json");
    let dashboard = std::fs::read_to_string(file).unwrap();
    // A query is `"expr": "…"`, a line of its own in the file.
    let queries: Vec<&str> = dashboard.lines().filter_map(|line| line.trim().strip_prefix("\"expr\": ")).collect();
    assert!(queries.len() > 20, "{queries:?}");
    let asked: BTreeSet<&str> = queries.iter().flat_map(|query| names(query)).collect();
    assert!(queries.iter().all(|query| names(query).next().is_some()));
    let bridge = Bridge::start("dashboard", "");
    let (_, page) = bridge.ask("GET", "/metrics");
    let exported: BTreeSet<&str> =
        page.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.split(['{', ' ']).next()).collect();
    let missing: Vec<_> = asked.difference(&exported).collect();
    assert!(missing.is_empty(), "{missing:?}");
}
