//! When each call wants to be woken: an ordered set, so that ten thousand calls cost no more to ask than one.

use std::collections::{BTreeSet, HashMap};
use std::time::Instant;

use crate::sip::SipKey;

/// One deadline a call.
#[derive(Debug, Default)]
pub struct Alarms {
    order: BTreeSet<(Instant, SipKey)>,
    set: HashMap<SipKey, Instant>,
}

impl Alarms {
    /// This call's deadline from now on; `None` clears it.
    pub fn set(&mut self, key: SipKey, at: Option<Instant>) {
        let before = match at {
            Some(at) => self.set.insert(key, at),
            None => self.set.remove(&key),
        };
        if before == at {
            return;
        }
        if let Some(before) = before {
            self.order.remove(&(before, key));
        }
        if let Some(at) = at {
            self.order.insert((at, key));
        }
    }

    /// The earliest deadline.
    pub fn next(&self) -> Option<Instant> {
        self.order.first().map(|(at, _)| *at)
    }

    /// A call whose deadline has come; its alarm is cleared.
    pub fn pop_due(&mut self, now: Instant) -> Option<SipKey> {
        let (at, key) = *self.order.first()?;
        if at > now {
            return None;
        }
        self.set(key, None);
        Some(key)
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
        let mut alarms = Alarms::default();
        alarms.set(SipKey(1), Some(at(30)));
        alarms.set(SipKey(2), Some(at(20)));
        alarms.set(SipKey(1), Some(at(10)));
        alarms.set(SipKey(3), Some(at(5)));
        alarms.set(SipKey(3), None);
        assert_eq!(alarms.next(), Some(at(10)));
        assert_eq!(alarms.pop_due(at(9)), None);
        assert_eq!(alarms.pop_due(at(40)), Some(SipKey(1)));
        assert_eq!(alarms.pop_due(at(40)), Some(SipKey(2)));
        assert_eq!(alarms.pop_due(at(40)), None);
        assert_eq!(alarms.next(), None);
    }
}
