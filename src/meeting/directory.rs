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
/// Wrong IDs of all sources together at once: ten busy minutes of a region's honest mistakes.
const OVERALL_BURST: u32 = 200;
/// One more after each of these: 600 an hour. Many numbers guessing together still need a thousand hours and more for a hit.
const OVERALL_REFILL: Duration = Duration::from_secs(6);
/// Sources remembered: those with wrong IDs or a right one in the last hours. 16,384 of them are two megabytes.
const SOURCES: usize = 16_384;
/// A source that gave a right ID is trusted so long while others have used up what all may guess.
const TRUSTED: Duration = Duration::from_secs(24 * 3600);

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
    overall: Bucket,
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
            sources: HashMap::with_hasher(seeded),
            overall: Bucket::default(),
        }
    }

    /// Add a meeting. `false` when the ID or the name (compared without case) is taken.
    pub fn insert(&mut self, key: MeetingKey, name: &str, id: CallId) -> bool {
        let name = name.to_ascii_lowercase();
        if self.by_id.contains_key(&id) || self.by_name.contains_key(&name) {
            return false;
        }
        self.by_id.insert(id, key);
        self.by_name.insert(name, key);
        true
    }

    /// The meeting of an ID as keyed or dialled. A limited source gets `None` even for a right one, exactly as for a wrong one.
    pub fn find(&mut self, now: Instant, source: &Source, id: CallId) -> Option<MeetingKey> {
        self.overall.leak(now, OVERALL_REFILL);
        let mut record = self.sources.get(source).copied().unwrap_or(Record { wrong: Bucket::default(), right: None, last: now });
        record.wrong.leak(now, SOURCE_REFILL);
        record.last = now;
        let trusted = record.right.is_some_and(|at| now < at + TRUSTED);
        let limited = record.wrong.level >= SOURCE_BURST || (self.overall.level >= OVERALL_BURST && !trusted);
        // Looked up in any case: the same work for a limited source as for a free one.
        let found = self.by_id.get(&id).copied().filter(|_| !limited);
        match found {
            Some(_) => record.right = Some(now),
            None => {
                // Guesses of a limited source do not deepen its limit: a caller who waits it out gets in.
                if record.wrong.level < SOURCE_BURST {
                    record.wrong.add(now);
                }
                if self.overall.level < OVERALL_BURST {
                    self.overall.add(now);
                }
            }
        }
        self.remember(now, source, record);
        found
    }

    /// The meeting of an address (`testmote1`), compared without case.
    pub fn by_name(&self, name: &str) -> Option<MeetingKey> {
        self.by_name.get(&name.to_ascii_lowercase()).copied()
    }

    fn remember(&mut self, now: Instant, source: &Source, record: Record) {
        if self.sources.len() >= SOURCES && !self.sources.contains_key(source) {
            // Those with nothing left to remember go first, then the oldest.
            self.sources.retain(|_, record| {
                record.wrong.leak(now, SOURCE_REFILL);
                record.wrong.level > 0 || record.right.is_some_and(|at| now < at + TRUSTED)
            });
            if self.sources.len() >= SOURCES
                && let Some(oldest) = self.sources.iter().min_by_key(|(_, record)| record.last).map(|(source, _)| source.clone())
            {
                self.sources.remove(&oldest);
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
    fn the_table_of_sources_does_not_grow_without_end() {
        let (mut directory, now) = (directory(), Instant::now());
        for source in 0..SOURCES as u32 + 50 {
            // The overall limit does not matter here: each guess is remembered.
            directory.find(now + Duration::from_millis(u64::from(source)), &caller(source), id(9));
        }
        assert_eq!(directory.sources.len(), SOURCES);
        assert!(!directory.sources.contains_key(&caller(0)), "the oldest went");
    }
}
