//! A pass: plan every dirty Application that nobody is acting for, start act tasks, report.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use muster_engine::{Desired, report};
use muster_model::effect::Effect;
use muster_model::kinds::Scopes;
use muster_model::release::{Release, Revision};
use muster_model::status::ClusterState;
use muster_model::{ApplicationKey, GroupKind, ObjectId, Problem, Reason};
use muster_sync::{ClusterDeletions, Deletions, Evidence, ObjectState, Plan, narrow};
use tokio::time::Instant;

use super::act::Work;
use super::gather::Trust;
use super::goal::{Goal, is_departed};
use super::parent::Remembered;
use super::publish::Fleet;
use super::{Acting, Owner, Wish};
use crate::config::Config;
use crate::metrics::{ObjectsLabel, ReasonLabel, StateLabel};
use crate::ports::Cluster;

/// While much is going on, a report at most this often: it looks at every Application.
const REPORT_PACE: Duration = Duration::from_secs(1);

/// Pause between two looks at an object of somebody else's that is being deleted.
const LOOK_AGAIN: Duration = Duration::from_secs(10);

/// What the plans of one pass ask for.
#[derive(Default)]
struct Started {
    work: Vec<Work>,
    probes: BTreeMap<ApplicationKey, BTreeSet<ObjectId>>,
}

impl<C: Cluster> Owner<C> {
    pub(super) fn unchanged(&mut self) {
        self.polled();
        if self.away.take().is_some() {
            self.mark_all();
        }
    }

    pub(super) fn gone_away(&mut self, problem: Problem, in_force: Option<Desired>) {
        let again = self.away.as_ref() == Some(&problem);
        if !again {
            tracing::warn!(reason = %problem.reason, error = %problem.message, "nothing new from Git; what is in force stays");
        }
        self.vitals
            .metrics
            .poll_failures
            .get_or_create(&ReasonLabel {
                reason: problem.reason.name(),
            })
            .inc();
        self.away = Some(problem);
        match in_force {
            Some(in_force) if self.desired.is_none() => {
                self.take(in_force);
                self.mark_all();
            }
            _ if !again => self.mark_all(),
            _ => {}
        }
    }

    pub(super) fn polled(&mut self) {
        self.vitals.metrics.polls.inc();
        self.vitals
            .metrics
            .last_poll
            .set(self.clock.now().as_second());
    }

    /// Watches the kinds that the parent declares and that Git names, as far as they are served.
    pub(super) fn rewatch(&mut self) {
        let Some(discovery) = &self.observed.discovery else {
            return;
        };
        let named = self
            .claims
            .rendered
            .keys()
            .map(muster_model::ObjectId::group_kind);
        let wanted: BTreeSet<GroupKind> = named
            .chain(self.observed.parent.kinds.iter().cloned())
            .collect();
        let missing = wanted
            .iter()
            .any(|kind| !discovery.kinds.contains_key(kind));
        let served = wanted
            .into_iter()
            .filter(|kind| discovery.kinds.contains_key(kind))
            .collect();
        self.watches.set(&served);
        if missing {
            self.rediscover_soon();
        }
    }

    /// Tells the poll task what scopes are known now, and what approvals are waited for.
    pub(super) fn send_scopes(&mut self) {
        let mut scopes = Scopes::builtin();
        for (kind, served) in self.observed.discovery.iter().flat_map(|d| &d.kinds) {
            scopes.learn(kind.clone(), served.scope);
        }
        self.poll.send_if_modified(|wake| {
            let changed = wake.scopes != scopes;
            wake.scopes = scopes;
            changed
        });
    }

    fn send_befores(&mut self) {
        let waiting = self
            .plans
            .values()
            .filter(|plan| plan.pending_deletions.is_some());
        let befores: BTreeMap<_, _> = waiting
            .filter_map(|plan| {
                let before = self
                    .state
                    .enforced
                    .get(&plan.application.to_string())?
                    .before
                    .clone()?;
                Some((plan.application.clone(), before))
            })
            .collect();
        self.poll.send_if_modified(|wake| {
            let changed = befores
                .iter()
                .any(|(key, before)| wake.befores.get(key) != Some(before));
            wake.befores = befores;
            changed
        });
    }

