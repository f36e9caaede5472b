//! What Argo CD's RollingSync cannot say about a rollout.

use std::time::Duration;

use muster_model::{ClusterName, CommitId, Node};
use schemars::JsonSchema;

use super::policy::read_duration;
use crate::decode::{Decoder, Fields, child};

/// Rules for the rollouts of one ApplicationSet, beside its own `rollingSync` steps.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema)]
#[schemars(rename_all = "camelCase", deny_unknown_fields)]
pub struct Rollout {
    /// The ApplicationSet's name.
    pub application_set: String,
    /// How long a cluster has to stay healthy before it counts as passed.
    #[schemars(with = "Option<String>")]
    pub soak: Option<Duration>,
    /// When a cluster that is not healthy yet counts as failed.
    #[schemars(with = "Option<String>")]
    pub deadline: Option<Duration>,
    /// How many clusters may fail before everybody holds: a number, or a share like `10%`.
    #[schemars(default, with = "Option<String>")]
    pub max_failures: MaxFailures,
    /// How old a status may be before its cluster no longer counts.
    #[schemars(with = "Option<String>")]
    pub max_stale: Option<Duration>,
    /// When new content may start; none: always.
    #[schemars(default)]
    pub windows: Vec<Window>,
    /// What a cluster does that failed.
    #[schemars(default)]
    pub on_failure: OnFailure,
    /// Lets one release pass the gate by hand.
    pub force: Option<Force>,
}

/// How many clusters may fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MaxFailures {
    /// A number of clusters.
    Count(u32),
    /// A share of the clusters, in percent, rounded down.
    Percent(u32),
}

impl Default for MaxFailures {
    /// None: the first failure holds everybody.
    fn default() -> Self {
        Self::Count(0)
    }
}

/// What a cluster does that failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, JsonSchema)]
pub enum OnFailure {
    /// It stays on the release that failed.
    #[default]
    Hold,
    /// It returns to the last release that passed there.
    Rollback,
}

/// A time in which new content may, or may not, start.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema)]
#[schemars(rename_all = "camelCase", deny_unknown_fields)]
pub struct Window {
    /// Whether the window permits or forbids.
    pub kind: WindowKind,
    /// When it opens, as five fields of cron.
    pub schedule: String,
    /// How long it stays open.
    #[schemars(with = "String")]
    pub duration: Duration,
    /// The time zone of the schedule (IANA name).
    #[schemars(default)]
    pub time_zone: String,
}

/// Whether a window permits or forbids.
#[derive(Debug, Clone, Copy, PartialEq, Eq, JsonSchema)]
#[schemars(rename_all = "lowercase")]
pub enum WindowKind {
    /// New content starts inside it only.
    Allow,
    /// New content does not start inside it.
    Deny,
}

/// One release that passes the gate by hand.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema)]
#[schemars(rename_all = "camelCase", deny_unknown_fields)]
pub struct Force {
    /// The hub commit of the release.
    #[schemars(with = "String")]
    pub release: CommitId,
    /// Where; empty means nowhere.
    #[schemars(with = "Vec<String>")]
    pub clusters: Vec<ClusterName>,
}

/// Reads `spec.rollouts`.
pub(super) fn read_all(decoder: &mut Decoder, fields: &mut Fields<'_>) -> Vec<Rollout> {
    let mut rollouts: Vec<Rollout> = Vec::new();
    for (path, node) in decoder.items(fields, "rollouts") {
        let rollout = read(decoder, node, &path);
        if rollouts
            .iter()
            .any(|other| other.application_set == rollout.application_set)
        {
            decoder.wrong(
                node.span.line,
                &child(&path, "applicationSet"),
                format!("`{}` has two entries", rollout.application_set),
            );
        }
        rollouts.push(rollout);
    }
    rollouts
}

