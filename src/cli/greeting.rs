//! What `ljudbro serve` says when it is ready, in the operator's language: whom to call, what to key, where things lie, who may come in.

use std::fmt::Write;
use std::io::IsTerminal;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;

use crate::bridge::command::MeetingSettings;
use crate::config::Config;
use crate::names::PhoneNumber;
use crate::run::{Bridge, ports};
use crate::sip::Transport;

/// Meetings and ranges listed; a screen is not a directory.
const LISTED: usize = 8;
/// RFC 3261 §19.1.2: what goes without saying.
const SIP_PORT: u16 = 5060;

/// The whole text.
pub fn text(config: &Config, bridge: &Bridge, http: Option<SocketAddr>, data: &Path) -> String {
    // A drawn ID stands nowhere else where a newcomer would look. One that the operator has written down is shown on a screen only, since
    // what is printed elsewhere ends in a journal.
    let show_ids = config.meetings.is_empty() || std::io::stdout().is_terminal();
    write(config, bridge.listening(), bridge.meetings(), bridge.calls(), http, data, show_ids)
}

fn write(
    config: &Config,
    listening: &[(Transport, SocketAddr)],
    meetings: &[MeetingSettings],
    calls: usize,
    http: Option<SocketAddr>,
    data: &Path,
    show_ids: bool,
) -> String {
    let host = host(listening);
    let mut lines = Lines(String::new());
    let _ = writeln!(lines.0, "ljudbro {} svarar nu. Avsluta med Ctrl-C.\n", env!("CARGO_PKG_VERSION"));
    for number in config.sip.numbers.iter().take(LISTED) {
        let number = national(number);
        lines.add("Ring", &format!("{number} genom er SIP-trunk, eller sip:{number}@{host} från en SIP-telefon"));
    }
    for meeting in meetings.iter().take(LISTED) {
        let id = if show_ids { meeting.id.expose() } else { "står i konfigurationen".to_owned() };
        lines.add("Knappa samtals-ID", &format!("{id} (mötet {})", meeting.name));
    }
    for meeting in meetings.iter().take(LISTED) {
        let mut address = format!("sip:{}@{host}", meeting.name);
        if config.sip.domain != "localhost" {
            address = format!("sip:{}@{} eller {address}", meeting.name, config.sip.domain);
        }
        lines.add("Videorum ringer", &address);
    }
    if meetings.len() > LISTED {
        lines.add("", &format!("och {} möten till", meetings.len() - LISTED));
    }
    if let (true, Some(number), Some(meeting)) = (show_ids, config.sip.numbers.first(), meetings.first()) {
        lines.add("Prova härifrån", &format!("ljudbro call sip:{}@{} --id {}", national(number), here(listening), meeting.id.expose()));
    }
    let prompts = match &config.prompts.folder {
        None => "de inbyggda (egna inspelningar: prompts.folder)".to_owned(),
        Some(folder) => format!("{}, och de inbyggda där den saknar något", folder.display()),
    };
    lines.add("Prompter", &prompts);
    let kept = if config.meetings.is_empty() { crate::run::meetings::file(data) } else { data.to_owned() };
    lines.add("Data", &kept.display().to_string());
    let open: Vec<String> = listening.iter().map(|(transport, address)| format!("{} {address}", name(*transport))).collect();
    lines.add("Öppet: SIP", &open.join(", "));
    lines.add("Öppet: ljud", &format!("UDP {}-{}, under samtal", config.media.ports.first, config.media.ports.last));
    let mut trunks: Vec<String> = config.sip.trunks.iter().take(LISTED).map(ToString::to_string).collect();
    if config.sip.trunks.len() > LISTED {
        trunks.push(format!("{} till", config.sip.trunks.len() - LISTED));
    }
    lines.add("Öppet för", &format!("bara {}", trunks.join(", ")));
    lines.add("", "alla andra får inget svar (ändras med sip.trunks)");
    let http = match http {
        Some(address) => format!("http://{address}/metrics, /healthz, /readyz (ändras med http.listen)"),
        None => "ingen (http.listen är tom)".to_owned(),
    };
    lines.add("Övervakning", &http);
    lines.add("Plats för", &format!("{calls} samtal samtidigt"));
    lines.0.push('\n');
    lines.0
}

