//! The poll task: looks at Git at its pace, or when woken, and tells the owner what is new.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use muster_engine::{Desired, DesiredApplication, settle};
use muster_fleet::fleet::Approved;
use muster_model::agent_state::Enforced;
use muster_model::kinds::Scopes;
use muster_model::status::ClusterState;
use muster_model::{ApplicationKey, CommitId, Digest, Reason};
use muster_rollout::Ancestry;
use tokio::sync::{mpsc, watch};

use super::Event;
use super::gather::{Gathered, Gatherer, Trust};
use crate::admin::Vitals;
use crate::ports::Source;

/// Longest pause after polls that failed (HAZARDS.md L4).
const LONGEST_PAUSE: Duration = Duration::from_secs(600);
/// Doublings of the pause after failures: 15 s × 2^5 is 8 minutes.
const MOST_DOUBLINGS: u32 = 5;

/// What the owner tells the poll task; a change of scopes makes it decide anew.
#[derive(Debug, Clone, Default)]
pub(super) struct Wake {
    /// What discovery knows of kinds' scopes.
    pub(super) scopes: Scopes,
    /// The release before of each Application that waits for an approval.
    pub(super) befores: BTreeMap<ApplicationKey, CommitId>,
}

/// The poll task.
pub(super) struct Poller<S> {
    pub(super) source: Arc<S>,
    pub(super) hub: String,
    pub(super) gatherer: Gatherer<S>,
    pub(super) trust: Trust,
    /// The state was lost: what was accepted may be older than what the cluster has, and the cluster keeps that until Git
    /// is read (HAZARDS.md P4).
    pub(super) forgot: bool,
    /// What was enforced when the agent started, for what cannot be had from the newest commit.
    pub(super) enforced: BTreeMap<ApplicationKey, Enforced>,
    pub(super) period: Duration,
    pub(super) vitals: Arc<Vitals>,
    pub(super) events: mpsc::Sender<Event>,
}

impl<S: Source> Poller<S> {
    /// Polls until the owner is gone.
    pub(super) async fn run(mut self, mut wakes: watch::Receiver<Wake>, spread: u32) {
        let mut in_force: Option<Desired> = None;
        let mut failures = Failures::default();
        loop {
            let wake = wakes.borrow_and_update().clone();
            let rendered = self.gatherer.rendered();
            let event = self.look(&wake, &mut in_force).await;
            let rendered = self.gatherer.rendered() - rendered;
            self.vitals.metrics.renders.inc_by(rendered);
            failures = failures.after(match &event {
                Event::Away { problem, .. } => Some(problem.reason),
                _ => None,
            });
            if self.events.send(event).await.is_err() {
                return;
            }
            tokio::select! {
                biased;
                () = tokio::time::sleep(pause(self.period, failures.in_a_row, spread)) => {}
                changed = wakes.changed() => {
                    if changed.is_err() {
                        return;
                    }
                    self.gatherer.forget();
                }
            }
        }
    }

    async fn look(&mut self, wake: &Wake, in_force: &mut Option<Desired>) -> Event {
        match self.gatherer.look(&self.trust, &wake.scopes).await {
            Ok(Gathered::Unchanged) => Event::Unchanged,
            Ok(Gathered::New(desired, trust)) => {
                if in_force.is_none() && leaves_open(&desired) {
                    *in_force = self.recall_all(&wake.scopes).await;
                }
                let mut desired = settle(*desired, in_force.as_ref());
                self.recall_missing(&mut desired, &wake.scopes).await;
                if !leaves_open(&desired) {
                    // From now on what is in force is known in whole.
                    self.enforced.clear();
                }
                self.trust = trust.clone();
                *in_force = Some(desired.clone());
                let approved = self.approved(&desired, &wake.befores).await;
                Event::Gathered {
                    desired: Box::new(desired),
                    trust,
                    approved,
                }
            }
            Err(problem) => {
                if in_force.is_none() {
                    *in_force = self.recall_all(&wake.scopes).await;
                }
                Event::Away {
                    problem,
                    in_force: in_force.clone().map(Box::new),
                }
            }
        }
    }

    /// Fills Applications that a trusted commit gives no content for with the release that was enforced. What that commit
    /// no longer names does not come back, whatever a later one leaves open.
    async fn recall_missing(&mut self, desired: &mut Desired, scopes: &Scopes) {
        self.enforced
            .retain(|key, _| desired.applications.contains_key(key) || may_stand(key, desired));
        let unassigned = desired.state == ClusterState::Unassigned;
        let mut departed = Vec::new();
        for (key, enforced) in &self.enforced {
            let named = desired.applications.get(key);
            if named.is_some_and(|app| app.content.is_some() && !app.is_emptied()) {
                continue;
            }
            match self.gatherer.recall(key, enforced, scopes).await {
                Ok(mut old) => {
                    let Some(mut application) = old.applications.remove(key) else {
                        continue;
                    };
                    let (set, parent) = (&application.set, &application.parent);
                    let names = (set.as_deref(), parent.as_deref());
                    let is_missing =
                        unassigned || desired.incomplete.covers(names.0, names.1, &key.name);
                    match (desired.applications.get_mut(key), &application.content) {
                        (Some(now), Some(before)) => now.keep(before),
                        (Some(_), None) => {}
                        (None, _) if is_missing => {
                            application.problems.clear();
                            desired.applications.insert(key.clone(), application);
                        }
                        // Git no longer names it, and nothing that could name it is in doubt.
                        (None, _) => departed.push(key.clone()),
                    }
                }
                Err(problem) => {
                    if let Some(application) = desired.applications.get_mut(key) {
                        application.problems.push(problem);
                    }
                }
            }
        }
        self.enforced.retain(|key, _| !departed.contains(key));
    }

