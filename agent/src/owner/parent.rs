//! The one writer of the ApplySet parent: who holds the epoch may act, and only for a minute at a time (P11).
//!
//! Requests that wait while a write is under way are answered by one next write, however many they are: a thousand
//! Applications that begin to act cost a few writes, not a thousand.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use muster_model::agent_state::AgentState;
use muster_model::observed::ParentScope;
use muster_model::{Problem, Reason};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::Instant;

use super::clock::Clock;
use crate::ports::{Cluster, Parent, Swap};

/// An effect is sent only within this time of the agent's own compare-and-swap (HAZARDS.md P11), less the time a
/// request may take.
const AUTHORITY: Duration = Duration::from_secs(60 - 30);
/// Attempts to store against other writers of the same object before giving up for now.
const ATTEMPTS: usize = 5;
/// Sequence numbers set aside for each life, which are then remembered: weeks of heartbeats. A life begins above them, and
/// above the time in milliseconds: what was published before it lies below, though the status store lost that, or the
/// state went back to a backup (HAZARDS.md S4). Statuses are never published as fast as time passes.
pub(super) const SEQUENCES: u64 = 4_000;
/// Requests that may wait for the parent task; act tasks wait for their answer, so more never gather.
const QUEUE: usize = 64;

/// What the agent remembers now, and how often something changed in it that must be stored before effects.
#[derive(Debug, Clone, Default)]
pub(super) struct Remembered {
    /// All of it.
    pub(super) state: Arc<AgentState>,
    /// Grows with every release that comes in force and every deletion that is counted. What else changes (that a
    /// release is fully applied, a Job is complete) is learned anew after a crash.
    pub(super) essential: u64,
}

/// The right to act until a moment, or until what it was given for is in doubt.
#[derive(Debug, Clone, Copy)]
pub(super) struct Authority {
    until: Instant,
    /// How many doubts there were when it was given.
    doubts: u64,
}

impl Authority {
    fn new(from: Instant, doubts: u64) -> Self {
        Self {
            until: from + AUTHORITY,
            doubts,
        }
    }

    /// True while effects may be sent, after so many doubts.
    fn holds(self, doubts: u64) -> bool {
        Instant::now() < self.until && self.doubts == doubts
    }
}

/// What is asked of the parent task.
enum Request {
    /// Declare kinds and namespaces before the first apply, and renew the right to act.
    Widen {
        scope: ParentScope,
        reply: oneshot::Sender<Result<Authority, Problem>>,
    },
    /// Declare exactly this, after the last prune was confirmed.
    Narrow(ParentScope),
    /// Remember the newest state, all of it.
    Save {
        reply: oneshot::Sender<Result<(), Problem>>,
    },
}

/// A handle to the parent task.
#[derive(Debug, Clone)]
pub(super) struct ParentTask {
    requests: mpsc::Sender<Request>,
    /// See [`Self::doubt`].
    doubts: Arc<AtomicU64>,
}

/// What the parent task needs to begin with.
pub(super) struct Beginning {
    /// A handle to it.
    pub(super) task: ParentTask,
    /// What was stored.
    pub(super) parent: Parent,
    /// Where the owner says what is to be remembered.
    pub(super) states: watch::Sender<Remembered>,
}

impl ParentTask {
    /// Takes over the parent, then serves requests until every handle is gone.
    ///
    /// # Errors
    /// When the parent cannot be read or written.
    pub(super) async fn start<C: Cluster>(
        cluster: Arc<C>,
        clock: Clock,
    ) -> Result<Beginning, Problem> {
        let parent = take_over(&*cluster, clock).await?;
        let (requests, inbox) = mpsc::channel(QUEUE);
        let (states, remembered) = watch::channel(Remembered {
            state: Arc::new(parent.state.clone()),
            essential: 0,
        });
        let saved = states.borrow().state.clone();
        let doubts = Arc::new(AtomicU64::new(0));
        let writer = Writer {
            doubts: Arc::clone(&doubts),
            cluster,
            stored: without_state(parent.clone()),
            essential: 0,
            saved,
            remembered,
            authority: Authority::new(Instant::now(), 0),
        };
        tokio::spawn(writer.serve(inbox));
        Ok(Beginning {
            task: Self { requests, doubts },
            parent,
            states,
        })
    }

