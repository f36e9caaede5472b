//! The fake of the `Cluster` port: one agent's connection to an in-memory API server.

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use muster::ports::{Cluster, Parent, Swap, WatchEvent};
use muster_model::effect::{Effect, Outcome};
use muster_model::observed::Discovery;
use muster_model::{GroupKind, Node, ObjectId, Problem, Reason, ServiceAccount};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::api_server::{ApiError, ApiServer, Backup};
use super::faults::{Failure, Fate, Faults, Kind, Side};
use super::requests;
use super::watches::Watches;
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
    pub(super) stuck: Vec<ObjectId>,
    /// What the controllers last looked at.
    pub(super) reconciled: Option<(u64, Vec<ObjectId>)>,
    pub(super) refused_deletes: std::collections::BTreeMap<(ObjectId, String), u32>,
}

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
            stuck: Vec::new(),
            reconciled: None,
            refused_deletes: std::collections::BTreeMap::new(),
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

    /// Makes an effect happen, after what is planned for it.
    async fn carry_out(&self, kind: Kind<'_>, work: impl FnOnce(&mut State) -> Outcome) -> Outcome {
        tokio::time::sleep(LATENCY).await;
        self.faults.alive().await;
        let fate = self.faults.meet(kind);
        let away = self.state().away;
        match fate {
            Fate::Crash(Side::Before) => {
                self.faults.kill();
                std::future::pending().await
            }
            Fate::Crash(Side::After) => {
                work(&mut self.state());
                self.faults.kill();
                std::future::pending().await
            }
            _ if away => requests::failed(Failure::TimeoutBefore),
            Fate::Fail(Failure::TimeoutAfter) => {
                work(&mut self.state());
                requests::failed(Failure::TimeoutAfter)
            }
            Fate::Fail(failure) => requests::failed(failure),
            Fate::Proceed => work(&mut self.state()),
        }
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

fn unreachable() -> Problem {
    Problem::new(Reason::ApiUnreachable, "connection refused")
}

impl Cluster for FakeCluster {
    fn manage_as(&self, manager: &str) {
        let mut state = self.state();
        if manager != state.identity.manager {
            state.violations.push(format!("P7: applies as {manager:?}"));
        }
    }

    async fn discover(&self) -> Result<Discovery, Problem> {
        tokio::time::sleep(LATENCY).await;
        self.faults.alive().await;
        let state = self.state();
        if state.away {
            Err(unreachable())
        } else {
            Ok(state.api.discovery())
        }
    }

    async fn parent(&self) -> Result<Parent, Problem> {
        tokio::time::sleep(LATENCY).await;
        self.faults.alive().await;
        let state = self.state();
        if state.away {
            Err(unreachable())
        } else {
            Ok(state.parent.clone().unwrap_or_default())
        }
    }

    async fn swap_parent(&self, next: &Parent) -> Result<Swap, Problem> {
        let mut swap = Ok(Swap::Lost);
        let outcome = self
            .carry_out(Kind::Parent, |state| {
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
        let (object, delete) = match effect {
            Effect::Probe { objects } => {
                tokio::time::sleep(LATENCY).await;
                self.faults.alive().await;
                return requests::probe(&self.state(), objects);
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
        let kind = Kind::Object { id: object, delete };
        let mut reached = false;
        let outcome = self
            .carry_out(kind, |state| {
                reached = true;
                requests::act(state, effect, body)
            })
            .await;
        if !reached {
            self.note_refusal(effect, &outcome);
        }
        outcome
    }
}

/// Passes events on in order, each a little late.
async fn forward(
    mut queue: mpsc::UnboundedReceiver<(Instant, WatchEvent)>,
    events: mpsc::Sender<WatchEvent>,
    faults: Faults,
) {
    while let Some((at, event)) = queue.recv().await {
        tokio::time::sleep_until(at + WATCH_LAG).await;
        faults.alive().await;
        if events.send(event).await.is_err() {
            return;
        }
    }
}

impl State {
    /// Tells the watches what changed and looks whether the invariants hold.
    pub(super) fn settle(&mut self) {
        let changes = self.api.take_changes();
        self.watches.tell(&changes, &self.api);
        super::invariants::after_change(self);
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
        ApiError::BadRequest(why) => failed(Reason::Invalid, 400, why.to_owned()),
    }
}

#[cfg(test)]
mod tests;
