//! The act task of one Application: carries out its plan in order, and answers for every effect.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt as _;
use futures::stream::FuturesUnordered;
use muster_model::effect::{Effect, Outcome};
use muster_model::observed::ParentScope;
use muster_model::{ApplicationKey, GroupKind, Node, ObjectId, Problem, Reason, ServiceAccount};
use muster_sync::{Memory, Plan, Step, body};
use tokio::sync::{Semaphore, mpsc};

use super::Event;
use super::goal::Goal;
use super::parent::{Authority, ParentTask};
use crate::ports::Cluster;

/// An effect that does not end in this time counts as failed; the agent's right to act outlives it (HAZARDS.md P11).
const EFFECT_TIMEOUT: Duration = Duration::from_secs(30);

/// A request that takes longer is slow: nearly all take a few milliseconds.
const SLOW: Duration = Duration::from_secs(1);
/// Most slow requests under way besides those that hold a permit: a connection each, some 50 KB.
pub(super) const SLOW_REQUESTS: usize = 64;

/// What one act task works on.
pub(super) struct Work {
    /// Whose plan it is.
    application: ApplicationKey,
    /// Whom its effects are done as; the agent itself when not said.
    account: Option<ServiceAccount>,
    /// What must be declared before the first effect.
    declare: ParentScope,
    /// Groups of effects: within a group in any order, the groups one after the other.
    steps: Vec<Vec<Effect>>,
    /// What Git wants; a body is made when it is sent, so that a large Application is not held twice.
    goal: Goal,
    /// Our ApplySet's id, for the marks.
    memory: Memory,
}

impl Work {
    /// The work of a plan.
    pub(super) fn new(plan: &Plan, steps: Vec<Step>, goal: Goal, applyset: &str) -> Self {
        Self {
            application: plan.application.clone(),
            account: plan.account.clone(),
            declare: plan.declare.widen.clone(),
            steps: steps.into_iter().map(|step| step.effects).collect(),
            goal,
            memory: Memory {
                applyset: applyset.to_owned(),
                ..Memory::default()
            },
        }
    }

    /// How many effects there are.
    pub(super) fn effects(&self) -> usize {
        self.steps.iter().map(Vec::len).sum()
    }

    /// True for an audit, which changes nothing.
    pub(super) fn only_looks(&self) -> bool {
        self.audit().is_some()
    }

    /// The audit, if that is all.
    fn audit(&self) -> Option<&Effect> {
        match self.steps.as_slice() {
            [only] => match only.as_slice() {
                [effect @ Effect::Audit { .. }] => Some(effect),
                _ => None,
            },
            _ => None,
        }
    }

    /// The object as it is sent: with its marks, without the fields left to others.
    fn body(&self, effect: &Effect) -> Option<Node> {
        let Goal::Release(set) = &self.goal else {
            return None;
        };
        let (Effect::Apply {
            object, yielded, ..
        }
        | Effect::Audit {
            object, yielded, ..
        }) = effect
        else {
            return None;
        };
        body(set, &self.memory, object, yielded).map(|body| body.node)
    }
}

/// What an act task needs besides its work; shared by all.
pub(super) struct Hands<C> {
    /// The cluster.
    pub(super) cluster: Arc<C>,
    /// The right to act.
    pub(super) parent: ParentTask,
    /// Requests under way at once, over all Applications; first come, first served.
    pub(super) permits: Arc<Semaphore>,
    /// Places for requests that take long, so that a slow webhook holds up nobody else.
    pub(super) slow: Arc<Semaphore>,
    /// How many effects of one Application may queue for a permit, so that a large one does not starve others.
    pub(super) width: usize,
    /// Where answers go.
    pub(super) events: mpsc::Sender<Event>,
}

impl<C> Clone for Hands<C> {
    fn clone(&self) -> Self {
        Self {
            cluster: Arc::clone(&self.cluster),
            parent: self.parent.clone(),
            permits: Arc::clone(&self.permits),
            slow: Arc::clone(&self.slow),
            width: self.width,
            events: self.events.clone(),
        }
    }
}

impl<C: Cluster> Hands<C> {
    /// Carries out the work; a group with a failure is the last one. The owner plans anew from what was answered.
    pub(super) async fn carry_out(mut self, work: Work) {
        if let Some(account) = &work.account {
            self.cluster = Arc::new(self.cluster.acting_as(account));
        }
        let problem = self.steps(&work).await.err();
        let _ = self
            .events
            .send(Event::Acted {
                application: work.application,
                problem,
            })
            .await;
    }

