//! The phones of the world: dialling, doing, and what they heard.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use ljudbro::audio::tone::{Tone, tone_level};
use ljudbro::media::PromptId;
use ljudbro::sim::{Ended, Phone, PhoneEvent, PhoneSettings, Source};

use crate::ears::{self, Spoken, VOICE_DBOV, voice_hz};
use crate::world::{BRIDGE, ID, NUMBER, Seat, World, phone_ip};

/// One phone of the world.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Id(pub usize);

impl World {
    /// A phone that has just dialled. It says its own tone from the answer on.
    pub fn dial(&mut self, change: impl FnOnce(&mut PhoneSettings)) -> Id {
        let place = self.seats.len();
        let ip = phone_ip(place);
        let server = SocketAddr::from((BRIDGE, 5060));
        let target = format!("sip:{NUMBER}@{}", server.ip());
        let mut settings = PhoneSettings::new(&target, (ip, 5060).into(), (ip, 4000).into(), server);
        settings.caller = format!("0701{place:06}");
        settings.seed = self.seed.wrapping_mul(1000) + place as u64;
        // Phones do not send in step.
        settings.phase = Duration::from_micros(1_370 * place as u64 % 20_000);
        change(&mut settings);
        let mut phone = Phone::new(settings);
        phone.play(Source::Tone(Tone::new(voice_hz(place), VOICE_DBOV)));
        phone.dial(self.now);
        self.seats.push(Seat { phone, events: Vec::new(), rtcp: 0 });
        self.settle();
        Id(place)
    }

    /// A phone that has dialled the number and keys this as soon as it is answered.
    pub fn dial_and_key(&mut self, keys: &str) -> Id {
        let id = self.dial(|_| ());
        self.press(id, keys);
        id
    }

    /// A phone that is in the meeting, and has heard all it is told on the way there.
    pub fn in_meeting(&mut self) -> Id {
        let before = self.control.participants();
        let id = self.dial_and_key(ID);
        self.until(Duration::from_secs(10), "the caller is in the meeting", |world| world.control.participants() == before + 1);
        self.run_ms(5_000);
        id
    }

    pub fn press(&mut self, id: Id, keys: &str) {
        self.seats[id.0].phone.press(keys);
    }

    /// Do something with a phone now.
    pub fn with_phone<T>(&mut self, id: Id, act: impl FnOnce(&mut Phone, Instant) -> T) -> T {
        let result = act(&mut self.seats[id.0].phone, self.now);
        self.settle();
        result
    }

    pub fn hang_up(&mut self, id: Id) {
        self.with_phone(id, |phone, now| phone.hang_up(now));
    }

    pub fn phone(&self, id: Id) -> &Phone {
        &self.seats[id.0].phone
    }

    pub fn phones(&self) -> impl Iterator<Item = Id> + use<> {
        (0..self.seats.len()).map(Id)
    }

    /// RTCP packets a phone was sent.
    pub fn rtcp(&self, id: Id) -> usize {
        self.seats[id.0].rtcp
    }

    pub fn events(&self, id: Id) -> Vec<PhoneEvent> {
        self.seats[id.0].events.iter().map(|(_, event)| *event).collect()
    }

    pub fn when(&self, id: Id, event: PhoneEvent) -> Option<Instant> {
        self.seats[id.0].events.iter().find(|(_, this)| *this == event).map(|(at, _)| *at)
    }

    pub fn answered(&self, id: Id) -> Instant {
        self.when(id, PhoneEvent::Answered).expect("the call is answered")
    }

    pub fn ended(&self, id: Id) -> Option<Ended> {
        self.seats[id.0].events.iter().find_map(|(_, event)| match event {
            PhoneEvent::Ended(why) => Some(*why),
            _ => None,
        })
    }

    /// All prompts a phone heard.
    pub fn heard(&self, id: Id) -> Vec<Spoken> {
        ears::spoken(self.phone(id).recording())
    }

    /// Until this prompt is being said to a phone.
    pub fn until_said(&mut self, id: Id, prompt: PromptId) {
        for _ in 0..500 {
            if ears::saying(self.phone(id).recording()) == Some(prompt) {
                return;
            }
            self.run_ms(20);
        }
        panic!("{prompt:?} was not said to {id:?} in 10 s, but {:?}", self.heard(id));
    }

    /// Their names.
    pub fn words(&self, id: Id) -> Vec<PromptId> {
        self.heard(id).iter().map(|spoken| spoken.id).collect()
    }

    /// How loud a phone has heard a caller's voice in the last second.
    pub fn loudness(&self, listener: Id, speaker: Id) -> f32 {
        let second = self.phone(listener).recording().between(self.now - Duration::from_secs(1), self.now);
        tone_level(second, voice_hz(speaker.0))
    }

    pub fn hears(&self, listener: Id, speaker: Id) -> bool {
        let level = self.loudness(listener, speaker);
        // Between 15 and 25 dB below what was said nothing should be.
        assert!(!(VOICE_DBOV - 25.0..VOICE_DBOV - 15.0).contains(&level), "{listener:?} half hears {speaker:?}: {level} dBov");
        level > VOICE_DBOV - 15.0
    }
}
