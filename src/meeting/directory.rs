//! Samtals-ID and address -> meeting, with a throttle against guessing.

use std::collections::HashMap;
use std::collections::hash_map::DefaultHasher;
use std::hash::{BuildHasher, Hasher};
use std::net::IpAddr;
use std::time::{Duration, Instant};

use crate::names::{CallId, MeetingKey, PhoneNumber};

/// Wrong IDs a source may give at once: three calls of three attempts, for somebody with the wrong letter in hand.
const SOURCE_BURST: u32 = 9;
/// One more wrong ID is allowed after each of these: 12 an hour. Hitting one of a hundred meetings takes a source a century on average.
const SOURCE_REFILL: Duration = Duration::from_secs(300);
/// An address stands for all who call through it without a number (withheld, room systems behind one border controller): the honest
/// mistakes of many at once.
const ADDRESS_BURST: u32 = 60;
/// One more after each of these: 120 an hour. Hitting one of a hundred meetings takes ten years on average.
const ADDRESS_REFILL: Duration = Duration::from_secs(30);
/// Wrong IDs of all sources together at once: ten busy minutes of a region's honest mistakes.
const OVERALL_BURST: u32 = 200;
/// One more after each of these: 600 an hour. Many numbers guessing together still need ten thousand hours and more for a hit.
const OVERALL_REFILL: Duration = Duration::from_secs(6);
/// Sources remembered: those with wrong IDs in the last hour or a right one in the last day. The table for 16,384
/// of them is three megabytes, and there from the start.
const SOURCES: usize = 16_384;
/// Forgotten at once when there are too many, so that the search for the oldest is rare.
const FORGOTTEN: usize = SOURCES / 16;
/// A source that gave a right ID is known so long: guesses of strangers do not shut it out.
const KNOWN: Duration = Duration::from_secs(24 * 3600);
/// Meetings at most. With ten thousand, one guess in a hundred thousand hits; with more the throttle would be too generous.
const MEETINGS: usize = 10_000;

/// Who asks: guessing is counted per source across calls.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Source {
    /// A caller's number as the trunk gives it.
    Number(PhoneNumber),
    /// Where no number came: the address of the signalling.
    Address(IpAddr),
}

/// All meetings that can be entered.
#[derive(Debug)]
pub struct Directory {
    by_id: HashMap<CallId, MeetingKey, Seeded>,
    by_name: HashMap<String, MeetingKey, Seeded>,
    sources: HashMap<Source, Record, Seeded>,
    strangers: Bucket,
    /// Apart from strangers, so that neither can shut the other out: whoever has one right ID could guess under many numbers too.
    known: Bucket,
}

/// Wrong guesses as water in a leaking bucket.
#[derive(Clone, Copy, Debug, Default)]
struct Bucket {
    level: u32,
    since: Option<Instant>,
}

#[derive(Clone, Copy, Debug)]
struct Record {
    wrong: Bucket,
    right: Option<Instant>,
    last: Instant,
}

/// A keyed hash, so that nobody can aim at the tables.
#[derive(Clone, Copy, Debug)]
struct Seeded(u64);

impl BuildHasher for Seeded {
    type Hasher = DefaultHasher;

    fn build_hasher(&self) -> DefaultHasher {
        let mut hasher = DefaultHasher::new();
        hasher.write_u64(self.0);
        hasher
    }
}

impl Source {
    /// Wrong IDs at once, and the time after which one more is allowed.
    fn allowance(&self) -> (u32, Duration) {
        match self {
            Self::Number(_) => (SOURCE_BURST, SOURCE_REFILL),
            Self::Address(_) => (ADDRESS_BURST, ADDRESS_REFILL),
        }
    }
}

impl Record {
    fn known(&self, now: Instant) -> bool {
        self.right.is_some_and(|at| now < at + KNOWN)
    }
}

impl Bucket {
    fn leak(&mut self, now: Instant, each: Duration) {
        let Some(since) = self.since else { return };
        let leaked = now.saturating_duration_since(since).as_millis() / each.as_millis();
        if leaked >= u128::from(self.level) {
            *self = Self::default();
        } else {
            let leaked = u32::try_from(leaked).unwrap_or(u32::MAX);
            self.level -= leaked;
            self.since = Some(since + each * leaked);
        }
    }

    fn add(&mut self, now: Instant) {
        self.level += 1;
        self.since.get_or_insert(now);
    }
}