    /// Plans what is dirty, starts what the plans ask for, and reports.
    pub(super) fn pass(&mut self) {
        let departed = self.departed();
        let unplanned = departed
            .into_iter()
            .filter(|key| !self.plans.contains_key(key));
        self.dirty.extend(unplanned);
        let goals = self.goals();
        // Of all Applications, before any of them is planned: what the budget of the cluster counts.
        let deletions = self.cluster_deletions();
        let mut started = Started::default();
        for (key, goal) in goals {
            self.plan_one(&key, goal, deletions, &mut started);
        }
        self.narrow();
        self.note_leaving();
        self.send_befores();
        // What the effects depend on is remembered before the first of them.
        self.remember();
        for work in started.work {
            self.tasks.spawn(self.hands.clone().carry_out(work));
        }
        self.probe(started.probes);
        self.report_in_time();
    }

    /// What is wanted of each dirty Application that nobody acts for; from now on it is in force.
    fn goals(&mut self) -> Vec<(ApplicationKey, Goal)> {
        let mut goals = Vec::new();
        for key in std::mem::take(&mut self.dirty) {
            // One that is busy is marked again when its task ends.
            if self.acting.contains_key(&key) || self.probing.contains(&key) {
                continue;
            }
            let Some((goal, release)) = self.goal_of(&key) else {
                self.forget(&key);
                continue;
            };
            let known = !self.is_hidden(&key, &goal) && self.enforce(&key, &goal, release);
            let goal = if known {
                goal
            } else {
                goal.with_evidence(Evidence::default())
            };
            goals.push((key, goal));
        }
        goals
    }

    /// True when an Application renders nothing, nothing is recorded of it, and yet it has objects, or may have: its state
    /// was lost, and what it renders when all is well is not known (HAZARDS.md P1, P6).
    fn is_hidden(&mut self, key: &ApplicationKey, goal: &Goal) -> bool {
        let renders_nothing = matches!(goal, Goal::Release(set) if set.objects.is_empty());
        if !renders_nothing || !self.claims.unrecorded.contains(key) {
            return false;
        }
        if !self.sees_everything() || !self.held_by(key).is_empty() {
            return true;
        }
        self.claims.unrecorded.remove(key);
        self.mark_all();
        false
    }

    /// Publishes what is to be remembered, when it changed.
    fn remember(&self) {
        self.states.send_if_modified(|stored| {
            let changed = stored.essential != self.essential || *stored.state != self.state;
            if changed {
                *stored = Remembered {
                    state: Arc::new(self.state.clone()),
                    essential: self.essential,
                };
            }
            changed
        });
    }

    /// Declares less on the parent once nothing of a kind is left, and nobody is about to add to it.
    fn narrow(&mut self) {
        if !self.shrunk || !self.acting.is_empty() || !self.evidence().is_complete() {
            return;
        }
        self.shrunk = false;
        let deletions = Deletions::default();
        let Some(scope) = narrow(&self.context(&deletions)) else {
            return;
        };
        // Sent at once, so that it stands before whatever a later act task declares.
        if self.hands.parent.narrow(scope.clone()) {
            self.observed.parent = scope;
            self.rewatch();
        } else {
            self.shrunk = true;
        }
    }

    /// A cluster has left once nothing of it carries our marks any more; it stays so until Git says otherwise.
    fn note_leaving(&mut self) {
        let leaving = self
            .desired
            .as_ref()
            .is_some_and(|d| d.state == ClusterState::Leaving);
        let bare = || {
            self.evidence().is_complete()
                && self.sees_everything()
                && self.acting.is_empty()
                && self.holds_nothing()
        };
        self.state.left = leaving && (self.state.left || bare());
    }

    fn plan_one(
        &mut self,
        key: &ApplicationKey,
        goal: Goal,
        cluster: ClusterDeletions,
        started: &mut Started,
    ) {
        let deletions = self.deletions(key, cluster);
        let context = self.context(&deletions);
        let mut plan = goal.plan(&context);
        if let Some(violation) = goal.check(&plan, &context).first() {
            tracing::error!(application = %key, %violation, "a plan breaks an invariant and is refused");
            plan.steps.clear();
            plan.problems.push(Problem::new(
                Reason::InternalError,
                format!("the plan breaks an invariant: {violation}"),
            ));
        }
        self.learn(key, &plan);
        self.look_again(key, &plan);
        if self.may_act() && !plan.is_empty() {
            self.begin(&mut plan, goal, started);
        } else {
            // What could not be done is no longer asked for.
            self.act_problems.remove(key);
        }
        self.plans.insert(key.clone(), plan);
    }

