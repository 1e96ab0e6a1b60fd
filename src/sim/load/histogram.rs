//! A histogram of times with a fixed size: 2 % wide cells from a nanosecond to minutes, so that millions of packets cost no memory.

/// Cells in each doubling: a cell is at most 1/32 of its value wide, and its middle at most 1/64 off.
const FINE: u32 = 5;
const CELLS_A_DOUBLING: usize = 1 << FINE;
/// Doublings of a `u64` above the linear part.
const DOUBLINGS: usize = 64 - FINE as usize;

/// Counts of values, nanoseconds. Percentiles are right to 2 %; the largest value is exact.
#[derive(Clone)]
pub struct Histogram {
    cells: Box<[u64]>,
    count: u64,
    sum: u128,
    most: u64,
}

impl std::fmt::Debug for Histogram {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Histogram").field("count", &self.count).field("most", &self.most).finish_non_exhaustive()
    }
}

impl Default for Histogram {
    fn default() -> Self {
        Self { cells: vec![0; CELLS_A_DOUBLING * (DOUBLINGS + 1)].into(), count: 0, sum: 0, most: 0 }
    }
}

/// Where a value is counted.
fn cell(value: u64) -> usize {
    // Below 32 each value has a cell; above, the doubling and the five bits under the highest one.
    let doubling = (64 - value.leading_zeros()).saturating_sub(FINE + 1);
    ((value >> doubling) as usize) + CELLS_A_DOUBLING * doubling as usize
}

/// The least value of a cell and how many values fall in it.
fn span(cell: usize) -> (u64, u64) {
    let doubling = (cell / CELLS_A_DOUBLING).saturating_sub(1);
    (((cell - CELLS_A_DOUBLING * doubling) as u64) << doubling, 1 << doubling)
}

impl Histogram {
    /// One more value, nanoseconds.
    pub fn add(&mut self, value: u64) {
        if let Some(cell) = self.cells.get_mut(cell(value)) {
            *cell += 1;
        }
        self.count += 1;
        self.sum += u128::from(value);
        self.most = self.most.max(value);
    }

    /// How many values there are.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The largest value, nanoseconds; 0 without values.
    pub fn most(&self) -> u64 {
        self.most
    }

    /// The mean, nanoseconds; `None` without values.
    pub fn mean(&self) -> Option<f64> {
        (self.count > 0).then(|| self.sum as f64 / self.count as f64)
    }

    /// The value that `share` (0 to 1) of all are not above, nanoseconds; `None` without values.
    pub fn percentile(&self, share: f64) -> Option<u64> {
        let wanted = ((self.count as f64 * share).ceil() as u64).clamp(1, self.count.max(1));
        let mut passed = 0;
        for (at, count) in self.cells.iter().enumerate().filter(|(_, count)| **count > 0) {
            passed += count;
            if passed >= wanted {
                let (least, wide) = span(at);
                return Some((least + wide / 2).min(self.most));
            }
        }
        None
    }

    /// Least value, width and count of each cell that holds something, from the smallest on.
    pub fn cells(&self) -> impl Iterator<Item = (u64, u64, u64)> {
        self.cells.iter().enumerate().filter(|(_, count)| **count > 0).map(|(at, count)| {
            let (least, wide) = span(at);
            (least, wide, *count)
        })
    }

    /// Forget everything.
    pub fn clear(&mut self) {
        self.cells.fill(0);
        (self.count, self.sum, self.most) = (0, 0, 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_lies_in_the_cell_that_counts_it() {
        let values = (0..5_000).chain((0..64).flat_map(|bit| [(1u64 << bit) - 1, 1 << bit, (1 << bit) + 1])).chain([u64::MAX]);
        for value in values {
            let (least, wide) = span(cell(value));
            assert!(least <= value && value - least < wide, "{value}: {least} + {wide}");
            assert!(wide == 1 || wide * 32 <= least, "{value}: {wide} wide at {least}");
        }
    }

    #[test]
    fn percentiles_of_an_even_spread_are_right_to_two_percent() {
        let mut histogram = Histogram::default();
        for value in 1..=100_000u64 {
            histogram.add(value * 1_000);
        }
        for (share, right) in [(0.5, 50_000_000.0), (0.95, 95_000_000.0), (0.999, 99_900_000.0)] {
            let found = histogram.percentile(share).unwrap() as f64;
            assert!((found / right - 1.0).abs() < 0.02, "{share}: {found}");
        }
        assert_eq!(histogram.most(), 100_000_000);
        assert_eq!(histogram.percentile(1.0), Some(histogram.percentile(0.999_999).unwrap()));
        assert_eq!(histogram.cells().map(|(.., count)| count).sum::<u64>(), 100_000);
    }

    #[test]
    fn without_values_there_are_no_percentiles() {
        let mut histogram = Histogram::default();
        assert_eq!((histogram.percentile(0.5), histogram.mean(), histogram.most()), (None, None, 0));
        histogram.add(7);
        assert_eq!(histogram.percentile(0.5), Some(7));
        histogram.clear();
        assert_eq!(histogram.percentile(0.5), None);
    }
}