impl Directory {
    /// An empty directory. `seed` keys the hash table of sources, so that nobody can aim at it.
    pub fn new(seed: u64) -> Self {
        let seeded = Seeded(seed);
        Self {
            by_id: HashMap::with_hasher(seeded),
            by_name: HashMap::with_hasher(seeded),
            // As large as it may become: it is not copied while calls come, and a rush leaves it as it was.
            sources: HashMap::with_capacity_and_hasher(SOURCES, seeded),
            strangers: Bucket::default(),
            known: Bucket::default(),
        }
    }

    /// Add a meeting. `false` when the ID or the name (compared without case) is taken, or there are 10,000 already.
    pub fn insert(&mut self, key: MeetingKey, name: &str, id: CallId) -> bool {
        let name = name.to_ascii_lowercase();
        if self.by_id.len() >= MEETINGS || self.by_id.contains_key(&id) || self.by_name.contains_key(&name) {
            return false;
        }
        self.by_id.insert(id, key);
        self.by_name.insert(name, key);
        true
    }

    /// The meeting of an ID as keyed or dialled. A limited source gets `None` even for a right one, exactly as for a wrong one.
    pub fn find(&mut self, now: Instant, source: &Source, id: CallId) -> Option<MeetingKey> {
        let (burst, refill) = source.allowance();
        let mut record = self.sources.get(source).copied().unwrap_or(Record { wrong: Bucket::default(), right: None, last: now });
        record.wrong.leak(now, refill);
        record.last = now;
        let overall = if record.known(now) { &mut self.known } else { &mut self.strangers };
        overall.leak(now, OVERALL_REFILL);
        let limited = record.wrong.level >= burst || overall.level >= OVERALL_BURST;
        // Looked up in any case, and then right and wrong go the same way: a limited source learns nothing, not even from the clock.
        let found = self.by_id.get(&id).copied().filter(|_| !limited);
        // A guess that taught nothing counts for nothing: a caller who waits it out gets in, and made-up numbers do not push known ones
        // out of the table.
        if !limited {
            match found {
                Some(_) => record.right = Some(now),
                None => {
                    record.wrong.add(now);
                    overall.add(now);
                }
            }
            self.remember(now, source, record);
        }
        found
    }

    /// The meeting of an address (`testmote1`), compared without case.
    pub fn by_name(&self, name: &str) -> Option<MeetingKey> {
        self.by_name.get(&name.to_ascii_lowercase()).copied()
    }

    fn remember(&mut self, now: Instant, source: &Source, record: Record) {
        if self.sources.len() >= SOURCES && !self.sources.contains_key(source) {
            // Those with nothing left to remember go first, then the oldest.
            self.sources.retain(|source, record| {
                record.wrong.leak(now, source.allowance().1);
                record.wrong.level > 0 || record.known(now)
            });
            if self.sources.len() >= SOURCES {
                let mut times: Vec<_> = self.sources.values().map(|record| record.last).collect();
                let (_, oldest, _) = times.select_nth_unstable(FORGOTTEN - 1);
                let oldest = *oldest;
                self.sources.retain(|_, record| record.last > oldest);
            }
        }
        self.sources.insert(source.clone(), record);
    }
}

#[cfg(test)]
#[allow(clippy::disallowed_methods, reason = "a test needs some instant to start from")]
mod tests {
    use super::*;

    const HOME: MeetingKey = MeetingKey(0);

    fn id(number: u32) -> CallId {
        CallId::from_number(number).unwrap()
    }

    fn caller(number: u32) -> Source {
        Source::Number(format!("0480{number:06}").parse().unwrap())
    }

    fn directory() -> Directory {
        let mut directory = Directory::new(4711);
        assert!(directory.insert(HOME, "Testmote1", id(123)));
        directory
    }

    #[test]
    fn ids_and_names_lead_to_their_meeting_and_are_taken_once() {
        let (mut directory, now) = (directory(), Instant::now());
        assert_eq!(directory.find(now, &caller(1), id(123)), Some(HOME));
        assert_eq!(directory.by_name("TESTMOTE1"), Some(HOME));
        assert_eq!(directory.by_name("testmote2"), None);
        assert!(!directory.insert(MeetingKey(1), "testmote1", id(5)));
        assert!(!directory.insert(MeetingKey(1), "annat", id(123)));
    }

    #[test]
    fn after_nine_wrong_ids_a_source_gets_nothing_until_it_has_waited() {
        let (mut directory, now) = (directory(), Instant::now());
        for guess in 0..SOURCE_BURST {
            assert_eq!(directory.find(now, &caller(1), id(1000 + guess)), None);
        }
        assert_eq!(directory.find(now, &caller(1), id(123)), None, "limited");
        assert_eq!(directory.find(now, &caller(2), id(123)), Some(HOME), "another caller is not");
        assert_eq!(directory.find(now + SOURCE_REFILL, &caller(1), id(123)), Some(HOME));
    }