fn read(decoder: &mut Decoder, node: &Node, path: &str) -> Rollout {
    let mut fields = decoder.fields(node, path);
    let rollout = Rollout {
        application_set: decoder.text_required(&mut fields, "applicationSet"),
        soak: read_duration(decoder, &mut fields, "soak"),
        deadline: read_duration(decoder, &mut fields, "deadline"),
        max_failures: read_max_failures(decoder, &mut fields),
        max_stale: read_duration(decoder, &mut fields, "maxStale"),
        windows: read_windows(decoder, &mut fields),
        on_failure: decoder
            .word(
                &mut fields,
                "onFailure",
                &[("Hold", OnFailure::Hold), ("Rollback", OnFailure::Rollback)],
            )
            .unwrap_or_default(),
        force: read_force(decoder, &mut fields),
    };
    decoder.finish(fields);
    rollout
}

fn read_max_failures(decoder: &mut Decoder, fields: &mut Fields<'_>) -> MaxFailures {
    let Some(node) = fields.take("maxFailures") else {
        return MaxFailures::default();
    };
    let percent = |text: &str| {
        let share = text.strip_suffix('%')?.parse::<u32>().ok()?;
        (share <= 100).then_some(MaxFailures::Percent(share))
    };
    let read = match node.as_int() {
        Some(count) => u32::try_from(count).ok().map(MaxFailures::Count),
        None => node.as_str().and_then(percent),
    };
    read.unwrap_or_else(|| {
        decoder.expected(
            node,
            &fields.path_of("maxFailures"),
            "a number or a share like \"10%\"",
        );
        MaxFailures::default()
    })
}

fn read_windows(decoder: &mut Decoder, fields: &mut Fields<'_>) -> Vec<Window> {
    let items = decoder.items(fields, "windows");
    items
        .into_iter()
        .filter_map(|(path, node)| read_window(decoder, node, &path))
        .collect()
}

fn read_window(decoder: &mut Decoder, node: &Node, path: &str) -> Option<Window> {
    let mut fields = decoder.fields(node, path);
    let kind = decoder.word(
        &mut fields,
        "kind",
        &[("allow", WindowKind::Allow), ("deny", WindowKind::Deny)],
    );
    let schedule = decoder.text_required(&mut fields, "schedule");
    let duration = read_duration(decoder, &mut fields, "duration");
    let time_zone = decoder.text(&mut fields, "timeZone");
    decoder.finish(fields);
    let line = node.span.line;
    if !schedule.is_empty() && schedule.split_whitespace().count() != 5 {
        decoder.wrong(
            line,
            &child(path, "schedule"),
            format!("`{schedule}` does not have the five fields of cron"),
        );
    }
    if !time_zone.is_empty()
        && jiff::tz::TimeZoneDatabase::bundled()
            .get(&time_zone)
            .is_err()
    {
        decoder.wrong(
            line,
            &child(path, "timeZone"),
            format!("`{time_zone}` is no IANA time zone"),
        );
    }
    for (name, missing) in [("kind", kind.is_none()), ("duration", duration.is_none())] {
        if missing && node.get(name).is_none() {
            decoder.wrong(line, &child(path, name), format!("`{name}` is missing"));
        }
    }
    Some(Window {
        kind: kind?,
        schedule,
        duration: duration?,
        time_zone,
    })
}

fn read_force(decoder: &mut Decoder, fields: &mut Fields<'_>) -> Option<Force> {
    let node = fields.take("force")?;
    let path = fields.path_of("force");
    let mut entry = decoder.fields(node, &path);
    let release = decoder.text_required(&mut entry, "release");
    let mut clusters = Vec::new();
    for (path, node) in decoder.items(&mut entry, "clusters") {
        let Some(text) = decoder.text_of(node, &path) else {
            continue;
        };
        match ClusterName::new(text) {
            Ok(name) => clusters.push(name),
            Err(error) => {
                decoder.wrong(node.span.line, &path, error.to_string());
            }
        }
    }
    decoder.finish(entry);
    match CommitId::new(release) {
        Ok(release) => Some(Force { release, clusters }),
        Err(why) => {
            decoder.wrong(node.span.line, &child(&path, "release"), why);
            None
        }
    }
}
