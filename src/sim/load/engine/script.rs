//! What each caller does next: dial, listen, key, be in the meeting, turn the microphone off and on, hang up.

use std::time::Duration;

use rand::Rng;

use super::{Engine, Failure, SLOTS};
use crate::names::Key;
use crate::sim::load::caller::{Caller, Mute, Part, Stage};
use crate::sim::load::clock::{self, WAKE_NS};
use crate::sim::load::hearing::Hearing;
use crate::sim::load::repertoire::VOICES;
use crate::sim::load::settings::ANSWER;
use crate::sim::load::stream::{Background, Says, Stream};
use crate::sim::phone::{PhoneSettings, Signalling};

/// Who keys into the prompt does so this long after the answer, milliseconds: a hurried hand.
const BARGE_IN_MS: std::ops::Range<u64> = 300..1_000;
/// Who waits for the prompt does so a little longer than it lasts, milliseconds.
const AFTER_PROMPT_MS: std::ops::Range<u64> = 0..500;
const MS: u64 = WAKE_NS;

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

impl Engine {
    /// A new caller dials. `false`: there are no sockets for it.
    pub(super) fn dial(&mut self, part: Part, meeting: u32, tape: Option<u32>) -> bool {
        let Some(pair) = self.pool.take() else { return false };
        self.empty(&pair.rtp);
        let place = if part == Part::Passes { self.free.pop() } else { None };
        let at = place.unwrap_or(self.callers.len() as u32);
        let turn = place.map_or(0, |at| self.callers[at as usize].turn + 1);
        let id = self.settings.ids.get(meeting as usize).copied();
        let target = match (&self.settings.direct, id) {
            (Some(direct), Some(id)) => direct.replace("{id}", &id.expose()),
            _ => self.settings.target.clone(),
        };
        // The socket is connected, so it has an address.
        let sip = self.sip.local_addr().unwrap_or(self.settings.server);
        let mut phone = PhoneSettings::new(&target, sip, pair.address, self.settings.server);
        // Numbers of no one: the bridge counts wrong guesses for each.
        phone.caller = format!("0700{:06}", self.random.random_range(0..1_000_000u32));
        phone.codecs = vec![self.settings.codec];
        phone.keys_by = self.settings.keys_by;
        // Call-IDs and tags of earlier runs are not repeated: a bridge would take the call for a repetition.
        phone.seed = self.random.random::<u64>() ^ clock::wall();
        // Who keys does not talk.
        let says = Says::Background(if matches!(part, Part::Talks(_)) { Background::Noise } else { self.settings.background });
        let random = (self.random.random(), self.random.random(), self.random.random(), self.random.random_range(0..10_000u32));
        let phase = self.random.random_range(0..SLOTS as u64 * WAKE_NS);
        let nearest = (phase + WAKE_NS / 2) / WAKE_NS;
        let caller = Caller {
            turn,
            part,
            meeting,
            stage: Stage::Dialling(clock::steady() + nanoseconds(ANSWER)),
            slot: (nearest % SLOTS as u64) as u8,
            offset: phase as i32 - (nearest * WAKE_NS) as i32,
            pair: Some(pair),
            sends: false,
            stream: Stream::new(says, self.settings.keys_by, random),
            hearing: Hearing::default(),
            tape,
            clock_hz: self.settings.codec.clock_hz(),
            answered: false,
            dialled: 0,
            inside: 0,
            mutes_at: None,
            mute: Mute::default(),
            signalling: Box::new(Signalling::new(phone)),
        };
        self.by_call_id.insert(caller.signalling.call_id().to_owned(), at);
        self.slots[usize::from(caller.slot)].push(at);
        match self.callers.get_mut(at as usize) {
            Some(place) => *place = caller,
            None => self.callers.push(caller),
        }
        let caller = &mut self.callers[at as usize];
        caller.dialled = clock::wall();
        caller.signalling.dial(Self::instant());
        self.drain(at);
        true
    }

