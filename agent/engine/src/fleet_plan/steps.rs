//! How what changes gets to the clusters: step by step, as the ApplicationSets and the fleet file say.

use std::collections::{BTreeMap, BTreeSet};

use muster_fleet::application::Application;
use muster_fleet::applicationset::{
    ApplicationSet, MatchExpression, MatchOperator, MaxUpdate, Step, Strategy,
};
use muster_fleet::duration::Show;
use muster_fleet::fleet::{MaxFailures, OnFailure, Rollout, WindowKind};
use muster_model::CommitId;
use serde::Serialize;

use super::Place;
use super::members::Member;
use crate::survey::Survey;

/// The rollout of one ApplicationSet's changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RolloutPlan {
    /// The ApplicationSet.
    pub application_set: String,
    /// The steps, in order; none: every cluster takes its change as soon as it sees it.
    pub steps: Vec<StepPlan>,
    /// Applications with a change that are in no step: they are never synced automatically.
    pub in_no_step: Vec<Place>,
    /// Applications that are in more than one step, which is an error.
    pub in_two_steps: Vec<Place>,
    /// What the fleet file adds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rules: Option<Rules>,
}

/// One step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StepPlan {
    /// Whom it is about.
    pub matches: String,
    /// How many at a time, as written.
    pub max_update: String,
    /// How many at a time.
    pub at_once: u32,
    /// Applications in the step.
    pub total: usize,
    /// Those of them that something happens to.
    pub applications: Vec<Place>,
}

/// What `spec.rollouts` says of an ApplicationSet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Rules {
    /// How long a cluster has to stay healthy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub soak: Option<String>,
    /// When a cluster that is not healthy counts as failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deadline: Option<String>,
    /// How many may fail.
    pub max_failures: String,
    /// How old a status may be.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_stale: Option<String>,
    /// What a failed cluster does.
    pub on_failure: String,
    /// When content may start.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub windows: Vec<String>,
    /// The release that passes by hand, and how many clusters take it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub force: Option<(CommitId, usize)>,
}

/// One entry for each ApplicationSet with changes.
pub(super) fn rollouts(to: &Survey, members: &[Member<'_>]) -> Vec<RolloutPlan> {
    let mut changed: BTreeMap<&str, BTreeSet<&Place>> = BTreeMap::new();
    for member in members {
        if let Some(set) = &member.application.set {
            let places = changed.entry(set).or_default();
            places.extend(member.new.is_some().then_some(&member.place));
        }
    }
    let by_set = by_set(to);
    let nobody = Vec::new();
    let sets = changed.into_iter().filter_map(|(name, changed)| {
        let set = to.hub.sets.get(name)?;
        let all = by_set.get(name).unwrap_or(&nobody);
        Some(rollout(to, set, all, |place| changed.contains(place)))
    });
    sets.collect()
}

/// One entry for each ApplicationSet with steps, as if everything in it changed.
#[must_use]
pub fn all_rollouts(to: &Survey) -> Vec<RolloutPlan> {
    let by_set = by_set(to);
    let sets = by_set.into_iter().filter_map(|(name, all)| {
        let set = to.hub.sets.get(name)?;
        (!steps_of(set).is_empty()).then(|| rollout(to, set, &all, |_| true))
    });
    sets.collect()
}

fn by_set(survey: &Survey) -> BTreeMap<&str, Vec<&Application>> {
    let mut by_set: BTreeMap<&str, Vec<&Application>> = BTreeMap::new();
    for found in survey.all() {
        if let Some(set) = &found.application.set {
            by_set.entry(set).or_default().push(found.application);
        }
    }
    by_set
}

fn steps_of(set: &ApplicationSet) -> &[Step] {
    match &set.strategy {
        Strategy::AllAtOnce => &[],
        Strategy::RollingSync { steps, .. } => steps,
    }
}

fn rollout(
    to: &Survey,
    set: &ApplicationSet,
    all: &[&Application],
    changed: impl Fn(&Place) -> bool,
) -> RolloutPlan {
    let steps = steps_of(set);
    let rules = to
        .hub
        .fleet
        .rollouts
        .iter()
        .find(|r| r.application_set == set.name);
    let place = |application: &Application| Place {
        cluster: application.cluster.clone(),
        application: application.key.clone(),
    };
    let of_step = |step: &Step| {
        let inside = all
            .iter()
            .filter(|application| step.matches(&application.labels));
        let places: Vec<Place> = inside.map(|application| place(application)).collect();
        let total = u32::try_from(places.len()).unwrap_or(u32::MAX);
        StepPlan {
            matches: expressions(&step.match_expressions),
            max_update: written(step.max_update),
            at_once: step.max_update.map_or(total, |most| most.of(total)),
            total: places.len(),
            applications: places.into_iter().filter(|place| changed(place)).collect(),
        }
    };
    let times = |application: &Application| {
        steps
            .iter()
            .filter(|step| step.matches(&application.labels))
            .count()
    };
    let with = |wanted: fn(usize) -> bool| {
        let found = all
            .iter()
            .filter(|application| !steps.is_empty() && wanted(times(application)));
        found
            .map(|application| place(application))
            .collect::<Vec<_>>()
    };
    let mut in_no_step = with(|times| times == 0);
    in_no_step.retain(|place| changed(place));
    RolloutPlan {
        application_set: set.name.clone(),
        steps: steps.iter().map(of_step).collect(),
        in_no_step,
        in_two_steps: with(|times| times > 1),
        rules: rules.map(of_rollout),
    }
}

fn expressions(expressions: &[MatchExpression]) -> String {
    let text = |expression: &MatchExpression| {
        let operator = match expression.operator {
            MatchOperator::In => "in",
            MatchOperator::NotIn => "not in",
        };
        format!(
            "{} {operator} ({})",
            expression.key,
            expression.values.join(", ")
        )
    };
    if expressions.is_empty() {
        return "nobody: the step has no matchExpressions".to_owned();
    }
    expressions
        .iter()
        .map(text)
        .collect::<Vec<_>>()
        .join(" and ")
}

fn written(max_update: Option<MaxUpdate>) -> String {
    match max_update {
        None => "all".to_owned(),
        Some(MaxUpdate::Count(count)) => count.to_string(),
        Some(MaxUpdate::Percent(share)) => format!("{share}%"),
    }
}

fn of_rollout(rollout: &Rollout) -> Rules {
    let Rollout {
        application_set: _,
        soak,
        deadline,
        max_failures,
        max_stale,
        windows,
        on_failure,
        force,
    } = rollout;
    let window = |window: &muster_fleet::fleet::Window| {
        let kind = match window.kind {
            WindowKind::Allow => "allow",
            WindowKind::Deny => "deny",
        };
        let zone = if window.time_zone.is_empty() {
            "UTC"
        } else {
            &window.time_zone
        };
        format!(
            "{kind} `{}` for {} ({zone})",
            window.schedule,
            Show(window.duration)
        )
    };
    Rules {
        soak: soak.map(|time| Show(time).to_string()),
        deadline: deadline.map(|time| Show(time).to_string()),
        max_failures: match max_failures {
            MaxFailures::Count(count) => count.to_string(),
            MaxFailures::Percent(share) => format!("{share}%"),
        },
        max_stale: max_stale.map(|time| Show(time).to_string()),
        on_failure: match on_failure {
            OnFailure::Hold => "Hold".to_owned(),
            OnFailure::Rollback => "Rollback".to_owned(),
        },
        windows: windows.iter().map(window).collect(),
        force: force
            .as_ref()
            .map(|force| (force.release.clone(), force.clusters.len())),
    }
}