    /// What was in force when the agent started, as the newest commit cannot be had: what was accepted last, else the
    /// release of each Application.
    async fn recall_all(&mut self, scopes: &Scopes) -> Option<Desired> {
        if self.forgot {
            return None;
        }
        match self.gatherer.accepted(&self.trust, scopes).await {
            Ok(mut desired) => {
                self.recall_missing(&mut desired, scopes).await;
                return Some(desired);
            }
            Err(problem) => {
                tracing::warn!(reason = %problem.reason, error = %problem.message, "what was accepted last cannot be had");
            }
        }
        let mut whole: Option<Desired> = None;
        for (key, enforced) in &self.enforced {
            match self.gatherer.recall(key, enforced, scopes).await {
                Ok(old) => match &mut whole {
                    Some(whole) => whole.applications.extend(old.applications),
                    None => whole = Some(old),
                },
                Err(problem) => {
                    tracing::warn!(application = %key, error = %problem.message, "the release in force cannot be had");
                }
            }
        }
        if let Some(whole) = &mut whole {
            // What else there was is not known: nothing that is not recalled counts as gone.
            whole.incomplete.sets.insert(String::new());
        }
        whole
    }

    /// The approved lists of each Application: approvals whose `before` is its release before, or follows it.
    async fn approved(
        &self,
        desired: &Desired,
        befores: &BTreeMap<ApplicationKey, CommitId>,
    ) -> BTreeMap<ApplicationKey, BTreeSet<Digest>> {
        let mut approved: BTreeMap<ApplicationKey, BTreeSet<Digest>> = BTreeMap::new();
        for (key, before) in befores {
            let application = desired.applications.get(key);
            let set = application.and_then(|a| a.set.as_deref());
            let path = application.map(|a| a.path.as_str());
            for approval in &desired.approvals {
                let named = match &approval.of {
                    Approved::Application(name) => *name == key.name,
                    Approved::ApplicationSet(name) => set == Some(name) || application.is_none(),
                };
                let placed = approval.path.is_empty() || path.is_none_or(|p| p == approval.path);
                if named && placed && self.follows(before, &approval.before).await {
                    approved
                        .entry(key.clone())
                        .or_default()
                        .insert(approval.deletions);
                }
            }
        }
        approved
    }

    async fn follows(&self, before: &CommitId, approved: &CommitId) -> bool {
        before == approved
            || matches!(
                self.source.ancestry(&self.hub, before, approved).await,
                Ok(Ancestry::Follows)
            )
    }
}

/// Looks that failed one after the other.
#[derive(Debug, Clone, Copy, Default)]
struct Failures {
    in_a_row: u32,
    last: Option<Reason>,
}

impl Failures {
    /// After one more look. A damaged store is mended by looking again, however long the server was away before.
    fn after(self, reason: Option<Reason>) -> Self {
        let is_fresh =
            reason == Some(Reason::GitObjectCorrupt) && self.last != Some(Reason::GitObjectCorrupt);
        let in_a_row = match reason {
            None => 0,
            Some(_) if is_fresh => 1,
            Some(_) => self.in_a_row.saturating_add(1),
        };
        Self {
            in_a_row,
            last: reason,
        }
    }
}

/// True when an Application may be in force though the commit does not name it. Which ApplicationSet it came from is only
/// known once it is recalled.
fn may_stand(key: &ApplicationKey, desired: &Desired) -> bool {
    desired.state == ClusterState::Unassigned
        || desired.incomplete.hides_any()
        || desired.incomplete.covers(None, None, &key.name)
}

/// True when what was in force before matters: the newest commit does not say everything.
fn leaves_open(desired: &Desired) -> bool {
    let incomplete = &desired.incomplete;
    let lacks = |app: &DesiredApplication| app.content.is_none() || app.is_emptied();
    desired.state == ClusterState::Unassigned
        || incomplete.hides_any()
        || !incomplete.applications.is_empty()
        || !incomplete.parents.is_empty()
        || desired.applications.values().any(lacks)
}

/// The period ± 20 %, longer after failures. `spread` is the cluster's own fixed number from 0 to 255.
fn pause(period: Duration, failures: u32, spread: u32) -> Duration {
    let factor = 0.8 + 0.4 * f64::from(spread.min(255)) / 255.0;
    let slower = period * 2u32.pow(failures.saturating_sub(1).min(MOST_DOUBLINGS));
    slower.mul_f64(factor).min(LONGEST_PAUSE.max(period))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_damaged_store_is_looked_at_again_soon_and_then_ever_later() {
        let away = (0..9).fold(Failures::default(), |so_far, _| {
            so_far.after(Some(Reason::GitUnreachable))
        });
        let damaged = away.after(Some(Reason::GitObjectCorrupt));
        assert_eq!((away.in_a_row, damaged.in_a_row), (9, 1));
        assert_eq!(damaged.after(Some(Reason::GitObjectCorrupt)).in_a_row, 2);
        assert_eq!(damaged.after(None).in_a_row, 0);
    }

    #[test]
    fn the_pause_grows_with_failures_and_has_an_end() {
        let period = Duration::from_secs(15);
        assert_eq!(pause(period, 0, 0), Duration::from_secs(12));
        assert_eq!(pause(period, 0, 255), Duration::from_secs(18));
        assert_eq!(pause(period, 3, 0), Duration::from_secs(48));
        assert!(pause(period, 99, 255) <= LONGEST_PAUSE);
    }
}