    /// Declares `scope` on the parent, stores what the effects depend on, and renews the right to act; a write only when
    /// something is missing or the right has run out.
    ///
    /// # Errors
    /// [`Reason::StaleWriter`] when another agent took over; otherwise why the parent could not be written.
    pub(super) async fn widen(&self, scope: ParentScope) -> Result<Authority, Problem> {
        let (reply, answer) = oneshot::channel();
        self.ask(Request::Widen { scope, reply }, answer).await
    }

    /// Declares exactly `scope`, before anything that is asked later; false when the parent task is too busy for now.
    pub(super) fn narrow(&self, scope: ParentScope) -> bool {
        self.requests.try_send(Request::Narrow(scope)).is_ok()
    }

    /// The cluster may have gone back to a backup, and the parent with it: it is written again before anything is done.
    pub(super) fn doubt(&self) {
        self.doubts.fetch_add(1, Ordering::AcqRel);
    }

    /// True while effects may be sent.
    pub(super) fn permits(&self, authority: Authority) -> bool {
        authority.holds(self.doubts.load(Ordering::Acquire))
    }

    /// Stores the newest state.
    ///
    /// # Errors
    /// As [`Self::widen`].
    pub(super) async fn save(&self) -> Result<(), Problem> {
        let (reply, answer) = oneshot::channel();
        self.ask(Request::Save { reply }, answer).await
    }

    async fn ask<T>(
        &self,
        request: Request,
        answer: oneshot::Receiver<Result<T, Problem>>,
    ) -> Result<T, Problem> {
        let gone = || Problem::new(Reason::StaleWriter, "this agent no longer writes");
        self.requests.send(request).await.map_err(|_| gone())?;
        answer.await.map_err(|_| gone())?
    }
}

/// The epoch is the moment of the takeover in milliseconds, or more where the one before is later: after a restored
/// backup two agents that run beside each other never have the same one.
async fn take_over<C: Cluster>(cluster: &C, clock: Clock) -> Result<Parent, Problem> {
    for _ in 0..ATTEMPTS {
        let mut parent = cluster.parent().await?;
        let now = u64::try_from(clock.now().as_millisecond()).unwrap_or_default();
        parent.state.epoch = now.max(parent.state.epoch.saturating_add(1));
        let above = parent.state.sequence.saturating_add(SEQUENCES);
        parent.state.sequence = now.max(above);
        parent.state.version = muster_model::agent_state::VERSION;
        if let Swap::Stored(version) = cluster.swap_parent(&parent).await? {
            parent.resource_version = version;
            return Ok(parent);
        }
    }
    Err(Problem::new(
        Reason::ApplyFailed,
        "the parent object changes faster than it can be taken over",
    ))
}

/// The parent without what [`Writer::saved`] holds of it.
fn without_state(parent: Parent) -> Parent {
    Parent {
        state: AgentState {
            epoch: parent.state.epoch,
            ..AgentState::default()
        },
        ..parent
    }
}

struct Writer<C> {
    cluster: Arc<C>,
    /// See [`ParentTask::doubt`].
    doubts: Arc<AtomicU64>,
    stored: Parent,
    /// What `stored` has of [`Remembered::essential`].
    essential: u64,
    /// What `stored` has of [`Remembered::state`].
    saved: Arc<AgentState>,
    remembered: watch::Receiver<Remembered>,
    authority: Authority,
}

/// What several requests together need to be stored.
struct Wanted {
    scope: ParentScope,
    renew: bool,
    save: bool,
}

impl<C: Cluster> Writer<C> {
    async fn serve(mut self, mut inbox: mpsc::Receiver<Request>) {
        while let Some(first) = inbox.recv().await {
            let mut requests = vec![first];
            while let Ok(next) = inbox.try_recv() {
                requests.push(next);
            }
            let result = self.commit(&requests).await;
            let lost = matches!(&result, Err(problem) if problem.reason == Reason::StaleWriter);
            for request in requests {
                self.answer(request, &result);
            }
            if lost {
                tracing::error!("another agent took over this cluster: this one stops writing");
                return;
            }
        }
    }

