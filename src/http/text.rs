//! Writes figures as Prometheus reads them (text format 0.0.4): names, help, labels, columns. Knows nothing of what they mean.

use std::fmt;
use std::sync::Arc;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, MetricEncoder, NoLabelSet, prometheus_text};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Registry;

use crate::bridge::Histogram;

/// Of the page.
pub(super) const CONTENT_TYPE: &str = prometheus_text::CONTENT_TYPE;
/// Before every name of ours.
const PREFIX: &str = "ljudbro";

/// Labels of one row.
pub(super) type Labels = Vec<(&'static str, String)>;

/// A page of what `write` writes: with our prefix, and without.
pub(super) fn page<T>(
    value: Arc<T>,
    ours: fn(&T, Page<'_>) -> fmt::Result,
    others: fn(&T, Page<'_>) -> fmt::Result,
) -> Result<String, fmt::Error>
where
    T: Send + Sync + 'static,
{
    let mut registry = Registry::default();
    registry.register_collector(Box::new(Writer { value: value.clone(), write: others }));
    registry.sub_registry_with_prefix(PREFIX).register_collector(Box::new(Writer { value, write: ours }));
    let mut page = String::new();
    prometheus_text::encode(&mut page, &registry)?;
    Ok(page)
}

struct Writer<T> {
    value: Arc<T>,
    write: fn(&T, Page<'_>) -> fmt::Result,
}

impl<T> fmt::Debug for Writer<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Writer").finish_non_exhaustive()
    }
}

impl<T: Send + Sync + 'static> Collector for Writer<T> {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
        (self.write)(&self.value, Page(encoder))
    }
}

/// A page that is being written. Names come without prefix, and without the `_total` of counters.
pub(super) struct Page<'a>(DescriptorEncoder<'a>);

impl Page<'_> {
    /// What only grows: how many.
    pub fn counter(&mut self, name: &str, help: &str, rows: impl IntoIterator<Item = (Labels, u64)>) -> fmt::Result {
        self.rows(name, help, MetricType::Counter, rows, |row, value| row.encode_counter::<NoLabelSet, u64, f64>(value, None))
    }

    /// What only grows: how much.
    pub fn amount(&mut self, name: &str, help: &str, rows: impl IntoIterator<Item = (Labels, f64)>) -> fmt::Result {
        self.rows(name, help, MetricType::Counter, rows, |row, value| row.encode_counter::<NoLabelSet, f64, f64>(value, None))
    }

    /// What comes and goes.
    pub fn gauge(&mut self, name: &str, help: &str, rows: impl IntoIterator<Item = (Labels, f64)>) -> fmt::Result {
        self.rows(name, help, MetricType::Gauge, rows, |row, value| row.encode_gauge(value))
    }

    /// What is always the same.
    pub fn info(&mut self, name: &str, help: &str, labels: &Labels) -> fmt::Result {
        self.0.encode_descriptor(name, help, None, MetricType::Info)?.encode_info(labels)
    }

    /// Durations, in seconds.
    pub fn histogram<const N: usize>(
        &mut self,
        name: &str,
        help: &str,
        bounds: &[u64; N],
        rows: impl IntoIterator<Item = (Labels, Histogram<N>)>,
    ) -> fmt::Result {
        self.rows(name, help, MetricType::Histogram, rows, |row, histogram| {
            let bound = |bound: u64| if bound == u64::MAX { f64::INFINITY } else { seconds(bound) };
            let mut columns = [(0.0, 0); N];
            for (column, (at, count)) in columns.iter_mut().zip(bounds.iter().zip(histogram.counts)) {
                *column = (bound(*at), count);
            }
            row.encode_histogram::<NoLabelSet>(seconds(histogram.sum), histogram.count(), &columns, None)
        })
    }

    fn rows<V>(
        &mut self,
        name: &str,
        help: &str,
        kind: MetricType,
        rows: impl IntoIterator<Item = (Labels, V)>,
        mut write: impl FnMut(&mut MetricEncoder<'_>, &V) -> fmt::Result,
    ) -> fmt::Result {
        let mut metric = self.0.encode_descriptor(name, help, None, kind)?;
        for (labels, value) in rows {
            if labels.is_empty() {
                write(&mut metric, &value)?;
            } else {
                write(&mut metric.encode_family(&labels)?, &value)?;
            }
        }
        Ok(())
    }
}

/// Nanoseconds in seconds.
pub(super) fn seconds(nanoseconds: u64) -> f64 {
    nanoseconds as f64 / 1e9
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(_: &(), mut page: Page<'_>) -> fmt::Result {
        let labels = |value: &str| vec![("way", value.to_owned())];
        page.counter("calls", "Calls.", [(labels("menu"), 3), (labels("a \"b\"\\\n"), 0)])?;
        page.amount("busy_seconds", "Time.", [(Labels::new(), 1.5)])?;
        page.gauge("legs", "Legs.", [(Labels::new(), 2.0)])?;
        page.info("build", "Build.", &vec![("version", "1.2".to_owned())])?;
        let mut histogram = Histogram::EMPTY;
        for value in [1_000_000, 2_000_000, 7_000_000] {
            histogram.note(&[2_000_000, 5_000_000, u64::MAX], value);
        }
        page.histogram("tick_seconds", "Ticks.", &[2_000_000, 5_000_000, u64::MAX], [(labels("x"), histogram)])
    }

    fn nothing(_: &(), _: Page<'_>) -> fmt::Result {
        Ok(())
    }

    #[test]
    fn the_text_is_as_prometheus_reads_it() {
        let text = page(Arc::new(()), write, nothing).unwrap();
        let expected = r#"# HELP ljudbro_calls_total Calls.
# TYPE ljudbro_calls_total counter
ljudbro_calls_total{way="menu"} 3
ljudbro_calls_total{way="a \"b\"\\\n"} 0
# HELP ljudbro_busy_seconds_total Time.
# TYPE ljudbro_busy_seconds_total counter
ljudbro_busy_seconds_total 1.5
# HELP ljudbro_legs Legs.
# TYPE ljudbro_legs gauge
ljudbro_legs 2.0
# HELP ljudbro_build_info Build.
# TYPE ljudbro_build_info gauge
ljudbro_build_info{version="1.2"} 1
# HELP ljudbro_tick_seconds Ticks.
# TYPE ljudbro_tick_seconds histogram
ljudbro_tick_seconds_bucket{way="x",le="0.002"} 2
ljudbro_tick_seconds_bucket{way="x",le="0.005"} 2
ljudbro_tick_seconds_bucket{way="x",le="+Inf"} 3
ljudbro_tick_seconds_sum{way="x"} 0.01
ljudbro_tick_seconds_count{way="x"} 3
"#;
        assert_eq!(text, expected);
    }
}
