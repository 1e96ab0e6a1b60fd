//! `ljudbro serve`: from the configuration to a running bridge.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use super::{ConfigArgs, faults, greeting};
use crate::config::Config;
use crate::http;
use crate::run::{self, Bridge, Ended, ListenSettings, Settings};
use crate::sip::Trunks;

/// The exit status of a bridge that could not start.
const CANNOT_START: u8 = 2;
/// The exit status of a bridge that ended by a fault of its own; a process manager starts it again.
const BROKEN: u8 = 70;

/// Where the bridge keeps what it must remember: beside where it is started, as the operator's other files.
const DATA: &str = "data";

/// Until a signal ends it: status 0. Status 2: it could not start, and standard error says why.
pub fn run(args: &ConfigArgs) -> ExitCode {
    let config = match args.load() {
        Ok(config) => config,
        Err(found) => return cannot_start(&faults::with_the_machine(found).to_string()),
    };
    run::logging::start(config.log.level, config.log.json);
    let listener = config.http.listen.map(http::bind).transpose().map_err(|error| config.http.fault(&error).to_string());
    let (bridge, listener) = match (Bridge::start(settings(&config)), listener) {
        (Ok(bridge), Ok(listener)) => (bridge, listener),
        (Ok(_), Err(fault)) => return cannot_start(&fault),
        (Err(reasons), Ok(_)) => return cannot_start(&faults::of_start(&config, &reasons)),
        (Err(reasons), Err(fault)) => return cannot_start(&format!("{}\n{fault}", faults::of_start(&config, &reasons))),
    };
    let address = listener.as_ref().map(http::Listener::address);
    let _server = match listener.map(|listener| listener.serve(bridge.board())).transpose() {
        Ok(server) => server,
        Err(error) => return cannot_start(&format!("the system gives no thread for HTTP: {error}")),
    };
    let text = greeting::text(&config, &bridge, address, &data());
    // Nobody may be listening there; that is no reason not to serve.
    let _ = std::io::stdout().lock().write_all(text.as_bytes());
    match bridge.run() {
        Ended::Asked => ExitCode::SUCCESS,
        Ended::Broken => ExitCode::from(BROKEN),
    }
}

fn cannot_start(lines: &str) -> ExitCode {
    eprintln!("{lines}");
    ExitCode::from(CANNOT_START)
}

fn data() -> PathBuf {
    // Absolute for the eye; a folder that has been removed under our feet stays relative.
    std::path::absolute(DATA).unwrap_or_else(|_| PathBuf::from(DATA))
}

fn settings(config: &Config) -> Settings {
    let listen = |one: &crate::config::Listen| ListenSettings { transport: one.transport, address: one.address, optional: one.optional };
    Settings {
        listen: config.sip.listen.iter().map(listen).collect(),
        trunks: Trunks::new(config.sip.trunks.clone()),
        numbers: config.sip.numbers.clone(),
        domain: config.sip.domain.clone(),
        meetings: config.meetings.clone(),
        media_address: config.media.address,
        ports: config.media.ports.first..=config.media.ports.last,
        workers: config.media.workers,
        mix: config.mix,
        codecs: config.media.codecs.clone(),
        opus: config.opus,
        prompts_folder: config.prompts.folder.clone(),
        max_calls: config.call.max_calls,
        when_full: config.call.when_full,
        longest: config.call.longest,
        data: data(),
    }
}
