//! The one writer of the ApplySet parent: who holds the epoch may act, and only for a minute at a time (P11).

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use muster_model::agent_state::AgentState;
use muster_model::observed::ParentScope;
use muster_model::{Problem, Reason};
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use crate::ports::{Cluster, Parent, Swap};

/// An effect is sent only within this time of the agent's own compare-and-swap (HAZARDS.md P11), less the time a
/// request may take.
const AUTHORITY: Duration = Duration::from_secs(60 - 30);
/// Attempts to store against other writers of the same object before giving up for now.
const ATTEMPTS: usize = 5;
/// Requests that may wait for the parent task; act tasks wait for their answer, so more never gather.
const QUEUE: usize = 64;

/// The right to act until a moment.
#[derive(Debug, Clone, Copy)]
pub(super) struct Authority {
    until: Instant,
}

impl Authority {
    /// True while effects may be sent.
    pub(super) fn holds(self) -> bool {
        Instant::now() < self.until
    }
}

/// What is asked of the parent task.
enum Request {
    /// Declare kinds and namespaces before the first apply, and renew the right to act.
    Widen {
        scope: ParentScope,
        state: Option<Box<AgentState>>,
        reply: oneshot::Sender<Result<Authority, Problem>>,
    },
    /// Declare exactly this, after the last prune was confirmed.
    Narrow(ParentScope),
    /// Remember this.
    Save {
        state: Box<AgentState>,
        reply: oneshot::Sender<Result<(), Problem>>,
    },
}

/// A handle to the parent task.
#[derive(Debug, Clone)]
pub(super) struct ParentTask {
    requests: mpsc::Sender<Request>,
}

impl ParentTask {
    /// Takes over the parent, then serves requests until every handle is gone. Gives back what was stored.
    ///
    /// # Errors
    /// When the parent cannot be read or written.
    pub(super) async fn start<C: Cluster>(cluster: Arc<C>) -> Result<(Self, Parent), Problem> {
        let parent = take_over(&*cluster).await?;
        let (requests, inbox) = mpsc::channel(QUEUE);
        let task = Writer {
            cluster,
            stored: parent.clone(),
            authority: Authority {
                until: Instant::now() + AUTHORITY,
            },
        };
        tokio::spawn(task.serve(inbox));
        Ok((Self { requests }, parent))
    }

    /// Declares `scope` on the parent, stores the state that the effects belong to, and renews the right to act; a write
    /// only when something is missing or the right has run out.
    ///
    /// # Errors
    /// [`Reason::StaleWriter`] when another agent took over; otherwise why the parent could not be written.
    pub(super) async fn widen(
        &self,
        scope: ParentScope,
        state: Option<AgentState>,
    ) -> Result<Authority, Problem> {
        let (reply, answer) = oneshot::channel();
        self.ask(
            Request::Widen {
                scope,
                state: state.map(Box::new),
                reply,
            },
            answer,
        )
        .await
    }

    /// Declares exactly `scope`, before anything that is asked later; false when the parent task is too busy for now.
    pub(super) fn narrow(&self, scope: ParentScope) -> bool {
        self.requests.try_send(Request::Narrow(scope)).is_ok()
    }

    /// Stores the state.
    ///
    /// # Errors
    /// As [`Self::widen`].
    pub(super) async fn save(&self, state: AgentState) -> Result<(), Problem> {
        let (reply, answer) = oneshot::channel();
        self.ask(
            Request::Save {
                state: Box::new(state),
                reply,
            },
            answer,
        )
        .await
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

async fn take_over<C: Cluster>(cluster: &C) -> Result<Parent, Problem> {
    for _ in 0..ATTEMPTS {
        let mut parent = cluster.parent().await?;
        parent.state.epoch += 1;
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

struct Writer<C> {
    cluster: Arc<C>,
    stored: Parent,
    authority: Authority,
}

impl<C: Cluster> Writer<C> {
    async fn serve(mut self, mut inbox: mpsc::Receiver<Request>) {
        while let Some(request) = inbox.recv().await {
            let lost = match request {
                Request::Widen {
                    scope,
                    state,
                    reply,
                } => answer(reply, self.widen(&scope, state.map(|s| *s)).await),
                Request::Narrow(scope) => self
                    .narrow(scope)
                    .await
                    .is_err_and(|p| p.reason == Reason::StaleWriter),
                Request::Save { state, reply } => answer(reply, self.save(*state).await),
            };
            if lost {
                tracing::error!("another agent took over this cluster: this one stops writing");
                return;
            }
        }
    }

    async fn widen(
        &mut self,
        scope: &ParentScope,
        state: Option<AgentState>,
    ) -> Result<Authority, Problem> {
        let mut next = self.stored.clone();
        if let Some(state) = state {
            next.state = AgentState {
                epoch: next.state.epoch,
                ..state
            };
        }
        next.scope.kinds.extend(scope.kinds.iter().cloned());
        next.scope
            .namespaces
            .extend(scope.namespaces.iter().cloned());
        if next != self.stored || !self.authority.holds() {
            self.store(next).await?;
        }
        Ok(self.authority)
    }

    async fn narrow(&mut self, scope: ParentScope) -> Result<(), Problem> {
        let within = |new: &BTreeSet<_>, old: &BTreeSet<_>| new.is_subset(old);
        let smaller = within(&scope.kinds, &self.stored.scope.kinds)
            && scope.namespaces.is_subset(&self.stored.scope.namespaces);
        if !smaller || scope == self.stored.scope {
            return Ok(());
        }
        let next = Parent {
            scope,
            ..self.stored.clone()
        };
        self.store(next).await
    }

    async fn save(&mut self, mut state: AgentState) -> Result<(), Problem> {
        state.epoch = self.stored.state.epoch;
        if state == self.stored.state {
            return Ok(());
        }
        let next = Parent {
            state,
            ..self.stored.clone()
        };
        self.store(next).await
    }

    /// Stores `next` if this agent's epoch still stands; an edit of the same object by somebody else is written over.
    async fn store(&mut self, mut next: Parent) -> Result<(), Problem> {
        for _ in 0..ATTEMPTS {
            let asked = Instant::now();
            if let Swap::Stored(version) = self.cluster.swap_parent(&next).await? {
                next.resource_version = version;
                self.stored = next;
                self.authority = Authority {
                    until: asked + AUTHORITY,
                };
                return Ok(());
            }
            let seen = self.cluster.parent().await?;
            if seen.state.epoch > self.stored.state.epoch {
                let message = format!(
                    "epoch {} was taken over by epoch {}",
                    self.stored.state.epoch, seen.state.epoch
                );
                return Err(Problem::new(Reason::StaleWriter, message));
            }
            next.resource_version = seen.resource_version;
        }
        Err(Problem::new(
            Reason::ApplyFailed,
            "the parent object changes faster than it can be written",
        ))
    }
}

/// Sends the answer; true when another agent took over.
fn answer<T>(reply: oneshot::Sender<Result<T, Problem>>, result: Result<T, Problem>) -> bool {
    let lost = result
        .as_ref()
        .is_err_and(|problem| problem.reason == Reason::StaleWriter);
    let _ = reply.send(result);
    lost
}
