//! The fleet file and the targets, evaluated once for as long as every file they were made from is the same.

use std::sync::{Arc, Mutex};

use muster_fleet::failure::Failure;
use muster_fleet::hub::{self, Hub};
use muster_fleet::targets::{Share, Targets, join, part_of_targets, targets};
use muster_model::{ClusterName, RepoPath, Tree};

use crate::each::{Each, collect, locked};
use crate::traced::{Reads, Traced, holds};

/// Shares that the evaluation of templates for a whole fleet is cut into. Each evaluates every generator, which is the
/// smaller part of the work: as many as small machines have cores.
const SHARES: usize = 4;
/// Answers that are remembered: those of two commits.
const MAX_KNOWN: usize = 2;

/// Whose targets are asked for.
#[derive(Debug, Clone, Copy)]
pub enum Whose<'a> {
    /// One cluster's.
    Of(&'a ClusterName),
    /// Those of all clusters; the work may be done side by side.
    All(AllClusters<'a>),
}

/// How the work for all clusters is done.
#[derive(Clone, Copy)]
pub struct AllClusters<'a>(pub Each<'a>);

impl std::fmt::Debug for AllClusters<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("AllClusters")
    }
}

/// Answers of before.
#[derive(Debug, Default)]
pub struct KnownTargets(Mutex<Vec<Known>>);

/// An answer, and what was seen while it was found.
#[derive(Debug)]
struct Known {
    /// `None` for all clusters.
    cluster: Option<ClusterName>,
    fleet_file: RepoPath,
    reads: Reads,
    answer: Answer,
}

/// The fleet file, and the targets that were asked for.
pub type Answer = (Arc<Hub>, Arc<Targets>);

impl KnownTargets {
    /// The answer of before where nothing it was made from has changed, else a new one.
    ///
    /// # Errors
    /// When something is not fetched, or the fleet file cannot be used.
    pub fn of(
        &self,
        whose: Whose<'_>,
        fleet_file: &RepoPath,
        tree: &(dyn Tree + Send + Sync),
    ) -> Result<Answer, Failure> {
        let cluster = match whose {
            Whose::Of(cluster) => Some(cluster),
            Whose::All(_) => None,
        };
        let same = |known: &&Known| {
            known.cluster.as_ref() == cluster
                && known.fleet_file == *fleet_file
                && holds(&known.reads, tree)
        };
        if let Some(known) = locked(&self.0).iter().find(same) {
            return Ok(known.answer.clone());
        }
        let traced = Traced::new(tree);
        let hub = Arc::new(hub::load(&traced, fleet_file)?);
        let targets = match whose {
            Whose::Of(cluster) if hub.fleet.cluster(cluster).is_none() => Targets::default(),
            Whose::Of(cluster) => targets(&hub, cluster, &traced)?,
            Whose::All(AllClusters(each)) => {
                let parts = collect(each, SHARES, |part| {
                    let share = Share { part, of: SHARES };
                    Mutex::new(Some(part_of_targets(&hub, &traced, share)))
                });
                join(
                    parts
                        .iter()
                        .filter_map(|part| locked(part).take())
                        .collect(),
                )?
            }
        };
        let answer = (hub, Arc::new(targets));
        let mut known = locked(&self.0);
        known.insert(
            0,
            Known {
                cluster: cluster.cloned(),
                fleet_file: fleet_file.clone(),
                reads: traced.into_reads(),
                answer: answer.clone(),
            },
        );
        known.truncate(MAX_KNOWN);
        Ok(answer)
    }
}
