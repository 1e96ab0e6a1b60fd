//! `ljudbro serve` and `ljudbro check` as an operator meets them: what they say, how they end.

#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "a test may fail loudly, and measures how long the process takes")]

mod program;

use std::io::Read;
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::process::Command;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use program::{Folder, Serving, output};

/// What the program ends with and complains of. Tests run side by side; `tests/http.rs` looks at the address of HTTP.
fn complaints(folder: &Folder, arguments: &[&str]) -> (Option<i32>, Vec<String>) {
    let mut command = folder.ljudbro(arguments);
    command.env("LJUDBRO_HTTP_LISTEN", "127.0.0.1:0");
    let (status, _, complaints) = output(command);
    (status, complaints.lines().map(str::to_owned).collect())
}

fn serve(mut command: Command) -> Serving {
    command.env("LJUDBRO_HTTP_LISTEN", "127.0.0.1:0");
    Serving::start(command)
}

fn end(mut serving: Serving, signal: Signal) -> (Option<i32>, Duration) {
    let begun = Instant::now();
    kill(Pid::from_raw(serving.child.id() as i32), signal).unwrap();
    (serving.child.wait().unwrap().code(), begun.elapsed())
}

#[test]
fn every_fault_of_file_port_and_folder_is_one_line_and_the_status_is_2() {
    let folder = Folder::new("faults");
    let (tcp, udp) = (TcpListener::bind("127.0.0.1:0").unwrap(), UdpSocket::bind("127.0.0.1:0").unwrap());
    let (tcp, udp) = ((tcp.local_addr().unwrap(), tcp), (udp.local_addr().unwrap(), udp));
    folder.write(
        "bro.toml",
        &format!(
            "[sip]\nlisten = [\n  \"udp:{}\",\n  \"tcp:{}\",\n]\ndomian = \"bro\"\n[media]\nports = \"9-1\"\n[prompts]\nfolder = \"nowhere\"\n",
            udp.0, tcp.0
        ),
    );
    let (status, lines) = complaints(&folder, &["serve", "--config", "bro.toml"]);
    assert_eq!(status, Some(2), "{lines:#?}");
    let begin = [
        "bro.toml:3: sip.listen: ",
        "bro.toml:4: sip.listen: ",
        "bro.toml:6: sip.domian: ",
        "bro.toml:8: media.ports: ",
        "bro.toml:10: prompts.folder: ",
    ];
    assert_eq!(lines.len(), begin.len(), "{lines:#?}");
    for (line, begin) in lines.iter().zip(begin) {
        assert!(line.starts_with(begin), "{line}");
    }
    assert!(lines[0].contains("taken by another program"), "{}", lines[0]);

    let (status, checked) = complaints(&folder, &["check", "--config", "bro.toml"]);
    assert_eq!(status, Some(1));
    assert_eq!(checked, lines[2..], "a check does not bind: the bridge may be running");
}

#[test]
fn a_taken_port_alone_is_one_line_and_nothing_is_left_running() {
    let folder = Folder::new("taken");
    let other = UdpSocket::bind("127.0.0.1:0").unwrap();
    folder.write("bro.toml", &format!("[sip]\nlisten = [\"udp:{}\"]\n", other.local_addr().unwrap()));
    let (status, lines) = complaints(&folder, &["serve", "--config", "bro.toml"]);
    assert_eq!(status, Some(2));
    assert_eq!(lines.len(), 1, "{lines:#?}");
    assert!(lines[0].starts_with("bro.toml:2: sip.listen: udp:127.0.0.1:"), "{}", lines[0]);
}

#[test]
fn a_faulty_prompt_is_named_with_its_file() {
    let folder = Folder::new("prompt");
    std::fs::create_dir(folder.0.join("sounds")).unwrap();
    folder.write("sounds/valkommen.wav", "no sound");
    folder.write("bro.toml", "[sip]\nlisten = [\"udp:127.0.0.1:0\"]\n[prompts]\nfolder = \"sounds\"\n");
    for (command, expected) in [("serve", 2), ("check", 1)] {
        let (status, lines) = complaints(&folder, &[command, "--config", "bro.toml"]);
        assert_eq!(status, Some(expected), "{lines:#?}");
        assert_eq!(lines.len(), 1, "{lines:#?}");
        assert!(lines[0].starts_with("bro.toml:4: prompts.folder: valkommen.wav: "), "{}", lines[0]);
    }
}

#[test]
fn it_draws_its_id_once_says_it_and_ends_with_status_0_in_time() {
    let folder = Folder::new("first");
    let id = |said: &str| {
        let line = said.lines().find(|line| line.contains("samtals-ID")).unwrap();
        line.split_whitespace().find(|word| word.len() == 9 && word.bytes().all(|b| b.is_ascii_digit())).unwrap().to_owned()
    };
    let mut ids = Vec::new();
    for signal in [Signal::SIGTERM, Signal::SIGINT] {
        let mut command = folder.ljudbro(&["serve"]);
        command.env("LJUDBRO_SIP_LISTEN", "udp:127.0.0.1:0,tcp:127.0.0.1:0");
        let bridge = serve(command);
        ids.push(id(&bridge.said));
        assert!(bridge.said.contains("sip:testmote1@127.0.0.1:"), "{}", bridge.said);
        let (status, took) = end(bridge, signal);
        assert_eq!(status, Some(0));
        assert!(took < Duration::from_secs(3), "{took:?}");
    }
    assert_eq!(ids[0], ids[1], "kept in data/");
}

#[test]
fn it_answers_on_udp_and_tcp_and_a_reload_does_not_end_it() {
    let folder = Folder::new("answers");
    folder.write(
        "bro.toml",
        "[sip]\nlisten = [\"udp:127.0.0.1:0\", \"tcp:127.0.0.1:0\"]\n[[meeting]]\nname = \"ronden\"\nid = \"904718263\"\n",
    );
    let bridge = serve(folder.ljudbro(&["serve", "--config", "bro.toml"]));
    assert!(!bridge.said.contains("904718263"), "what is not a screen may be a journal");
    let open = bridge.said.lines().find(|line| line.contains("Öppet: SIP")).unwrap();
    let address = |transport: &str| open.split(transport).nth(1).unwrap().split(',').next().unwrap().trim().to_owned();
    kill(Pid::from_raw(bridge.child.id() as i32), Signal::SIGHUP).unwrap();

    let options = |transport: &str| {
        format!(
            "OPTIONS sip:bro@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/{transport} 127.0.0.1:9;rport;branch=z9hG4bKserve{transport}\r\nMax-Forwards: 70\r\n\
             From: <sip:a@127.0.0.1>;tag=a\r\nTo: <sip:bro@127.0.0.1>\r\nCall-ID: serve{transport}\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"
        )
    };
    let mut answer = [0; 2048];
    let caller = UdpSocket::bind("127.0.0.1:0").unwrap();
    caller.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    caller.send_to(options("UDP").as_bytes(), address("UDP ")).unwrap();
    caller.recv(&mut answer).unwrap();
    assert!(answer.starts_with(b"SIP/2.0 200 "));

    let mut caller = TcpStream::connect(address("TCP ")).unwrap();
    caller.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    std::io::Write::write_all(&mut caller, options("TCP").as_bytes()).unwrap();
    answer.fill(0);
    caller.read_exact(&mut answer[..12]).unwrap();
    assert!(answer.starts_with(b"SIP/2.0 200 "));

    assert_eq!(end(bridge, Signal::SIGTERM).0, Some(0));
}
