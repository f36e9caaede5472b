//! Figures of several runs: the least, the median, the most.

use std::fmt;
use std::time::Duration;

/// What was measured several times, in one unit.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Figures {
    values: Vec<f64>,
    unit: &'static str,
}

impl Figures {
    /// Takes what was measured.
    pub(crate) fn new(unit: &'static str, values: impl IntoIterator<Item = f64>) -> Self {
        let mut values: Vec<f64> = values.into_iter().collect();
        values.sort_by(f64::total_cmp);
        Self { values, unit }
    }

    /// Takes durations, in seconds.
    pub(crate) fn seconds(values: impl IntoIterator<Item = Duration>) -> Self {
        Self::new("s", values.into_iter().map(|value| value.as_secs_f64()))
    }

    /// Takes durations, in milliseconds.
    pub(crate) fn milliseconds(values: impl IntoIterator<Item = Duration>) -> Self {
        Self::new(
            "ms",
            values.into_iter().map(|value| value.as_secs_f64() * 1e3),
        )
    }

    /// The value below which this share of the values lies, 0 to 1 (nearest rank).
    pub(crate) fn quantile(&self, share: f64) -> f64 {
        let last = self.values.len().saturating_sub(1);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "a rank among at most a few thousand values"
        )]
        let rank = (share * self.values.len() as f64).ceil() as usize;
        self.values
            .get(rank.saturating_sub(1).min(last))
            .copied()
            .unwrap_or(f64::NAN)
    }

    /// The middle value.
    pub(crate) fn median(&self) -> f64 {
        self.quantile(0.5)
    }
}

impl fmt::Display for Figures {
    /// `2.61 s (2.55 to 2.70, 5 runs)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { values, unit } = self;
        let (least, most) = (self.quantile(0.0), self.quantile(1.0));
        let median = self.median();
        match values.len() {
            1 => write!(f, "{} {unit}", short(median)),
            runs => write!(
                f,
                "{} {unit} ({} to {}, {runs} runs)",
                short(median),
                short(least),
                short(most)
            ),
        }
    }
}

/// Three significant digits are what a run on a shared machine is worth.
pub(crate) fn short(value: f64) -> String {
    match value.abs() {
        v if v >= 100.0 => format!("{value:.0}"),
        v if v >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}
