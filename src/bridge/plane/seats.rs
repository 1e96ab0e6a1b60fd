//! All legs of a worker, each in its slot; found by name, and chained into the groups that have their turns together.

use super::Slot;
use super::seat::{ROW, Seat};
use crate::media::Leg;
use crate::names::LegId;

/// Legs that have their turns together: the members of a meeting, or those in the menu on one phase.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Chain {
    first: Option<u32>,
    len: usize,
}

impl Chain {
    /// How many.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }
}

/// Neighbours in a chain.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Links {
    before: Option<u32>,
    after: Option<u32>,
}

/// The slots. All memory is allocated in [`Seats::new`].
#[derive(Debug)]
pub(super) struct Seats {
    seats: Box<[Option<Seat>]>,
    free: Vec<u32>,
    /// By name, sorted. A move of some kilobytes at every arrival is cheaper than hashing, and never allocates.
    names: Vec<(LegId, u32)>,
}

impl Seats {
    /// Room for `capacity` legs.
    pub fn new(capacity: usize) -> Self {
        let slots = u32::try_from(capacity).unwrap_or(u32::MAX);
        Self {
            seats: (0..slots).map(|_| None).collect(),
            // The lowest first.
            free: (0..slots).rev().collect(),
            names: Vec::with_capacity(capacity),
        }
    }

    /// Legs now.
    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// Slots, taken or not.
    pub fn capacity(&self) -> usize {
        self.seats.len()
    }

    /// Give a leg a slot; back when there is none, or when a leg of this name is here.
    pub fn insert(&mut self, leg: Box<Leg>, phase: usize, last: u64) -> Result<Slot, Box<Leg>> {
        let name = leg.id();
        let Err(at) = self.names.binary_search_by_key(&name, |(name, _)| *name) else { return Err(leg) };
        let Some(slot) = self.free.pop() else { return Err(leg) };
        self.names.insert(at, (name, slot));
        if let Some(seat) = self.seats.get_mut(slot as usize) {
            *seat = Some(Seat::new(leg, phase, last));
        }
        Ok(Slot(slot))
    }

    /// Take a leg out of its slot. It must be out of its chain.
    pub fn remove(&mut self, slot: Slot) -> Option<Seat> {
        let seat = self.seats.get_mut(slot.0 as usize)?.take()?;
        self.names.retain(|(_, other)| *other != slot.0);
        self.free.push(slot.0);
        Some(seat)
    }

    /// Where a leg is.
    pub fn find(&self, name: LegId) -> Option<Slot> {
        let at = self.names.binary_search_by_key(&name, |(name, _)| *name).ok()?;
        self.names.get(at).map(|(_, slot)| Slot(*slot))
    }

    /// The leg in a slot.
    pub fn get(&self, slot: Slot) -> Option<&Seat> {
        self.seats.get(slot.0 as usize)?.as_ref()
    }

    /// The leg in a slot.
    pub fn get_mut(&mut self, slot: Slot) -> Option<&mut Seat> {
        self.seats.get_mut(slot.0 as usize)?.as_mut()
    }

    /// Put a leg at the head of a chain.
    pub fn link(&mut self, chain: &mut Chain, slot: Slot) {
        let after = chain.first;
        if let Some(seat) = self.get_mut(slot) {
            seat.links = Links { before: None, after };
            chain.first = Some(slot.0);
            chain.len += 1;
        }
        if let Some(next) = after.and_then(|next| self.get_mut(Slot(next))) {
            next.links.before = Some(slot.0);
        }
    }

    /// Take a leg out of the chain it is in.
    pub fn unlink(&mut self, chain: &mut Chain, slot: Slot) {
        let Some(links) = self.get_mut(slot).map(|seat| std::mem::take(&mut seat.links)) else { return };
        match links.before.and_then(|before| self.get_mut(Slot(before))) {
            Some(before) => before.links.after = links.after,
            None => chain.first = links.after,
        }
        if let Some(after) = links.after.and_then(|after| self.get_mut(Slot(after))) {
            after.links.before = links.before;
        }
        chain.len = chain.len.saturating_sub(1);
    }

    /// Everybody in a chain, in turn.
    pub fn each(&mut self, chain: Chain, mut visit: impl FnMut(Slot, &mut Seat)) {
        let mut at = chain.first;
        while let Some(slot) = at {
            let Some(seat) = self.get_mut(Slot(slot)) else { return };
            at = seat.links.after;
            visit(Slot(slot), seat);
        }
    }

    /// Everybody in a chain, in rows of at most [`ROW`]: the one for each of a row, then the other; both are told the place in the row.
    pub fn in_rows<C>(
        &mut self,
        chain: Chain,
        context: &mut C,
        mut one: impl FnMut(&mut C, (Slot, usize), &mut Seat),
        mut other: impl FnMut(&mut C, (Slot, usize), &mut Seat),
    ) {
        let mut at = chain.first;
        let mut row = [Slot(0); ROW];
        loop {
            let mut length = 0;
            for (place, slot) in row.iter_mut().enumerate() {
                let Some((next, seat)) = at.and_then(|next| Some((Slot(next), self.get_mut(Slot(next))?))) else { break };
                at = seat.links.after;
                one(context, (next, place), seat);
                *slot = next;
                length += 1;
            }
            if length == 0 {
                return;
            }
            for (place, slot) in row.iter().take(length).enumerate() {
                if let Some(seat) = self.get_mut(*slot) {
                    other(context, (*slot, place), seat);
                }
            }
        }
    }

    /// Everybody in a chain, to look at.
    pub fn iter(&self, chain: Chain) -> impl Iterator<Item = (Slot, &Seat)> {
        let seat = |slot: u32| Some((Slot(slot), self.get(Slot(slot))?));
        std::iter::successors(chain.first.and_then(seat), move |(_, last)| last.links.after.and_then(seat))
    }
}
