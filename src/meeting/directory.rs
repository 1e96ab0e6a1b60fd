//! Samtals-ID and address -> meeting, with a throttle against guessing.

use std::net::IpAddr;
use std::time::Instant;

use crate::names::{CallId, MeetingKey, PhoneNumber};

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
pub struct Directory {}

impl Directory {
    /// An empty directory. `seed` keys the hash table of sources, so that nobody can aim at it.
    pub fn new(_seed: u64) -> Self {
        todo!()
    }

    /// Add a meeting. `false` when the ID or the name (compared without case) is taken.
    pub fn insert(&mut self, _key: MeetingKey, _name: &str, _id: CallId) -> bool {
        todo!()
    }

    /// The meeting of an ID as keyed or dialled. A limited source gets `None` even for a right one, exactly as for a wrong one.
    pub fn find(&mut self, _now: Instant, _source: &Source, _id: CallId) -> Option<MeetingKey> {
        todo!()
    }

    /// The meeting of an address (`testmote1`), compared without case.
    pub fn by_name(&self, _name: &str) -> Option<MeetingKey> {
        todo!()
    }
}