    async fn steps(&self, work: &Work) -> Result<(), Problem> {
        if let Some(audit) = work.audit() {
            self.audit(audit, work).await;
            return Ok(());
        }
        let mut authority = self.parent.widen(work.declare.clone()).await?;
        for step in &work.steps {
            if !self.step(step, work, &mut authority).await? {
                return Ok(());
            }
        }
        Ok(())
    }

    /// Carries out an audit, which changes nothing and so needs no right to act: an idle agent does not write.
    async fn audit(&self, effect: &Effect, work: &Work) {
        let permit = self.permits.acquire().await;
        let body = work.body(effect);
        let outcome = self.in_time(effect, body.as_ref(), permit).await;
        let done = Event::Effect {
            application: work.application.clone(),
            effect: effect.clone(),
            outcome: Box::new(outcome),
        };
        let _ = self.events.send(done).await;
    }

    /// Carries out one group; false when some effect failed.
    async fn step(
        &self,
        effects: &[Effect],
        work: &Work,
        authority: &mut Authority,
    ) -> Result<bool, Problem> {
        let mut rest = effects.iter();
        let mut running = FuturesUnordered::new();
        let mut well = true;
        loop {
            while running.len() < self.width
                && let Some(effect) = rest.next()
            {
                if !self.parent.permits(*authority) {
                    *authority = self.parent.widen(work.declare.clone()).await?;
                }
                running.push(self.effect(effect, work, *authority));
            }
            let Some((effect, outcome)) = running.next().await else {
                return Ok(well);
            };
            let outcome = outcome?;
            well &= !matches!(outcome, Outcome::Failed { .. } | Outcome::Conflict);
            let done = Event::Effect {
                application: work.application.clone(),
                effect: effect.clone(),
                outcome: Box::new(outcome),
            };
            if self.events.send(done).await.is_err() {
                return Ok(false);
            }
        }
    }

    /// Carries out one effect once there is a place for it. The wait may outlast the right to act, which is therefore
    /// looked at when nothing stands between it and the request (HAZARDS.md P11).
    async fn effect<'a>(
        &self,
        effect: &'a Effect,
        work: &Work,
        authority: Authority,
    ) -> (&'a Effect, Result<Outcome, Problem>) {
        let permit = self.permits.acquire().await;
        if !self.parent.permits(authority)
            && let Err(problem) = self.parent.widen(work.declare.clone()).await
        {
            return (effect, Err(problem));
        }
        let body = work.body(effect);
        (
            effect,
            Ok(self.in_time(effect, body.as_ref(), permit).await),
        )
    }

    /// Sends one effect. One that takes long gives its permit back, as long as there are places for such.
    async fn in_time<P>(&self, effect: &Effect, body: Option<&Node>, permit: P) -> Outcome {
        let acting = tokio::time::timeout(EFFECT_TIMEOUT, self.cluster.act(effect, body));
        let mut acting = std::pin::pin!(acting);
        let soon = tokio::time::timeout(SLOW, &mut acting).await;
        let outcome = match soon {
            Ok(outcome) => outcome,
            Err(_) => {
                let place = self.slow.try_acquire();
                let held = place.is_err().then_some(permit);
                let outcome = acting.await;
                drop((held, place));
                outcome
            }
        };
        outcome.unwrap_or_else(|_| timed_out())
    }

    /// Looks for objects, kind by kind; reading needs no right to act.
    pub(super) async fn look(self, asked: BTreeMap<ApplicationKey, BTreeSet<ObjectId>>) {
        let mut kinds: BTreeMap<GroupKind, BTreeSet<ObjectId>> = BTreeMap::new();
        for id in asked.values().flatten() {
            kinds.entry(id.group_kind()).or_default().insert(id.clone());
        }
        let looks = kinds.into_values().map(|objects| async {
            let objects = objects.into_iter().collect();
            let effect = Effect::Probe { objects };
            let permit = self.permits.acquire().await;
            let outcome = self.in_time(&effect, None, permit).await;
            (effect, outcome)
        });
        let answers = futures::future::join_all(looks).await;
        let _ = self.events.send(Event::Probed { asked, answers }).await;
    }
}

fn timed_out() -> Outcome {
    let message = format!("no answer within {} s", EFFECT_TIMEOUT.as_secs());
    Outcome::Failed {
        reason: Reason::ApiUnreachable,
        code: 0,
        message,
        retry_after: None,
    }
}

/// The name of a kind of effect, for metrics.
pub(super) fn label(effect: &Effect) -> &'static str {
    match effect {
        Effect::Probe { .. } => "probe",
        Effect::Audit { .. } => "audit",
        Effect::Apply { .. } => "apply",
        Effect::Delete { .. } => "delete",
        Effect::Release { .. } => "release",
        Effect::Adopt { .. } => "adopt",
    }
}
