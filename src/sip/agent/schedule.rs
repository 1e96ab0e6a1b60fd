//! Deadlines: one for each alarm, in order.

use std::collections::{BTreeMap, HashMap};
use std::hash::Hash;
use std::time::Instant;

/// Alarms and their times. Equal times come in the order they were set.
pub struct Schedule<A> {
    order: BTreeMap<(Instant, u64), A>,
    places: HashMap<A, (Instant, u64)>,
    next: u64,
}

impl<A: Clone + Eq + Hash> Schedule<A> {
    /// Nothing to wait for.
    pub fn new() -> Self {
        Self { order: BTreeMap::new(), places: HashMap::new(), next: 0 }
    }

    /// From now on this alarm comes at `at`, and only then.
    pub fn set(&mut self, alarm: A, at: Instant) {
        self.clear(&alarm);
        let place = (at, self.next);
        self.next += 1;
        self.places.insert(alarm.clone(), place);
        self.order.insert(place, alarm);
    }

    /// It does not come.
    pub fn clear(&mut self, alarm: &A) {
        if let Some(place) = self.places.remove(alarm) {
            self.order.remove(&place);
        }
    }

    /// The earliest time.
    pub fn next(&self) -> Option<Instant> {
        self.order.first_key_value().map(|((at, _), _)| *at)
    }

    /// The earliest alarm, if its time has come; it is cleared.
    pub fn pop_due(&mut self, now: Instant) -> Option<A> {
        let (place, alarm) = self.order.first_key_value()?;
        if place.0 > now {
            return None;
        }
        let (place, alarm) = (*place, alarm.clone());
        self.order.remove(&place);
        self.places.remove(&alarm);
        Some(alarm)
    }
}
