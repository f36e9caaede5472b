//! "Five clusters expected, three received": one ApplicationSet, every cluster, one line each.

use muster_model::{ClusterName, Revision};
use serde::Serialize;

use super::{Explanation, Facts, Outcome, explain};
use crate::desire::Need;

/// Who has it and who does not.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Fleetwide {
    /// The ApplicationSet, Application or object.
    pub subject: String,
    /// The commit.
    pub commit: Revision,
    /// Clusters of the fleet file.
    pub clusters: usize,
    /// Those of them that should have it, whatever they wait for.
    pub expected: usize,
    /// Those of them that nothing stops.
    pub running: usize,
    /// One for each cluster.
    pub explanations: Vec<Explanation>,
}

/// Walks for every cluster of the fleet file, and for `others` that are asked about and are not in it.
///
/// # Errors
/// [`Need`].
pub fn fleetwide(
    facts: Facts<'_>,
    subject: &str,
    others: &[ClusterName],
) -> Result<Fleetwide, Need> {
    let fleet = &facts.survey.hub.fleet;
    let declared = fleet.clusters.iter().map(|cluster| &cluster.name);
    let others = others.iter().filter(|name| fleet.cluster(name).is_none());
    let explanations = declared
        .chain(others)
        .map(|cluster| explain(facts, cluster, Some(subject)))
        .collect::<Result<Vec<_>, _>>()?;
    let with = |wanted: &[Outcome]| {
        let found = explanations.iter().filter(|e| wanted.contains(&e.outcome));
        found.count()
    };
    Ok(Fleetwide {
        subject: subject.to_owned(),
        commit: facts.survey.revision.clone(),
        clusters: fleet.clusters.len(),
        expected: with(&[Outcome::Runs, Outcome::Waits, Outcome::Fails]),
        running: with(&[Outcome::Runs]),
        explanations,
    })
}