    /// Takes the steps of a plan to carry them out. What is not known yet is learned first, for all Applications
    /// together; the rest is planned again then.
    fn begin(&mut self, plan: &mut Plan, goal: Goal, started: &mut Started) {
        let steps = std::mem::take(&mut plan.steps);
        let probes: BTreeSet<ObjectId> = steps
            .iter()
            .flat_map(|step| &step.effects)
            .filter_map(|effect| match effect {
                Effect::Probe { objects } => Some(objects),
                Effect::Audit { .. }
                | Effect::Apply { .. }
                | Effect::Delete { .. }
                | Effect::Release { .. }
                | Effect::Adopt { .. } => None,
            })
            .flatten()
            .cloned()
            .collect();
        if !probes.is_empty() {
            started.probes.insert(plan.application.clone(), probes);
            return;
        }
        let acting = Acting {
            since: Instant::now(),
            declares: plan.declare.widen.clone(),
        };
        self.acting.insert(plan.application.clone(), acting);
        let work = Work::new(plan, steps, goal, &self.memory.applyset);
        if !work.only_looks() {
            tracing::info!(application = %plan.application, effects = work.effects(), "applying");
        }
        started.work.push(work);
    }

    /// A suspended cluster is only looked at; one that lost its entry keeps what it has, healed.
    fn may_act(&self) -> bool {
        self.desired.as_ref().is_some_and(|d| {
            matches!(
                d.state,
                ClusterState::Active | ClusterState::Unassigned | ClusterState::Leaving
            )
        })
    }

    /// What is not ours is in no watch: when it is being deleted, only another look tells that it is gone.
    fn look_again(&mut self, key: &ApplicationKey, plan: &Plan) {
        let foreign = |id: &&ObjectId| {
            let record = self.observed.objects.get(id);
            record.is_some_and(|r| r.part_of.as_deref() != Some(&self.memory.applyset))
        };
        let going: Vec<ObjectId> = plan
            .objects
            .iter()
            .filter(|(_, report)| report.state == ObjectState::Deleting)
            .map(|(id, _)| id)
            .filter(foreign)
            .cloned()
            .collect();
        if going.is_empty() {
            return;
        }
        for id in going {
            self.observed.objects.remove(&id);
        }
        let at = self.clock.now().checked_add(LOOK_AGAIN);
        let at = at.unwrap_or(jiff::Timestamp::MAX);
        let wake = self.wakes.entry(key.clone()).or_insert(at);
        *wake = at.min(*wake);
    }

    /// Remembers what the plan found out.
    fn learn(&mut self, key: &ApplicationKey, plan: &Plan) {
        match plan.wake {
            Some(moment) => self.wakes.insert(key.clone(), moment),
            None => self.wakes.remove(key),
        };
        for (job, digest) in &plan.completed_jobs {
            self.memory
                .completed_jobs
                .insert(job.clone(), digest.clone());
            self.state
                .completed_jobs
                .insert(job.to_string(), digest.clone());
        }
        // While the cluster is not fully seen, an older release may still be the one that is recorded.
        let is_of = |recorded: &Release| match &plan.release {
            Some(release) => release.inputs == recorded.inputs,
            None => is_departed(recorded),
        };
        if plan.applied
            && let Some(enforced) = self.state.enforced.get_mut(&key.to_string())
            && is_of(&enforced.release)
        {
            // At its end an Application is at no release.
            let release = Some(enforced.release.clone());
            enforced.applied = release.filter(|release| !is_departed(release));
            let live = |id: &muster_model::ObjectId| self.observed.objects.contains_key(id);
            if !enforced.leaving.iter().any(live) {
                enforced.leaving.clear();
            }
        }
        if plan
            .problems
            .iter()
            .any(|p| matches!(p.reason, Reason::KindMissing | Reason::WaitingForCrd))
        {
            self.rediscover_soon();
        }
    }

