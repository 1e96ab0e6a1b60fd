//! What is logged, at the most talkative level, names nobody: no samtals-ID, no number, no digits keyed, no SIP, no SDP.

use std::io::Write;
use std::sync::{Arc, Mutex};

use ljudbro::sim::{Hold, KeyMethod};
use tracing_subscriber::fmt::MakeWriter;

use crate::world::{ID, NUMBER, OTHER_ID, World};

#[derive(Clone, Default)]
struct Shared(Arc<Mutex<Vec<u8>>>);

impl Write for Shared {
    fn write(&mut self, octets: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(octets);
        Ok(octets.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Shared {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

fn whole_run() {
    let mut world = World::with(800, |settings| settings.max_calls = 6);
    let a = world.in_meeting();
    let b = world.dial(|settings| settings.keys_by = KeyMethod::Info);
    world.press(b, OTHER_ID);
    let room = world.dial(|settings| settings.target = format!("sip:{ID}@mote.example"));
    let wrong = world.dial_and_key("123454321543212345987656789");
    let short = world.dial_and_key("777#");
    for target in ["sip:0480445512@10.1.0.1", "sip:888777666@mote.example", "sip:testmote7@mote.example", "tel:+46480445512"] {
        world.dial(|settings| settings.target = target.to_owned());
    }
    world.run_ms(8_000);
    world.press(a, "*1*3*6");
    world.with_phone(room, |phone, now| phone.hold(now, Some(Hold::SendOnly)));
    world.dial(|_| ());
    world.dial(|_| ());
    world.run_ms(12_000);
    world.with_phone(room, |phone, _| phone.faults.dead = true);
    world.with_phone(short, |phone, _| phone.faults.dead = true);
    world.hang_up(a);
    world.run_ms(60_000);
    world.stop();
    world.run_ms(5_000);
    assert!(world.phone(wrong).is_over());
}

#[test]
fn the_logs_of_a_whole_run_name_nobody() {
    // With one subscriber alone `tracing` asks the thread that comes to a line first whether anybody wants it, and keeps the answer: a test beside
    // this one, which has no subscriber, would say no for all.
    let _another = tracing::Dispatch::new(tracing_subscriber::fmt().with_max_level(tracing::level_filters::LevelFilter::OFF).finish());
    for json in [false, true] {
        let log = Shared::default();
        let builder = tracing_subscriber::fmt().with_max_level(tracing::level_filters::LevelFilter::TRACE).with_writer(log.clone());
        if json {
            tracing::subscriber::with_default(builder.json().finish(), whole_run);
        } else {
            tracing::subscriber::with_default(builder.with_ansi(false).finish(), whole_run);
        }
        let text = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
        assert!(text.lines().count() > 20, "something was logged: {text}");
        let secrets = [
            ID,
            OTHER_ID,
            NUMBER,
            "46480445511",
            "480445512",
            "123454321",
            "543212345",
            "987656789",
            "888777666",
            "0701000",
            "46701000",
            "testmote",
            "andra",
            "mote.example",
            "Signal=",
            "v=0",
            "SIP/2.0",
            "10.0.0.",
        ];
        for secret in secrets {
            let line = text.lines().find(|line| line.contains(secret));
            assert_eq!(line, None, "{secret} is in the log");
        }
        // A digit string hides in other clothes too: nine digits in a row are an ID, and nothing logged needs as many but the time.
        let bare: String = text.lines().map(without_time).collect::<Vec<_>>().join("\n");
        let mut run = 0;
        for c in bare.chars() {
            run = if c.is_ascii_digit() { run + 1 } else { 0 };
            assert!(run < 9, "nine digits in a row:\n{bare}");
        }
        for line in text.lines().filter(|line| line.contains("call ended")) {
            assert!(line.contains("call=c") || line.contains("\"call\":\"c"), "every line of a call carries its handle: {line}");
        }
    }
}

/// The time stamp ends with the first `Z`; its fraction has six digits.
fn without_time(line: &str) -> &str {
    line.split_once('Z').map_or(line, |(_, rest)| rest)
}