    #[test]
    fn many_sources_together_are_limited_but_known_callers_get_in() {
        let (mut directory, now) = (directory(), Instant::now());
        assert_eq!(directory.find(now, &caller(1), id(123)), Some(HOME));
        for guess in 0..OVERALL_BURST {
            directory.find(now, &caller(1000 + guess), id(1000 + guess));
        }
        assert_eq!(directory.find(now, &caller(2), id(123)), None, "a stranger is limited");
        assert_eq!(directory.find(now, &caller(1), id(123)), Some(HOME), "a known caller is not");
        assert_eq!(directory.find(now + OVERALL_REFILL, &caller(3), id(123)), Some(HOME));
    }

    #[test]
    fn a_limited_source_learns_nothing_and_pays_nothing_for_asking() {
        let (mut directory, now) = (directory(), Instant::now());
        for guess in 0..SOURCE_BURST {
            directory.find(now, &caller(1), id(1000 + guess));
        }
        let (wrong, overall) = (directory.sources[&caller(1)].wrong, directory.strangers);
        for number in [123, 999, 123] {
            assert_eq!(directory.find(now, &caller(1), id(number)), None);
        }
        let record = directory.sources[&caller(1)];
        assert_eq!((record.wrong.level, record.right), (wrong.level, None), "right and wrong leave the same trace: none");
        assert_eq!(directory.strangers.level, overall.level);
    }

    #[test]
    fn callers_without_a_number_share_an_address_and_more_patience() {
        let (mut directory, now) = (directory(), Instant::now());
        let trunk = Source::Address("192.0.2.1".parse().unwrap());
        for guess in 0..ADDRESS_BURST {
            assert_eq!(directory.find(now, &trunk, id(123)), Some(HOME));
            directory.find(now, &trunk, id(1000 + guess));
        }
        assert_eq!(directory.find(now, &trunk, id(123)), None);
        assert_eq!(directory.find(now + ADDRESS_REFILL, &trunk, id(123)), Some(HOME));
    }

    #[test]
    fn a_right_id_under_many_numbers_buys_no_endless_guessing() {
        let (mut directory, now) = (directory(), Instant::now());
        let guesses = (0..100).flat_map(|number| (0..SOURCE_BURST).map(move |guess| (number, guess)));
        let mut hits = 0;
        for (number, guess) in guesses {
            hits += u32::from(directory.find(now, &caller(number), id(123)).is_some());
            directory.find(now, &caller(number), id(1000 + guess));
        }
        assert!(hits <= OVERALL_BURST + SOURCE_BURST * 100);
        assert_eq!(directory.known.level, OVERALL_BURST);
        assert_eq!(directory.find(now, &caller(0), id(123)), None, "known callers together are limited too");
        assert_eq!(directory.find(now, &caller(5000), id(123)), Some(HOME), "strangers do not pay for it");
    }

    #[test]
    fn made_up_numbers_do_not_push_known_callers_out() {
        let (mut directory, now) = (directory(), Instant::now());
        assert_eq!(directory.find(now, &caller(1), id(123)), Some(HOME));
        for number in 0..100_000 {
            directory.find(now, &caller(1000 + number), id(9));
        }
        assert_eq!(directory.sources.len(), 1 + OVERALL_BURST as usize);
        assert_eq!(directory.find(now, &caller(1), id(123)), Some(HOME));
    }

    #[test]
    fn the_table_of_sources_does_not_grow_without_end_and_the_oldest_go_first() {
        let (mut directory, now) = (directory(), Instant::now());
        for source in 0..SOURCES as u32 + 50 {
            let at = now + Duration::from_millis(u64::from(source));
            assert_eq!(directory.find(at, &caller(source), id(123)), Some(HOME));
            assert!(directory.sources.len() <= SOURCES);
        }
        assert_eq!(directory.sources.len(), SOURCES - FORGOTTEN + 50);
        assert!(!directory.sources.contains_key(&caller(FORGOTTEN as u32 - 1)), "the oldest went");
        assert!(directory.sources.contains_key(&caller(FORGOTTEN as u32)));
    }

    #[test]
    fn there_is_an_end_to_the_meetings() {
        let mut directory = Directory::new(1);
        for number in 0..MEETINGS as u32 {
            assert!(directory.insert(MeetingKey(number), &format!("m{number}"), id(number)));
        }
        assert!(!directory.insert(MeetingKey(0), "one more", id(999_999_999)));
    }
}
