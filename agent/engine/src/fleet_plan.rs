//! What a commit will do to every cluster of the fleet, with no cluster in reach: two surveys compared.
//!
//! ```text
//!   Survey(from) ─┐                    ┌─▶ groups: identical changes once, with the Applications they go to
//!                 ├─compare, each pair─┼─▶ approvals: deletions beyond the budget, ready to paste
//!   Survey(to)  ──┘        once        └─▶ steps: how the rollout proceeds
//! ```

mod approvals;
mod clusters;
mod compare;
mod diff;
mod members;
mod steps;
mod text;

use std::collections::{BTreeMap, BTreeSet};

use muster_model::{ApplicationKey, ClusterName, CommitId, ObjectId, Problem, Revision};
use serde::Serialize;

use crate::desire::Need;
use crate::survey::{Manner, Question, Survey};

pub use approvals::Approval;
pub use clusters::{ClusterPlan, Standing};
pub use diff::shown;
pub use steps::{RolloutPlan, Rules, StepPlan, all_rollouts};

/// What a commit will do to the fleet.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FleetPlan {
    /// The commit in force; without one everything appears.
    pub from: Option<Revision>,
    /// The commit that comes.
    pub to: Revision,
    /// How much of what.
    pub summary: Summary,
    /// Each cluster that was asked for.
    pub clusters: BTreeMap<ClusterName, ClusterPlan>,
    /// What changes: identical changes once.
    pub groups: Vec<Group>,
    /// Applications that cannot be enforced at the new commit; they stay as they are.
    pub refused: Vec<Refused>,
    /// Deletions that need an approval.
    pub approvals: Vec<Approval>,
    /// How what changes gets to the clusters.
    pub rollouts: Vec<RolloutPlan>,
    /// What is wrong with the fleet file and the Argo CD files.
    pub problems: Vec<Problem>,
    /// What should be looked at.
    pub warnings: Vec<Problem>,
}

/// How much of what.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Summary {
    /// Clusters that were asked for.
    pub clusters: usize,
    /// Clusters that something happens to.
    pub clusters_changed: usize,
    /// Applications, each on its cluster.
    pub applications: ApplicationCounts,
    /// Objects, each on its cluster.
    pub objects: ObjectCounts,
    /// Distinct changes.
    pub groups: usize,
    /// Approvals that are needed and not in the new commit's fleet file.
    pub approvals_missing: usize,
}

/// Applications by what happens to them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ApplicationCounts {
    /// They are new.
    pub appear: usize,
    /// Something in them changes.
    pub change: usize,
    /// They go.
    pub disappear: usize,
    /// They cannot be enforced, and stay.
    pub refused: usize,
    /// They stay as they are.
    pub same: usize,
}

/// Objects by what happens to them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ObjectCounts {
    /// They are new.
    pub appear: usize,
    /// Their content changes.
    pub change: usize,
    /// They are deleted.
    pub disappear: usize,
    /// Another Application takes them over.
    #[serde(rename = "move")]
    pub moved: usize,
    /// They left Git and stay: pruning is off, or they are released.
    pub kept: usize,
    /// They stay as they are.
    pub same: usize,
}

/// One Application on one cluster.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Place {
    /// The cluster.
    pub cluster: ClusterName,
    /// The Application, `project/name`.
    #[serde(serialize_with = "as_text")]
    pub application: ApplicationKey,
}

/// One change, and every Application that it happens to.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Group {
    /// What happens to the Applications.
    pub kind: GroupKind,
    /// Paths of the sources.
    pub paths: BTreeSet<String>,
    /// The ApplicationSets.
    pub sets: BTreeSet<String>,
    /// Objects that appear.
    #[serde(serialize_with = "as_texts")]
    pub appear: Vec<ObjectId>,
    /// Objects that change.
    pub change: Vec<ObjectChange>,
    /// Objects that are deleted.
    #[serde(serialize_with = "as_texts")]
    pub disappear: Vec<ObjectId>,
    /// Objects that another Application takes over, and which.
    #[serde(rename = "move")]
    pub moved: Vec<Move>,
    /// Objects that left Git and stay.
    #[serde(serialize_with = "as_texts")]
    pub kept: Vec<ObjectId>,
    /// Objects that stay as they are, in each Application.
    pub same: usize,
    /// How the Applications are applied.
    pub manner: Manner,
    /// Why the deletions need an approval, where they do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub needs_approval: Option<String>,
    /// Where.
    pub applications: Vec<Place>,
}

