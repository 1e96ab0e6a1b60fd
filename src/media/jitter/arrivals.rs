//! How late packets come: a forgetting histogram of their arrivals, and the delay that lets nearly all of them be in time.
//!
//! The *arrival* of a packet is how far, in 1/48,000 s, its first sample lies after the beginning of the first tick that can play it, in
//! a time that counts [`super::UNITS_A_TICK`] for every tick: 0, or any other number that stays the same while packets come evenly,
//! less when one is late. So the wait for a tick is no part of it, and neither is where on the phase of the meeting a tick is. Whoever plays
//! from the position that a low quantile of these numbers gives waits no longer than the network makes him.

use super::UNITS_A_MS;
use crate::audio::prefetch;

/// Width of a column: 5 ms. What lies in it is known to the sample besides.
const WIDTH: i64 = 5 * UNITS_A_MS;
/// Columns: 320 ms. A network that is less even than that is not worth waiting for.
const COLUMNS: usize = 64;
/// What one more arrival leaves of the weight of those before (NetEQ's factor): the last second rules.
const FORGET: f32 = 0.983;
/// Share of ticks that may come later than the delay allows for.
const LATE: f32 = 0.04;
/// Weights grow instead of being multiplied down; here they are all made small again.
const HEAVY: f32 = 1e9;

/// Arrivals lately.
#[derive(Clone, Debug)]
pub(super) struct Arrivals {
    /// The column of [`Arrivals::weights`]`[0]`, counted from 0.
    first: i64,
    weights: [f32; COLUMNS],
    /// The latest arrival (smallest number) in each column since the column was last empty.
    lowest: [i64; COLUMNS],
    total: f32,
    /// Of the next arrival.
    weight: f32,
    quantile: Option<i64>,
}

impl Arrivals {
    pub(super) const fn new() -> Self {
        Self { first: 0, weights: [0.0; COLUMNS], lowest: [0; COLUMNS], total: 0.0, weight: 1.0, quantile: None }
    }

    /// The next arrival comes soon: the weights, and the column of an even line.
    pub(super) fn prefetch(&self) {
        prefetch::all(&self.weights);
        prefetch::all(&self.lowest[COLUMNS / 2]);
        prefetch::all(&self.quantile);
        prefetch::all(&self.total);
    }

    /// Forget all.
    pub(super) fn clear(&mut self) {
        *self = Self::new();
    }

    /// The position, relative to the beginning of a tick, to play from: all but the latest 4 % are in time then. `None`: nothing came yet.
    pub(super) fn quantile(&self) -> Option<i64> {
        self.quantile
    }

    /// The latest packet of a tick.
    pub(super) fn note(&mut self, arrival: i64) {
        if self.total == 0.0 {
            // Room on both sides.
            self.first = arrival.div_euclid(WIDTH) - COLUMNS as i64 / 2;
        }
        let at = self.column(arrival);
        let weight = self.weights[at];
        // A column that has lost nearly all of its weight counts as empty: its lowest is history.
        self.lowest[at] = if weight * 50.0 < self.weight { arrival } else { self.lowest[at].min(arrival) };
        self.weights[at] += self.weight;
        self.total += self.weight;
        self.weight /= FORGET;
        if self.weight > HEAVY {
            self.lighten();
        }
        self.quantile = Some(self.find());
    }

    /// The column of an arrival. What is beyond the columns belongs to the last one there; when that has most of the weight, the way
    /// has changed for good, and the columns move along.
    fn column(&mut self, arrival: i64) -> usize {
        let last = COLUMNS as i64 - 1;
        let at = arrival.div_euclid(WIDTH) - self.first;
        let edge = at.clamp(0, last);
        if at == edge || self.weights[edge as usize] * 2.0 < self.total {
            return edge as usize;
        }
        let shift = at - COLUMNS as i64 / 2;
        let (weights, lowest) = (self.weights, self.lowest);
        self.weights = [0.0; COLUMNS];
        for (weight, lowest) in weights.into_iter().zip(lowest) {
            if weight > 0.0 {
                let to = (lowest.div_euclid(WIDTH) - self.first - shift).clamp(0, last) as usize;
                self.lowest[to] = if self.weights[to] == 0.0 { lowest } else { self.lowest[to].min(lowest) };
                self.weights[to] += weight;
            }
        }
        self.first += shift;
        COLUMNS / 2
    }

    fn lighten(&mut self) {
        for weight in &mut self.weights {
            *weight /= self.weight;
        }
        self.total = self.weights.iter().sum();
        self.weight = 1.0;
    }

    fn find(&self) -> i64 {
        // Few have come: the weight of the first ones is not yet 4 %, and each counts.
        let late = self.total * LATE;
        let mut sum = 0.0;
        for (weight, lowest) in self.weights.iter().zip(&self.lowest) {
            sum += weight;
            if sum > late {
                return *lowest;
            }
        }
        // The sum of all is more than a part of it, but for rounding.
        self.lowest[COLUMNS - 1]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: i64 = UNITS_A_MS;

    fn after(arrivals: impl IntoIterator<Item = i64>) -> Arrivals {
        let mut histogram = Arrivals::new();
        for arrival in arrivals {
            histogram.note(arrival);
        }
        histogram
    }

    #[test]
    fn even_arrivals_are_known_to_the_sample() {
        for offset in [0, 6, -6, 1_234_567, -98_765] {
            assert_eq!(after(vec![offset; 10]).quantile(), Some(offset));
        }
        assert_eq!(Arrivals::new().quantile(), None);
    }

    #[test]
    fn a_late_one_now_and_then_is_not_waited_for_but_one_in_ten_is() {
        let rare = after((1..=1000).map(|n| if n % 100 == 0 { -20 * MS } else { 0 }));
        assert_eq!(rare.quantile(), Some(0));
        let often = after((1..=1000).map(|n| if n % 10 == 0 { -20 * MS } else { 0 }));
        assert_eq!(often.quantile(), Some(-20 * MS));
    }

    #[test]
    fn what_was_is_forgotten_within_four_seconds() {
        // All late for a second, then none: at 50 ticks a second.
        let mut histogram = after((0..200).map(|_| -40 * MS));
        for _ in 0..200 {
            histogram.note(0);
        }
        assert_eq!(histogram.quantile(), Some(0));
    }

    #[test]
    fn a_way_that_becomes_longer_or_shorter_by_any_amount_is_followed() {
        for step in [-700 * MS, 700 * MS, -90_000 * MS, 1 << 40, -(1 << 40)] {
            let mut histogram = after((0..100).map(|_| 0));
            for _ in 0..250 {
                histogram.note(step);
            }
            let quantile = histogram.quantile().unwrap();
            assert!((quantile - step).abs() <= 320 * MS, "{step}: {quantile}");
        }
    }

    #[test]
    fn days_of_packets_do_not_wear_it_out() {
        let histogram = after((0..2_000_000).map(|n| if n % 20 == 0 { -20 * MS } else { 0 }));
        assert!(histogram.total.is_finite() && histogram.quantile() == Some(-20 * MS));
    }
}
