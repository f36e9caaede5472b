//! The fake of the `Cluster` port: one agent's connection to an in-memory API server.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use muster::ports::{Cluster, Parent, Swap, WatchEvent};
use muster_model::effect::{Effect, Outcome};
use muster_model::observed::Discovery;
use muster_model::{GroupKind, Node, ObjectId, Problem, Reason, ServiceAccount};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::api_server::{self, ApiError, ApiServer};
use super::faults::{Failure, Fate, Faults, Kind, Side};
use super::invariants;
use super::journal::Journal;
use super::random::Random;
use super::requests;
use super::watches::Watches;
use super::weather::Weather;
use super::write::{Write, WriteResult};

/// How long a request takes. Long enough that others are answered in between.
const LATENCY: Duration = Duration::from_millis(2);
/// How long a watch event takes: less than a request, so that it may come before the answer.
const WATCH_LAG: Duration = Duration::from_millis(1);
/// DESIGN.md section 2.1: an agent acts only within this of its own compare-and-swap.
const WRITER_MARGIN: Duration = Duration::from_secs(60);
/// How often the controllers of the cluster look at it.
const CONTROLLER_PERIOD: Duration = Duration::from_millis(200);

/// What the agent calls itself here.
#[derive(Debug, Clone)]
pub struct Identity {
    /// The field manager, `muster.<fleet>`.
    pub manager: String,
    /// The parent's name.
    pub parent_name: String,
    /// The agent's namespace.
    pub namespace: String,
}

impl Identity {
    /// The ApplySet's id.
    #[must_use]
    pub fn applyset(&self) -> String {
        muster_model::marks::applyset_id(&self.parent_name, &self.namespace)
    }
}

/// Everything there is, whoever is connected.
pub(super) struct State {
    pub(super) identity: Identity,
    pub(super) api: ApiServer,
    pub(super) parent: Option<Parent>,
    pub(super) parent_writes: u64,
    pub(super) watches: Watches,
    pub(super) writes: Vec<Write>,
    pub(super) violations: Vec<String>,
    /// What reads answer from while they are stale.
    pub(super) stale: Option<Backup>,
    pub(super) away: bool,
    /// How often it went back to a backup.
    pub(super) restored: u64,
    pub(super) stuck: Vec<ObjectId>,
    /// What the controllers last looked at.
    pub(super) reconciled: Option<(u64, Vec<ObjectId>)>,
    pub(super) refused_deletes: BTreeMap<(ObjectId, String), (u32, Duration)>,
    pub(super) journal: Journal,
    pub(super) weather: Weather,
    /// A namespace whose admission webhook takes this long.
    pub(super) slow: Option<(String, Duration)>,
    /// Where latencies come from; without, all are alike.
    pub(super) chance: Option<Random>,
    pub(super) inspector: Option<Inspector>,
    /// Effects under way, by life.
    in_flight: BTreeMap<u32, usize>,
    pub(super) most_in_flight: Option<usize>,
    /// Namespaces that never finish going.
    pub(super) stuck_namespaces: BTreeSet<String>,
}

/// What etcd holds at a moment: the objects, and the parent among them.
#[derive(Clone)]
pub struct Backup {
    pub(super) api: api_server::Backup,
    pub(super) parent: Option<Parent>,
}

/// An effect on its way: what an inspector looks at.
pub struct Sent<'a> {
    /// Which agent's life sends it.
    pub life: u32,
    /// The effect.
    pub effect: &'a Effect,
    /// What is to be applied.
    pub body: Option<&'a Node>,
    /// The cluster when it is sent.
    pub api: &'a ApiServer,
}

/// What happens in a cluster, for somebody who judges it.
pub enum Sight<'a> {
    /// An agent sends an effect.
    Sent(&'a Sent<'a>),
    /// An effect was answered.
    Answered(u32, &'a Effect, &'a Outcome),
    /// The store changed.
    Changed(&'a [api_server::Change], &'a ApiServer),
    /// The parent was stored.
    Parent(&'a Parent),
}