    /// One write for all of these, or none when nothing is missing.
    async fn commit(&mut self, requests: &[Request]) -> Result<(), Problem> {
        let doubts = self.doubts.load(Ordering::Acquire);
        let wanted = self.wanted(requests);
        let newest = self.remembered.borrow().clone();
        let essential = wanted.renew && newest.essential != self.essential;
        let unsaved = wanted.save && !Arc::ptr_eq(&newest.state, &self.saved);
        let expired = wanted.renew && !self.authority.holds(doubts);
        if wanted.scope == self.stored.scope && !essential && !unsaved && !expired {
            return Ok(());
        }
        let next = Parent {
            scope: wanted.scope,
            state: AgentState {
                epoch: self.stored.state.epoch,
                ..(*newest.state).clone()
            },
            resource_version: self.stored.resource_version.clone(),
        };
        self.store(next, doubts).await?;
        self.essential = newest.essential;
        self.saved = newest.state;
        Ok(())
    }

    /// What the requests come to, one after the other.
    fn wanted(&self, requests: &[Request]) -> Wanted {
        let mut wanted = Wanted {
            scope: self.stored.scope.clone(),
            renew: false,
            save: false,
        };
        for request in requests {
            match request {
                Request::Widen { scope, reply: _ } => {
                    wanted.scope.kinds.extend(scope.kinds.iter().cloned());
                    let names = scope.namespaces.iter().cloned();
                    wanted.scope.namespaces.extend(names);
                    wanted.renew = true;
                }
                Request::Narrow(scope) if is_within(scope, &wanted.scope) => {
                    wanted.scope = scope.clone();
                }
                Request::Narrow(_) => {}
                Request::Save { reply: _ } => wanted.save = true,
            }
        }
        wanted
    }

    fn answer(&self, request: Request, result: &Result<(), Problem>) {
        // Nobody waits any more for an answer that cannot be sent.
        match request {
            Request::Widen { scope: _, reply } => {
                let _ = reply.send(result.clone().map(|()| self.authority));
            }
            Request::Narrow(_) => {}
            Request::Save { reply } => {
                let _ = reply.send(result.clone());
            }
        }
    }

    /// Stores `next` if this agent's epoch still stands; an edit of the same object by somebody else is written over.
    /// What is in doubt after `doubts` is not settled by it.
    async fn store(&mut self, mut next: Parent, doubts: u64) -> Result<(), Problem> {
        if !self.authority.holds(doubts) {
            // A cluster that went back gives out the same resource versions again, and whoever could not watch it does
            // not know that it did: unless this agent wrote just now, what is there is read first.
            next.resource_version = self.newest_version().await?;
        }
        for _ in 0..ATTEMPTS {
            let asked = Instant::now();
            if let Swap::Stored(version) = self.cluster.swap_parent(&next).await? {
                next.resource_version = version;
                self.stored = without_state(next);
                self.authority = Authority::new(asked, doubts);
                return Ok(());
            }
            next.resource_version = self.newest_version().await?;
        }
        Err(Problem::new(
            Reason::ApplyFailed,
            "the parent object changes faster than it can be written",
        ))
    }

    /// The resource version of what is stored, as long as no other agent took over.
    async fn newest_version(&self) -> Result<String, Problem> {
        let seen = self.cluster.parent().await?;
        let own = self.stored.state.epoch;
        if seen.state.epoch > own {
            let message = format!("epoch {own} was taken over by epoch {}", seen.state.epoch);
            return Err(Problem::new(Reason::StaleWriter, message));
        }
        Ok(seen.resource_version)
    }
}

fn is_within(scope: &ParentScope, other: &ParentScope) -> bool {
    let within = |new: &BTreeSet<_>, old: &BTreeSet<_>| new.is_subset(old);
    within(&scope.kinds, &other.kinds) && scope.namespaces.is_subset(&other.namespaces)
}