/// What happens to an Application.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum GroupKind {
    /// It is new.
    Appears,
    /// Something in it changes.
    Changes,
    /// It goes.
    Disappears,
}

/// One object before and after.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ObjectChange {
    /// The object.
    #[serde(serialize_with = "as_text")]
    pub object: ObjectId,
    /// The changed lines of its YAML: a sign, a space, the line. Values of Secrets are keyed digests.
    pub diff: Vec<String>,
}

/// An object that another Application takes over.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Move {
    /// The object.
    #[serde(serialize_with = "as_text")]
    pub object: ObjectId,
    /// The Application, `project/name`, or the ApplicationSet whose Application on the same cluster it is.
    pub to: String,
}

/// Applications that cannot be enforced, and why.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Refused {
    /// Why.
    pub problems: Vec<Problem>,
    /// Where.
    pub applications: Vec<Place>,
}

/// A survey, and the question it answers.
#[derive(Clone, Copy)]
pub struct Side<'a> {
    /// The answer.
    pub survey: &'a Survey,
    /// The question.
    pub question: &'a Question<'a>,
}

/// What a plan is asked for, beside the two sides.
#[derive(Debug, Clone, Default)]
pub struct Scope {
    /// Only these clusters; none: all.
    pub clusters: BTreeSet<ClusterName>,
    /// The commits that approvals name and that the commit in force is, or is an ancestor of.
    pub approvable: BTreeSet<CommitId>,
}

/// Compares.
///
/// # Errors
/// [`Need`], while the objects that change are rendered once more to be shown.
pub fn fleet_plan(from: Option<Side<'_>>, to: Side<'_>, scope: &Scope) -> Result<FleetPlan, Need> {
    let before = from.map(|side| side.survey);
    let mut compared = members::compare(before, to.survey, scope);
    let approvals = approvals::find(&mut compared.members, before, to.survey, scope);
    let groups = members::group(&compared.members);
    let groups = diff::fill(groups, from, to)?;
    let rollouts = steps::rollouts(to.survey, &compared.members);
    let mut summary = compared.summary;
    summary.groups = groups.len();
    summary.approvals_missing = approvals.iter().filter(|a| !a.given).count();
    Ok(FleetPlan {
        from: before.map(|survey| survey.revision.clone()),
        to: to.survey.revision.clone(),
        summary,
        clusters: compared.clusters,
        groups,
        refused: compared.refused,
        approvals,
        rollouts,
        problems: to.survey.problems.clone(),
        warnings: [
            to.survey.warnings.clone(),
            compared.warnings,
            held(to.survey),
        ]
        .concat(),
    })
}

/// What Applications ask for and this version does not do, each once: they stay at their last good release.
fn held(survey: &Survey) -> Vec<Problem> {
    let held: BTreeSet<Problem> = survey
        .all()
        .filter_map(|found| found.held.cloned())
        .collect();
    held.into_iter().collect()
}

impl FleetPlan {
    /// True when nothing happens anywhere.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.groups.is_empty() && self.clusters.values().all(|cluster| !cluster.leaves())
    }

    /// True when something is wrong at the new commit.
    #[must_use]
    pub fn has_problems(&self) -> bool {
        !self.problems.is_empty() || !self.refused.is_empty()
    }
}

fn as_text<T: std::fmt::Display, S: serde::Serializer>(
    value: &T,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_str(value)
}

fn as_texts<T: std::fmt::Display, S: serde::Serializer>(
    values: &[T],
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(values.iter().map(ToString::to_string))
}
