//! A pass: plan every dirty Application that nobody is acting for, start act tasks, report.

use std::collections::{BTreeMap, BTreeSet};

use muster_engine::{Desired, report};
use muster_model::kinds::Scopes;
use muster_model::status::ClusterState;
use muster_model::{ApplicationKey, Digest, GroupKind, Problem, Reason};
use muster_sync::{Claims, Deletions, Evidence, Plan, StepKind, narrow};
use tokio::time::Instant;

use super::act::Work;
use super::gather::Trust;
use super::goal::Goal;
use super::publish::Fleet;
use super::{Owner, Wish};
use crate::metrics::{ReasonLabel, StateLabel};
use crate::ports::Cluster;

impl<C: Cluster> Owner<C> {
    pub(super) fn gathered(
        &mut self,
        desired: Desired,
        trust: Trust,
        approved: BTreeMap<ApplicationKey, BTreeSet<Digest>>,
    ) {
        self.polled();
        if self.desired.as_ref().is_none_or(|d| d.hub != desired.hub) {
            tracing::info!(hub = %desired.hub, applications = desired.applications.len(), state = ?desired.state, "new release");
        }
        for problem in desired.problems.iter().chain(&desired.warnings) {
            tracing::warn!(reason = %problem.reason, error = %problem.message, "fleet");
        }
        self.state.accepted = trust.accepted;
        self.state.serial = trust.serial;
        self.approved = approved;
        self.away = None;
        self.take(desired);
    }

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
            Some(in_force) if self.desired.is_none() => self.take(in_force),
            _ if !again => self.mark_all(),
            _ => {}
        }
    }

    fn polled(&mut self) {
        self.vitals.metrics.polls.inc();
        self.vitals
            .metrics
            .last_poll
            .set(self.clock.now().as_second());
    }

    /// Puts a new wish in force.
    fn take(&mut self, desired: Desired) {
        self.memory.manager = format!("{}{}", muster_sync::MANAGER_PREFIX, desired.fleet);
        self.hands.cluster.manage_as(&self.memory.manager);
        self.claims = claims(&desired);
        self.desired = Some(desired);
        self.rewatch();
        self.mark_all();
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

    /// Plans what is dirty, acts, and reports.
    pub(super) fn pass(&mut self) {
        if self.desired.is_some() {
            self.dirty.extend(
                self.departed()
                    .into_iter()
                    .filter(|key| !self.plans.contains_key(key)),
            );
        }
        for key in std::mem::take(&mut self.dirty) {
            if self.acting.contains_key(&key) {
                // Marked again when its act task ends.
                continue;
            }
            self.plan_one(&key);
        }
        self.narrow();
        self.note_leaving();
        self.send_befores();
        self.states.send_if_modified(|stored| {
            let changed = *stored != self.state;
            *stored = self.state.clone();
            changed
        });
        self.report();
    }

    /// Declares less on the parent once nothing of a kind is left, and nobody is about to add to it.
    fn narrow(&mut self) {
        if !self.acting.is_empty() || !self.evidence().is_complete() {
            return;
        }
        let deletions = Deletions::default();
        let Some(scope) = narrow(&self.context(&deletions)) else {
            return;
        };
        // Sent at once, so that it stands before whatever a later act task declares.
        if self.hands.parent.narrow(scope.clone()) {
            self.observed.parent = scope;
            self.rewatch();
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

    fn plan_one(&mut self, key: &ApplicationKey) {
        let Some((goal, release)) = self.goal_of(key) else {
            self.forget(key);
            return;
        };
        let known = self.enforce(key, &goal, release);
        let goal = if known {
            goal
        } else {
            goal.with_evidence(Evidence::default())
        };
        let deletions = self.deletions(key);
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
        if self.may_act() && !plan.is_empty() {
            self.act(&plan, goal);
        }
        self.plans.insert(key.clone(), plan);
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
        if plan.applied
            && let Some(enforced) = self.state.enforced.get_mut(&key.to_string())
        {
            enforced.applied = Some(enforced.release.clone());
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

    fn act(&mut self, plan: &Plan, goal: Goal) {
        self.observed
            .parent
            .kinds
            .extend(plan.declare.widen.kinds.iter().cloned());
        self.observed
            .parent
            .namespaces
            .extend(plan.declare.widen.namespaces.iter().cloned());
        self.acting.insert(plan.application.clone(), Instant::now());
        tracing::debug!(application = %plan.application, steps = plan.steps.len(), effects = plan.effects().count(), "acting");
        let probes_only = plan.steps.iter().all(|s| s.kind == StepKind::Probe);
        if !probes_only {
            tracing::info!(application = %plan.application, effects = plan.effects().count(), "applying");
        }
        let work = Work::new(plan, goal, &self.memory.applyset, self.state.clone());
        self.tasks.spawn(self.hands.clone().carry_out(work));
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

    fn report(&mut self) {
        // An Application that departed and holds nothing any more is forgotten with its last plan.
        let empty: Vec<_> = self.departed_plans();
        for key in empty {
            self.forget(&key);
        }
        let deletions = Deletions::default();
        let copied = muster_sync::copied_marks(&self.context(&deletions));
        let facts = report::Facts {
            cluster: &self.config.cluster,
            key: &self.public_key,
            agent: env!("CARGO_PKG_VERSION"),
            desired: self.desired.as_ref(),
            plans: &self.plans,
            state: &self.state,
            away: self.away.as_ref(),
            unpublished: self.unpublished.as_ref(),
            act_problems: &self.act_problems,
            copied: &copied,
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
        let wish: Wish = Some((status, Fleet { clusters }));
        self.wishes.send_replace(wish);
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

    fn show(&self, status: &muster_model::status::ClusterStatus) {
        let metrics = &self.vitals.metrics;
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

/// Who renders what. A cluster that leaves wants nothing any more.
fn claims(desired: &Desired) -> Claims {
    let mut claims = Claims::default();
    if desired.state == ClusterState::Leaving {
        return claims;
    }
    for (key, application) in &desired.applications {
        match &application.content {
            Some(set) => claims.add(key, set.objects.iter().map(|o| &o.id)),
            None => {
                claims.unknown.insert(key.clone());
            }
        }
    }
    claims
}
