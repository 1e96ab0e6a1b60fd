//! Distributions and counts as figures.

use std::collections::BTreeMap;

use serde::Serialize;

use super::histogram::Histogram;

/// Width of a bar of delays, nanoseconds.
const BAR_NS: i64 = 500_000;

/// A distribution.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Times {
    /// How many values.
    pub count: u64,
    /// Their mean.
    pub mean_ms: f64,
    /// Half of them are not above.
    pub p50_ms: f64,
    /// 95 of 100.
    pub p95_ms: f64,
    /// 99 of 100.
    pub p99_ms: f64,
    /// 999 of 1,000.
    pub p999_ms: f64,
    /// The largest.
    pub max_ms: f64,
}

impl Times {
    /// `None`: there are no values.
    pub fn of(histogram: &Histogram) -> Option<Self> {
        let at = |share| histogram.percentile(share).map(ms);
        Some(Self {
            count: histogram.count(),
            mean_ms: histogram.mean()? / 1e6,
            p50_ms: at(0.5)?,
            p95_ms: at(0.95)?,
            p99_ms: at(0.99)?,
            p999_ms: at(0.999)?,
            max_ms: ms(histogram.most()),
        })
    }
}

impl Times {
    /// Of single values, nanoseconds; exact. `None`: there are none.
    pub fn of_values(values: &mut [i64]) -> Option<Self> {
        values.sort_unstable();
        let last = values.len().checked_sub(1)?;
        let at = |share: f64| values.get(((values.len() as f64 * share).ceil() as usize).clamp(1, last + 1) - 1).map(|v| *v as f64 / 1e6);
        Some(Self {
            count: values.len() as u64,
            mean_ms: values.iter().map(|value| *value as f64).sum::<f64>() / values.len() as f64 / 1e6,
            p50_ms: at(0.5)?,
            p95_ms: at(0.95)?,
            p99_ms: at(0.99)?,
            p999_ms: at(0.999)?,
            max_ms: at(1.0)?,
        })
    }
}

/// Bars of a distribution, for plots: from, to, count.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Bars(pub Vec<(f64, f64, u64)>);

impl Bars {
    /// Half-millisecond bars of sorted values, nanoseconds.
    pub fn of_values(values: &[i64]) -> Self {
        let mut bars: BTreeMap<i64, u64> = BTreeMap::new();
        for value in values {
            *bars.entry(value.div_euclid(BAR_NS)).or_default() += 1;
        }
        let at = |bar: i64| (bar * BAR_NS) as f64 / 1e6;
        Self(bars.into_iter().map(|(bar, count)| (at(bar), at(bar + 1), count)).collect())
    }

    /// Of counted values.
    pub fn of(histogram: &Histogram) -> Self {
        Self(histogram.cells().map(|(least, wide, count)| (ms(least), ms(least + wide), count)).collect())
    }
}

/// Milliseconds of nanoseconds.
pub fn ms(nanoseconds: u64) -> f64 {
    nanoseconds as f64 / 1e6
}

/// So many of so many.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Of {
    /// Those who did.
    pub yes: u64,
    /// Those who could be asked.
    pub of: u64,
}

impl std::fmt::Display for Of {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} of {}", self.yes, self.of)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_of_single_values_are_values_that_were() {
        let mut values: Vec<i64> = (1..=100).rev().map(|n| n * 1_000_000).collect();
        let times = Times::of_values(&mut values).unwrap();
        assert_eq!((times.p50_ms, times.p95_ms, times.p99_ms, times.max_ms), (50.0, 95.0, 99.0, 100.0));
        assert_eq!(Times::of_values(&mut [-2_000_000]).unwrap().p50_ms, -2.0);
        assert_eq!(Times::of_values(&mut []), None);
    }

    #[test]
    fn bars_hold_every_value() {
        let bars = Bars::of_values(&[-1, 0, 499_999, 500_000, 9_000_000]);
        assert_eq!(bars.0, [(-0.5, 0.0, 1), (0.0, 0.5, 2), (0.5, 1.0, 1), (9.0, 9.5, 1)]);
    }
}
