//! Every fault at once: those of the configuration, and those that only the machine can tell (a taken port, a prompt that cannot be used).

use std::path::Path;

use crate::config::{Config, Fault, Faults, Place};
use crate::http;
use crate::media::prompt;
use crate::run::{self, StartError};

/// Those of the prompts too.
pub fn with_prompts(found: Faults) -> Faults {
    let Faults { mut faults, rest } = found;
    faults.extend(of_prompts(&rest));
    Faults::new(faults, rest)
}

/// Those of prompts and ports too: what would be found after the faults here are mended.
pub fn with_the_machine(found: Faults) -> Faults {
    // Defaults stand in for addresses that could not be read; whether those are taken is of no interest.
    let (unread, http_unread) = (found.concern("sip.listen"), found.concern("http.listen"));
    let Faults { mut faults, rest } = with_prompts(found);
    for listen in rest.sip.listen.iter().filter(|listen| !unread || listen.place != Place::Default) {
        if let Err(error) = run::try_listen(listen.transport, listen.address, listen.optional) {
            faults.push(listen.fault(&error));
        }
    }
    if let (Some(address), false) = (rest.http.listen, http_unread)
        && let Err(error) = http::bind(address)
    {
        faults.push(rest.http.fault(&error));
    }
    Faults::new(faults, rest)
}

/// All that is wrong with the prompts of a configuration.
pub fn of_prompts(config: &Config) -> Vec<Fault> {
    let fault = |fault: prompt::Fault| config.prompts.fault(fault);
    run::prompts::check(config.prompts.folder.as_deref() as Option<&Path>).faults.into_iter().map(fault).collect()
}

/// Reasons not to start, one a line.
pub fn of_start(config: &Config, reasons: &[StartError]) -> String {
    let mut lines = Vec::new();
    for reason in reasons {
        match reason {
            StartError::Listen { index, error } => match config.sip.listen.get(*index) {
                Some(listen) => lines.push(listen.fault(error).to_string()),
                None => lines.push(reason.to_string()),
            },
            StartError::Prompts(faults) => lines.extend(faults.iter().map(|fault| config.prompts.fault(fault.clone()).to_string())),
            StartError::Kept(_) | StartError::TooFewDescriptors(_) | StartError::System { .. } => lines.push(reason.to_string()),
        }
    }
    lines.join("\n")
}
