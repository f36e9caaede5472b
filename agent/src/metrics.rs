//! What Prometheus scrapes. Labels are closed enums and Application names; never error text.

use prometheus_client::encoding::{EncodeLabelSet, text::encode};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};

/// A reason's name.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct ReasonLabel {
    /// [`muster_model::Reason::name`].
    pub reason: &'static str,
}

/// An Application and one of its states.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct StateLabel {
    /// `project/name`.
    pub application: String,
    /// Health or sync state.
    pub state: String,
}

/// A state of objects.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct ObjectsLabel {
    /// [`muster_sync::ObjectState::name`].
    pub state: &'static str,
}

/// A kind of effect.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct EffectLabel {
    /// `probe`, `apply`, `delete`, `release`, `adopt`.
    pub effect: &'static str,
}

/// Every metric of the agent.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    /// Polls of a Git server that succeeded.
    pub polls: Counter,
    /// Polls that failed, by reason.
    pub poll_failures: Family<ReasonLabel, Counter>,
    /// Effects sent to the API server.
    pub effects: Family<EffectLabel, Counter>,
    /// Effects that failed, by reason.
    pub effect_failures: Family<ReasonLabel, Counter>,
    /// Objects healed.
    pub healed: Counter,
    /// Statuses pushed.
    pub status_pushes: Counter,
    /// Status pushes that failed, by reason.
    pub status_failures: Family<ReasonLabel, Counter>,
    /// 1 for the health each Application has.
    pub health: Family<StateLabel, Gauge>,
    /// 1 for the sync state each Application has.
    pub sync: Family<StateLabel, Gauge>,
    /// Objects in each state, over all Applications.
    pub objects: Family<ObjectsLabel, Gauge>,
    /// Sources that were rendered: what was remembered from an earlier look does not count.
    pub renders: Counter,
    /// Seconds that a pass took from decision to last effect.
    pub pass_seconds: Histogram,
    /// Seconds since 1970 of the last successful poll.
    pub last_poll: Gauge,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut metrics = Self {
            polls: Counter::default(),
            poll_failures: Family::default(),
            effects: Family::default(),
            effect_failures: Family::default(),
            healed: Counter::default(),
            status_pushes: Counter::default(),
            status_failures: Family::default(),
            health: Family::default(),
            sync: Family::default(),
            objects: Family::default(),
            renders: Counter::default(),
            // 1 ms to about 100 s: a pass of one object takes milliseconds, a first apply of 10,000 a minute.
            pass_seconds: Histogram::new(exponential_buckets(0.001, 3.0, 12)),
            last_poll: Gauge::default(),
            registry: Registry::default(),
        };
        metrics.registry = metrics.registered();
        metrics
    }
}

impl Metrics {
    #[rustfmt::skip]
    fn registered(&self) -> Registry {
        let mut all = Registry::with_prefix("muster");
        all.register("polls", "Successful polls of the Git server", self.polls.clone());
        all.register("poll_failures", "Failed polls by reason", self.poll_failures.clone());
        all.register("effects", "Effects sent to the API server", self.effects.clone());
        all.register("effect_failures", "Failed effects by reason", self.effect_failures.clone());
        all.register("healed", "Objects healed", self.healed.clone());
        all.register("status_pushes", "Statuses pushed", self.status_pushes.clone());
        all.register("status_failures", "Failed status pushes by reason", self.status_failures.clone());
        all.register("application_health", "1 for the health of each Application", self.health.clone());
        all.register("application_sync", "1 for the sync state of each Application", self.sync.clone());
        all.register("objects", "Objects in each state", self.objects.clone());
        all.register("renders", "Sources rendered, recalled ones apart", self.renders.clone());
        all.register_with_unit("pass", "Time from decision to last effect", Unit::Seconds, self.pass_seconds.clone());
        all.register("last_poll_timestamp_seconds", "When the last poll succeeded", self.last_poll.clone());
        all
    }

    /// All metrics in OpenMetrics text.
    #[must_use]
    pub fn render(&self) -> String {
        let mut out = String::new();
        encode(&mut out, &self.registry).expect("because writing to a String cannot fail");
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metrics_are_open_metrics_text() {
        let metrics = Metrics::default();
        metrics.polls.inc();
        metrics
            .poll_failures
            .get_or_create(&ReasonLabel { reason: "GitAuth" })
            .inc();
        let text = metrics.render();
        assert!(
            text.contains("muster_polls_total 1")
                && text.contains(r#"muster_poll_failures_total{reason="GitAuth"} 1"#),
            "{text}"
        );
        assert!(text.ends_with("# EOF\n"));
    }
}