    /// Nothing of the Application is left: it is no longer remembered.
    fn forget(&mut self, key: &ApplicationKey) {
        self.plans.remove(key);
        self.wakes.remove(key);
        let named = self
            .desired
            .as_ref()
            .is_some_and(|d| d.applications.contains_key(key));
        if !named && self.evidence().is_complete() && self.sees_everything() {
            self.state.enforced.remove(&key.to_string());
        }
    }

    /// Reports now when things are at rest, else at its pace.
    fn report_in_time(&mut self) {
        let due = self.reported_at.map(|last| last + REPORT_PACE);
        match due.filter(|due| *due > Instant::now()) {
            Some(due) if !self.acting.is_empty() => self.report_at = Some(due),
            Some(_) | None => self.report(),
        }
    }

    pub(super) fn report(&mut self) {
        self.report_at = None;
        self.reported_at = Some(Instant::now());
        // An Application that departed and holds nothing any more is forgotten with its last plan.
        let empty: Vec<_> = self.departed_plans();
        for key in empty {
            self.forget(&key);
        }
        let deletions = Deletions::default();
        let mut at_large = muster_sync::copied_marks(&self.context(&deletions));
        at_large.splice(0..0, self.unsaved.clone());
        let accepted = self.accepted();
        let facts = report::Facts {
            cluster: &self.config.cluster,
            key: &self.public_key,
            agent: env!("CARGO_PKG_VERSION"),
            accepted: accepted.as_ref(),
            desired: self.desired.as_ref(),
            plans: &self.plans,
            state: &self.state,
            away: self.away.as_ref(),
            unpublished: self.unpublished.as_ref(),
            act_problems: &self.act_problems,
            at_large: &at_large,
            seen: self.sees_everything(),
            now: self.clock.now(),
        };
        let Some(status) = report::report(&facts, &mut self.reported) else {
            return;
        };
        if self.sees_everything() && self.desired.is_some() {
            self.vitals.set_ready();
        }
        self.show(&status);
        let clusters = self
            .desired
            .iter()
            .flat_map(|d| d.members.clone())
            .collect();
        let wish: Wish = Some(Arc::new((status, Fleet { clusters })));
        self.wishes.send_replace(wish);
    }

    /// The hub commit that was accepted last. Whoever starts after the state was lost learns it from the own status
    /// (HAZARDS.md P10), so it is said even while nothing of it can be had.
    fn accepted(&self) -> Option<Revision> {
        let Config { hub, revision, .. } = &self.config;
        let commit_id = self.state.accepted.get(&Trust::key_of(hub, revision))?;
        Some(Revision {
            name: revision.clone(),
            commit_id: commit_id.clone(),
        })
    }

    fn departed_plans(&self) -> Vec<ApplicationKey> {
        let Some(desired) = &self.desired else {
            return Vec::new();
        };
        let gone = |key: &&ApplicationKey| {
            !desired.applications.contains_key(key)
                && !self.acting.contains_key(key)
                && self.held_by(key).is_empty()
        };
        self.plans.keys().filter(gone).cloned().collect()
    }

    fn show_objects(&self) {
        let mut counts: BTreeMap<&'static str, i64> = BTreeMap::new();
        let objects = self.plans.values().flat_map(|plan| plan.objects.values());
        for object in objects {
            *counts.entry(object.state.name()).or_default() += 1;
        }
        let metric = &self.vitals.metrics.objects;
        metric.clear();
        for (state, count) in counts {
            metric.get_or_create(&ObjectsLabel { state }).set(count);
        }
    }

    fn show(&self, status: &muster_model::status::ClusterStatus) {
        let metrics = &self.vitals.metrics;
        self.show_objects();
        metrics.health.clear();
        metrics.sync.clear();
        for (name, application) in &status.applications {
            let label = |state: String| StateLabel {
                application: name.clone(),
                state,
            };
            metrics
                .health
                .get_or_create(&label(application.health.to_string()))
                .set(1);
            metrics
                .sync
                .get_or_create(&label(application.sync.to_string()))
                .set(1);
        }
    }
}