    /// The call was answered.
    pub(super) fn begin_listening(&mut self, at: u32) {
        let now = clock::steady();
        let patient = self.random.random_range(0..100u8) >= self.settings.barge_in && self.callers[at as usize].part != Part::Passes;
        let wait = if patient {
            nanoseconds(self.settings.prompt) + MS * self.random.random_range(AFTER_PROMPT_MS)
        } else {
            MS * self.random.random_range(BARGE_IN_MS)
        };
        let caller = &mut self.callers[at as usize];
        caller.stage = Stage::Prompt(now + wait);
        if self.settings.direct.is_some() {
            self.enter(at, now);
        }
    }

    /// It is in the meeting, as far as it knows; talkers begin.
    fn enter(&mut self, at: u32, now: u64) {
        let caller = &mut self.callers[at as usize];
        caller.stage = Stage::Inside;
        caller.inside = now;
        if let Part::Talks(log) = caller.part {
            caller.stream.say(Says::Voice((log as usize % VOICES) as u8));
        }
    }

    /// A caller's turn: whatever is due.
    pub(super) fn script(&mut self, at: u32, now: u64) {
        match self.callers[at as usize].stage {
            Stage::Dialling(until) if now >= until || self.is_in_vain(now, until) => {
                let why = if self.course.refused { Failure::NobodyThere } else { Failure::NoAnswer };
                self.fail(at, why);
                self.hang_up(at);
            }
            Stage::Prompt(from) if now >= from => {
                let caller = &mut self.callers[at as usize];
                caller.stage = Stage::Keying;
                let id = self.settings.ids.get(caller.meeting as usize).map(|id| id.expose()).unwrap_or_default();
                let keys = id.chars().filter_map(Key::from_char).chain(self.settings.after_id.iter().copied());
                caller.stream.press(keys);
            }
            Stage::Keying if self.callers[at as usize].stream.hands_free() => self.enter(at, now),
            Stage::Inside => self.inside(at, now),
            Stage::Leaving(until) if now >= until => {
                let caller = &mut self.callers[at as usize];
                caller.stage = Stage::Gone;
                // A call that was never answered has failed for another reason.
                if caller.answered {
                    self.fail(at, Failure::NoGoodbye);
                }
            }
            Stage::Dialling(_) | Stage::Prompt(_) | Stage::Keying | Stage::Leaving(_) | Stage::Gone => {}
        }
        let caller = &mut self.callers[at as usize];
        // Seldom is anything on its way; then the clock need not be asked.
        if let Some(due) = caller.signalling.poll_timeout() {
            let instant = Self::instant();
            if due <= instant {
                caller.signalling.handle_timeout(instant);
                self.drain(at);
            }
        }
    }

    /// The system says that nobody listens there, nobody has ever answered, and a second has passed.
    fn is_in_vain(&self, now: u64, until: u64) -> bool {
        self.course.refused && self.run.set_up.count() == 0 && now + nanoseconds(ANSWER) > until + 1_000 * MS
    }

    fn inside(&mut self, at: u32, now: u64) {
        let caller = &mut self.callers[at as usize];
        if caller.part == Part::Passes {
            if now >= caller.inside + nanoseconds(self.settings.passing) {
                self.hang_up(at);
            }
            return;
        }
        let Some([off, on]) = caller.mutes_at else { return };
        let (wall, free) = (now + self.wall_ahead, caller.stream.hands_free());
        let mute = &mut caller.mute;
        let press = if mute.off_begun == 0 && now >= off {
            mute.off_begun = wall;
            true
        } else if mute.off > 0 && mute.on_begun == 0 && now >= on {
            mute.on_begun = wall;
            true
        } else {
            if free && mute.off_begun > 0 && mute.off == 0 {
                mute.off = wall;
            }
            if free && mute.on_begun > 0 && mute.on == 0 {
                mute.on = wall;
            }
            false
        };
        if press {
            caller.stream.press(self.settings.mute_keys.iter().copied());
        }
    }
}
