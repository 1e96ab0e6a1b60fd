//! Deadlines, in order: asking ten thousand of them for the next costs no more than asking one.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::hash::Hash;
use std::time::Instant;

/// Alarms of a kind and their times, at most one each. Equal times come in the order they were set.
pub struct Schedule<A> {
    order: BTreeMap<(Instant, u64), A>,
    places: HashMap<A, (Instant, u64)>,
    /// Of the next one set.
    number: u64,
}

impl<A> Default for Schedule<A> {
    fn default() -> Self {
        Self { order: BTreeMap::new(), places: HashMap::new(), number: 0 }
    }
}

impl<A: Clone + Eq + Hash> Schedule<A> {
    /// From now on this alarm comes at `at`, and only then.
    pub fn set(&mut self, alarm: A, at: Instant) {
        if self.places.get(&alarm).is_some_and(|(set, _)| *set == at) {
            return;
        }
        self.clear(&alarm);
        let place = (at, self.number);
        self.number += 1;
        self.places.insert(alarm.clone(), place);
        self.order.insert(place, alarm);
    }

    /// Give up the room of many that are over.
    pub fn tidy(&mut self) {
        self.places.shrink_to(2 * self.places.len());
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
        let ((at, _), _) = self.order.first_key_value()?;
        if *at > now {
            return None;
        }
        let (_, alarm) = self.order.pop_first()?;
        self.places.remove(&alarm);
        Some(alarm)
    }
}

impl<A> fmt::Debug for Schedule<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // An alarm may name a transaction, and that its peer.
        f.debug_struct("Schedule").field("alarms", &self.order.len()).finish_non_exhaustive()
    }
}

#[cfg(test)]
#[allow(clippy::disallowed_methods, reason = "a test needs some instant to start from")]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn alarms_come_in_order_of_time_and_a_moved_one_comes_once() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let mut schedule = Schedule::default();
        schedule.set("one", at(30));
        schedule.set("two", at(20));
        schedule.set("one", at(10));
        schedule.set("three", at(5));
        schedule.clear(&"three");
        assert_eq!(schedule.next(), Some(at(10)));
        assert_eq!(schedule.pop_due(at(9)), None);
        assert_eq!(schedule.pop_due(at(40)), Some("one"));
        assert_eq!(schedule.pop_due(at(40)), Some("two"));
        assert_eq!(schedule.pop_due(at(40)), None);
        assert_eq!(schedule.next(), None);
    }

    #[test]
    fn after_a_rush_the_room_is_given_up_and_what_is_set_still_comes() {
        let start = Instant::now();
        let mut schedule = Schedule::default();
        for alarm in 0..10_000 {
            schedule.set(alarm, start);
        }
        for alarm in 1..10_000 {
            schedule.clear(&alarm);
        }
        schedule.tidy();
        assert!(schedule.places.capacity() < 100);
        assert_eq!((schedule.pop_due(start), schedule.pop_due(start)), (Some(0), None));
    }

    #[test]
    fn alarms_of_one_time_come_in_the_order_they_were_set() {
        let at = Instant::now();
        let mut schedule = Schedule::default();
        for alarm in ["b", "c", "a", "b"] {
            schedule.set(alarm, at);
        }
        let order: Vec<_> = std::iter::from_fn(|| schedule.pop_due(at)).collect();
        assert_eq!(order, ["b", "c", "a"]);
    }

    #[test]
    fn only_the_number_of_alarms_shows() {
        let mut schedule = Schedule::default();
        schedule.set("0701234567", Instant::now());
        assert_eq!(format!("{schedule:?}"), "Schedule { alarms: 1, .. }");
    }
}
