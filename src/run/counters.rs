//! What goes wrong or is turned away without a log line of its own: counted, and told once a minute.

use std::sync::atomic::{AtomicU64, Ordering};

macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// Counters of the whole process. Relaxed: each stands for itself.
        #[derive(Debug, Default)]
        pub struct Counters {
            $($(#[$doc])* pub $name: Counter,)*
        }

        impl Counters {
            /// Names and values of all.
            pub fn all(&self) -> Vec<(&'static str, u64)> {
                vec![$((stringify!($name), self.$name.get()),)*]
            }

            /// Names and values of all that have moved since the last call, as `name=more (in all)`.
            pub fn moved(&self) -> Vec<(&'static str, u64, u64)> {
                let mut moved = Vec::new();
                $(if let Some((more, all)) = self.$name.moved() { moved.push((stringify!($name), more, all)); })*
                moved
            }
        }
    };
}

counters! {
    /// UDP datagrams from addresses that may not call.
    refused_datagrams,
    /// TCP connections from addresses that may not call.
    refused_connections,
    /// TCP connections beyond the most, overall or from one address.
    connections_too_many,
    /// TCP connections closed for silence, half a message, or what is not SIP.
    connections_given_up,
    /// TCP connections whose peer did not read what we wrote.
    connections_stuck,
    /// SIP datagrams the kernel did not take.
    datagrams_unsent,
    /// Calls for which no pair of ports was free.
    ports_exhausted,
    /// A command ring to a worker was full (the command waited).
    rings_full,
    /// Commands dropped because a worker did not take them.
    commands_dropped,
    /// Wakes of media workers that were left out, since the one before took too long or came too late.
    wakes_skipped,
    /// Turns of legs that a stalled worker left out: 20 ms of sound lost both ways, each.
    turns_missed,
    /// Events of media workers that the control plane did not take in time.
    media_events_lost,
    /// RTP and RTCP datagrams the kernel had no room for.
    media_blocked,
    /// RTP and RTCP datagrams that could not be sent for another reason (no route, say).
    media_failed,
}

/// One counter.
#[derive(Debug, Default)]
pub struct Counter {
    value: AtomicU64,
    told: AtomicU64,
}

impl Counter {
    /// One more.
    pub fn count(&self) {
        self.add(1);
    }

    /// Several more.
    pub fn add(&self, more: u64) {
        self.value.fetch_add(more, Ordering::Relaxed);
    }

    /// How many in all.
    pub fn get(&self) -> u64 {
        self.value.load(Ordering::Relaxed)
    }

    fn moved(&self) -> Option<(u64, u64)> {
        let all = self.get();
        let before = self.told.swap(all, Ordering::Relaxed);
        (all != before).then(|| (all.wrapping_sub(before), all))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_moved_is_told_once() {
        let counters = Counters::default();
        counters.refused_datagrams.add(3);
        assert_eq!(counters.moved(), [("refused_datagrams", 3, 3)]);
        assert_eq!(counters.moved(), []);
        counters.refused_datagrams.count();
        assert_eq!(counters.moved(), [("refused_datagrams", 1, 4)]);
    }
}