/// Somebody who judges what happens in a cluster.
pub type Inspector = Box<dyn FnMut(&Sight<'_>) + Send>;

/// A connection to the fake cluster. [`FakeCluster::connect`] gives another one, for another agent's life.
#[derive(Clone)]
pub struct FakeCluster {
    state: Arc<Mutex<State>>,
    faults: Faults,
    swapped: Arc<Mutex<Option<Instant>>>,
}

impl FakeCluster {
    /// An empty cluster that has the agent's namespace.
    #[must_use]
    pub fn new(identity: Identity) -> Self {
        let mut api = ApiServer::new();
        api.create_namespace(&identity.namespace);
        api.take_changes();
        let state = State {
            watches: Watches::new(identity.applyset()),
            identity,
            api,
            parent: None,
            parent_writes: 0,
            writes: Vec::new(),
            violations: Vec::new(),
            stale: None,
            away: false,
            restored: 0,
            stuck: Vec::new(),
            reconciled: None,
            refused_deletes: BTreeMap::new(),
            journal: Journal::default(),
            weather: Weather::default(),
            slow: None,
            chance: None,
            inspector: None,
            in_flight: BTreeMap::new(),
            most_in_flight: None,
            stuck_namespaces: BTreeSet::new(),
        };
        Self {
            state: Arc::new(Mutex::new(state)),
            faults: Faults::none(),
            swapped: Arc::default(),
        }
    }

    /// Another agent's connection to the same cluster, with faults of its own.
    #[must_use]
    pub fn connect(&self, faults: Faults) -> Self {
        Self {
            state: self.state.clone(),
            faults,
            swapped: Arc::default(),
        }
    }

    /// What the API server, its controllers and its users do, over and over; runs beside the agent.
    pub async fn controllers(&self) {
        loop {
            tokio::time::sleep(CONTROLLER_PERIOD).await;
            self.controllers_once();
        }
    }

    /// One round of the controllers.
    pub fn controllers_once(&self) {
        let mut state = self.state();
        let seen = (state.api.revision(), state.stuck.clone());
        if state.reconciled.as_ref() == Some(&seen) {
            return;
        }
        super::controllers::reconcile(&mut state);
        state.settle();
        // What the controllers did themselves is looked at once more in the next round.
        state.reconciled = Some(seen);
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("because nobody panics with it")
    }

    /// Makes an effect happen, after what is planned for it; a webhook may take its time first.
    async fn carry_out(
        &self,
        kind: Kind<'_>,
        webhook: Option<Duration>,
        work: impl FnOnce(&mut State) -> Outcome,
    ) -> Outcome {
        let restored = self.state().restored;
        if let Some(webhook) = webhook {
            tokio::time::sleep(webhook).await;
        }
        let back = self.travel().await;
        let fate = self.faults.meet(kind);
        // A server that goes back to a backup was stopped for it: what was on its way is lost.
        let away = self.state().away || self.state().restored != restored;
        let outcome = match fate {
            Fate::Crash(Side::Before) => {
                self.die("before").await;
                unreachable!("because nobody lives on")
            }
            Fate::Crash(Side::After) => {
                work(&mut self.state());
                self.die("after").await;
                unreachable!("because nobody lives on")
            }
            _ if away => requests::failed(Failure::TimeoutBefore),
            Fate::Fail(failure) => {
                self.state()
                    .journal
                    .reach(format!("failure {}", failure.name()));
                if failure == Failure::TimeoutAfter {
                    work(&mut self.state());
                }
                requests::failed(failure)
            }
            Fate::Proceed => work(&mut self.state()),
        };
        tokio::time::sleep(back).await;
        self.faults.alive().await;
        outcome
    }

    /// A request's way to the server; gives back how long the answer takes.
    async fn travel(&self) -> Duration {
        let (there, back) = self.state().latency();
        tokio::time::sleep(there).await;
        self.faults.alive().await;
        back
    }

    async fn die(&self, side: &str) {
        {
            let state = self.state();
            state.journal.reach(format!("crash {side} an effect"));
            let life = self.faults.life();
            state.journal.note(|| format!("agent {life} dies"));
        }
        self.faults.kill();
        std::future::pending().await
    }

    /// Refusals that never reached the store are written down too.
    fn note_refusal(&self, effect: &Effect, outcome: &Outcome) {
        let code = match outcome {
            Outcome::Failed { code, .. } => *code,
            _ => 409,
        };
        self.state().writes.push(Write {
            effect: effect.clone(),
            result: WriteResult::Refused(code),
        });
    }

    /// Looks at an effect when it is sent.
    fn sent(&self, effect: &Effect, body: Option<&Node>) {
        let life = self.faults.life();
        let mut state = self.state();
        let State {
            inspector,
            api,
            journal,
            ..
        } = &mut *state;
        journal.note(|| format!("agent {life} sends {}", super::write::brief(effect)));
        if let Some(inspector) = inspector {
            inspector(&Sight::Sent(&Sent {
                life,
                effect,
                body,
                api,
            }));
        }
    }

    fn answered(&self, effect: &Effect, outcome: &Outcome) {
        let life = self.faults.life();
        let mut state = self.state();
        let told = || {
            let (effect, outcome) = (super::write::brief(effect), super::write::told(outcome));
            format!("agent {life} hears {outcome} of {effect}")
        };
        state.journal.note(told);
        if let Some(inspector) = &mut state.inspector {
            inspector(&Sight::Answered(life, effect, outcome));
        }
    }

    /// R1: one agent has few effects under way at once.
    fn enter(&self) -> InFlight {
        let life = self.faults.life();
        let mut state = self.state();
        let count = state.in_flight.entry(life).or_default();
        *count += 1;
        let count = *count;
        if state.most_in_flight.is_some_and(|most| count > most) {
            state
                .violations
                .push(format!("R1: {count} effects under way at once"));
        }
        InFlight {
            state: self.state.clone(),
            life,
        }
    }

    /// P11: every effect within a minute of the own compare-and-swap.
    fn check_writer(&self, effect: &Effect) {
        let swapped = *self.swapped.lock().expect("because nobody panics with it");
        let fresh = swapped.is_some_and(|at| at.elapsed() <= WRITER_MARGIN);
        if !fresh {
            let age = swapped.map(|at| at.elapsed());
            self.state().violations.push(format!(
                "P11: {effect:?} sent {age:?} after the agent's own swap"
            ));
        }
    }
}

/// One effect under way.
struct InFlight {
    state: Arc<Mutex<State>>,
    life: u32,
}

impl Drop for InFlight {
    fn drop(&mut self) {
        let mut state = self.state.lock().expect("because nobody panics with it");
        if let Some(count) = state.in_flight.get_mut(&self.life) {
            *count -= 1;
        }
    }
}

impl Cluster for FakeCluster {
    fn manage_as(&self, manager: &str) {
        let mut state = self.state();
        if manager != state.identity.manager {
            state.violations.push(format!("P7: applies as {manager:?}"));
        }
    }

    async fn discover(&self) -> Result<Discovery, Problem> {
        self.travel().await;
        let state = self.state();
        state.refuse_reads(false)?;
        Ok(state.api.discovery())
    }

    async fn parent(&self) -> Result<Parent, Problem> {
        self.travel().await;
        let state = self.state();
        state.refuse_reads(true)?;
        let stale = state.stale.as_ref().map(|backup| &backup.parent);
        if stale.is_some_and(|parent| *parent != state.parent) {
            state.journal.reach("stale read of the parent");
        }
        let parent = stale.unwrap_or(&state.parent);
        Ok(parent.clone().unwrap_or_default())
    }

    async fn swap_parent(&self, next: &Parent) -> Result<Swap, Problem> {
        let mut swap = Ok(Swap::Lost);
        let outcome = self
            .carry_out(Kind::Parent, None, |state| {
                if state.weather.revoked {
                    return requests::failed(Failure::Forbidden);
                }
                swap = Ok(requests::swap_parent(state, next));
                Outcome::Gone
            })
            .await;
        if let Outcome::Failed {
            reason,
            code,
            message,
            ..
        } = outcome
        {
            return Err(Problem::new(reason, format!("{code}: {message}")));
        }
        if outcome == Outcome::Conflict {
            return Ok(Swap::Lost);
        }
        if matches!(swap, Ok(Swap::Stored(_))) {
            *self.swapped.lock().expect("because nobody panics with it") = Some(Instant::now());
        }
        swap
    }

    fn watch(&self, kind: GroupKind, events: mpsc::Sender<WatchEvent>) -> JoinHandle<()> {
        let mut state = self.state();
        let State {
            watches, api, away, ..
        } = &mut *state;
        let queue = watches.subscribe(kind, *away, api);
        tokio::spawn(forward(queue, events, self.faults.clone()))
    }

    fn watch_namespaces(&self, events: mpsc::Sender<WatchEvent>) -> JoinHandle<()> {
        let mut state = self.state();
        let State { watches, api, .. } = &mut *state;
        let queue = watches.subscribe_namespaces(api);
        tokio::spawn(forward(queue, events, self.faults.clone()))
    }

    /// The fake knows no rights: whoever acts, acts.
    fn acting_as(&self, _account: &ServiceAccount) -> Self {
        self.clone()
    }

    async fn act(&self, effect: &Effect, body: Option<&Node>) -> Outcome {
        let _under_way = self.enter();
        self.sent(effect, body);
        let (object, delete) = match effect {
            Effect::Probe { objects } => {
                let outcome = self.probe(effect, objects).await;
                self.answered(effect, &outcome);
                return outcome;
            }
            Effect::Audit { object, .. } => {
                tokio::time::sleep(LATENCY).await;
                self.faults.alive().await;
                return requests::audit(&self.state(), object, body);
            }
            Effect::Delete { object, .. } => (object, true),
            Effect::Apply { object, .. }
            | Effect::Release { object, .. }
            | Effect::Adopt { object, .. } => (object, false),
        };
        self.check_writer(effect);
        let forces = invariants::forces(&self.state(), effect, body);
        let slow = self.state().slowness(object);
        let kind = Kind::Object { id: object, delete };
        let mut reached = false;
        let outcome = self
            .carry_out(kind, slow, |state| {
                let exists = state.api.get(object).is_some();
                if let Some(refusal) = state.weather.refusal(effect, exists) {
                    return refusal;
                }
                reached = true;
                if let Some(found) = invariants::forces(state, effect, body).and(forces) {
                    state.violations.push(format!("P7: {found}: {effect:?}"));
                }
                requests::act(state, effect, body)
            })
            .await;
        if !reached {
            self.note_refusal(effect, &outcome);
        }
        self.answered(effect, &outcome);
        outcome
    }
}

impl State {
    /// How long admission takes for an object.
    fn slowness(&self, object: &ObjectId) -> Option<Duration> {
        let webhook = self.slow.as_ref();
        let here = webhook.filter(|(namespace, _)| *namespace == object.namespace());
        here.map(|(_, length)| *length).or(self.weather.slow)
    }
}

impl FakeCluster {
    async fn probe(&self, effect: &Effect, objects: &[ObjectId]) -> Outcome {
        self.travel().await;
        let state = self.state();
        match state.weather.refusal(effect, false) {
            Some(refusal) => refusal,
            None => requests::probe(&state, objects),
        }
    }
}

/// Passes events on in order, each a little late.
async fn forward(
    mut queue: mpsc::UnboundedReceiver<WatchEvent>,
    events: mpsc::Sender<WatchEvent>,
    faults: Faults,
) {
    let mut batch = Vec::new();
    while queue.recv_many(&mut batch, 64).await > 0 {
        tokio::time::sleep(WATCH_LAG).await;
        faults.alive().await;
        for event in batch.drain(..) {
            if events.send(event).await.is_err() {
                return;
            }
        }
    }
}

impl State {
    /// Tells the watches what changed and looks whether the invariants hold.
    pub(super) fn settle(&mut self) {
        let changes = self.api.take_changes();
        self.watches.tell(&changes, &self.api);
        super::invariants::after_change(self);
        if let Some(inspector) = &mut self.inspector {
            inspector(&Sight::Changed(&changes, &self.api));
        }
    }

    /// What etcd holds now.
    pub(super) fn backup(&self) -> Backup {
        Backup {
            api: self.api.backup(),
            parent: self.parent.clone(),
        }
    }

    /// How long a request and its answer take.
    fn latency(&mut self) -> (Duration, Duration) {
        match &mut self.chance {
            None => (LATENCY, Duration::ZERO),
            Some(chance) => (
                Duration::from_millis(chance.between(1, 4)),
                Duration::from_millis(chance.below(5)),
            ),
        }
    }

    /// Why a read gets no answer at the moment.
    fn refuse_reads(&self, needs_rights: bool) -> Result<(), Problem> {
        if self.away {
            Err(Problem::new(Reason::ApiUnreachable, "connection refused"))
        } else if needs_rights && self.weather.revoked {
            Err(Problem::new(Reason::Forbidden, "not allowed"))
        } else {
            Ok(())
        }
    }
}

/// What an agent hears of an error.
pub(super) fn outcome_of(error: ApiError) -> Outcome {
    let failed = |reason, code, message: String| Outcome::Failed {
        reason,
        code,
        message,
        retry_after: None,
    };
    match error {
        ApiError::NotFound => failed(Reason::ApplyFailed, 404, "the object is not there".into()),
        ApiError::KindMissing => failed(Reason::KindMissing, 404, "the kind is not served".into()),
        ApiError::NamespaceMissing => failed(
            Reason::NamespaceMissing,
            404,
            "the namespace does not exist".into(),
        ),
        ApiError::NamespaceTerminating => failed(
            Reason::NamespaceTerminating,
            403,
            "the namespace is being deleted".into(),
        ),
        ApiError::Conflict => Outcome::Conflict,
        ApiError::FieldConflict(conflicts) => {
            let managers: Vec<_> = conflicts.keys().map(String::as_str).collect();
            failed(
                Reason::FieldConflict,
                409,
                format!("owned by {}", managers.join(", ")),
            )
        }
        ApiError::Immutable(field) => {
            failed(Reason::ImmutableField, 422, format!("{field} is immutable"))
        }
        ApiError::Invalid => failed(Reason::Invalid, 422, "the object is not valid".into()),
        ApiError::Undeclared => failed(Reason::Invalid, 500, "field not declared in schema".into()),
        ApiError::BadRequest(why) => failed(Reason::Invalid, 400, why.to_owned()),
    }
}

#[cfg(test)]
mod tests;