struct Lines(String);

impl Lines {
    fn add(&mut self, label: &str, text: &str) {
        let label = if label.is_empty() { String::new() } else { format!("{label}:") };
        let _ = writeln!(self.0, "  {label:<19} {text}");
    }
}

/// As it is dialled in Sweden; other countries with their code.
fn national(number: &PhoneNumber) -> String {
    match number.expose().strip_prefix("46") {
        Some(rest) => format!("0{rest}"),
        None => format!("+{}", number.expose()),
    }
}

fn name(transport: Transport) -> &'static str {
    match transport {
        Transport::Udp => "UDP",
        Transport::Tcp => "TCP",
    }
}

/// Where a phone on this machine finds us: loopback, if we listen on all addresses. Its outward address may be none of the trunks.
fn here(listening: &[(Transport, SocketAddr)]) -> String {
    let Some(&(_, address)) = listening.iter().find(|(transport, _)| *transport == Transport::Udp) else { return host(listening) };
    match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => format!("127.0.0.1:{}", address.port()),
        IpAddr::V6(ip) if ip.is_unspecified() => format!("[::1]:{}", address.port()),
        _ => address.to_string(),
    }
}

/// Where a phone finds us: an address we listen on; for "all addresses" the one this machine would send from to the world.
fn host(listening: &[(Transport, SocketAddr)]) -> String {
    let Some(&(_, address)) = listening.first() else { return "localhost".to_owned() };
    let ip = match address.ip() {
        // An address of documentation (RFC 5737, RFC 3849): only the route to it is asked for, nothing is sent.
        IpAddr::V4(ip) if ip.is_unspecified() => ports::route(IpAddr::from([192, 0, 2, 1])).unwrap_or(IpAddr::from([127, 0, 0, 1])),
        IpAddr::V6(ip) if ip.is_unspecified() => {
            ports::route(IpAddr::from([0x2001, 0xdb8, 0, 0, 0, 0, 0, 1])).unwrap_or(IpAddr::from([0, 0, 0, 0, 0, 0, 0, 1]))
        }
        ip => ip,
    };
    match (ip, address.port()) {
        (IpAddr::V4(ip), SIP_PORT) => ip.to_string(),
        (IpAddr::V6(ip), SIP_PORT) => format!("[{ip}]"),
        (ip, port) => SocketAddr::new(ip, port).to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_says_what_to_dial_what_to_key_where_things_lie_and_who_may_call() {
        let config = Config::load(None, []).unwrap();
        let meetings = [MeetingSettings { name: "testmote1".to_owned(), id: "012345678".parse().unwrap() }];
        let listening = [(Transport::Udp, "10.1.2.3:5060".parse().unwrap()), (Transport::Tcp, "[::1]:5070".parse().unwrap())];
        let text = write(&config, &listening, &meetings, 40, Some("127.0.0.1:8080".parse().unwrap()), Path::new("/srv/data"), true);
        for part in [
            "0480445511",
            "012345678",
            "sip:testmote1@10.1.2.3\n",
            "de inbyggda",
            "/srv/data/meetings.toml",
            "UDP 10.1.2.3:5060, TCP [::1]:5070",
            "16384-32767",
            "bara 127.0.0.0/8",
            "alla andra får inget svar",
            "40 samtal",
            "http://127.0.0.1:8080/metrics",
        ] {
            assert!(text.contains(part), "{part} is not in:\n{text}");
        }
        let everywhere =
            write(&config, &[(Transport::Udp, "0.0.0.0:5060".parse().unwrap())], &meetings, 40, None, Path::new("/srv/data"), true);
        assert!(everywhere.contains("ljudbro call sip:0480445511@127.0.0.1:5060 --id"), "{everywhere}");
        let hidden = write(&config, &listening, &meetings, 40, None, Path::new("/srv/data"), false);
        assert!(!hidden.contains("012345678"), "{hidden}");
    }
}
