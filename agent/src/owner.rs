//! The owner task: the only owner of state (DESIGN.md section 2.1). Watches, Git and act tasks tell it what happened;
//! it marks Applications dirty, plans the dirty ones, and starts at most one act task for each.

mod absorb;
mod act;
mod backoff;
pub mod clock;
mod gather;
mod goal;
mod ledger;
mod parent;
mod pass;
mod poll;
mod probe;
mod publish;
mod startup;
mod take;
mod watches;

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use muster_engine::{Desired, report::Reported};
use muster_model::agent_state::AgentState;
use muster_model::effect::{Effect, Outcome};
use muster_model::observed::{Discovery, Observed, ParentScope};
use muster_model::{ApplicationKey, Digest, ObjectId, Problem, Reason};
use muster_status::SigningKey;
use muster_sync::{Claims, Memory, Plan};
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use crate::admin::Vitals;
use crate::config::Config;
use crate::ports::{Cluster, Source, StatusStore, WatchEvent};
use act::Hands;
use clock::Clock;
use gather::Trust;
use parent::Remembered;
use poll::Wake;
use publish::Wish;
use watches::Watches;

/// Quiet that ends a burst of events, and the longest a burst may hold a pass back (DESIGN.md section 2.1).
const DEBOUNCE: (Duration, Duration) = (Duration::from_millis(50), Duration::from_millis(500));
/// Events that may wait for the owner; senders wait beyond that.
const QUEUE: usize = 1024;
/// The owner turns at least this often, so that liveness can be told from its beat.
const TICK: Duration = Duration::from_secs(20);
/// Pause before a kind that was missing, or a group that could not be discovered, is looked for again.
const REDISCOVER: Duration = Duration::from_secs(15);

/// What the owner is told.
enum Event {
    /// Something was seen in the cluster.
    Watch(WatchEvent),
    /// Git says something new.
    Gathered {
        desired: Box<Desired>,
        trust: Trust,
        approved: BTreeMap<ApplicationKey, BTreeSet<Digest>>,
    },
    /// Git was asked and had nothing new.
    Unchanged,
    /// Git cannot be followed at the moment; what is in force, if it is known.
    Away {
        problem: Problem,
        in_force: Option<Box<Desired>>,
    },
    /// One effect of an act task has ended.
    Effect {
        application: ApplicationKey,
        effect: Effect,
        outcome: Box<Outcome>,
    },
    /// Objects were looked for on behalf of Applications.
    Probed {
        asked: BTreeMap<ApplicationKey, BTreeSet<ObjectId>>,
        answers: Vec<(Effect, Outcome)>,
    },
    /// An act task has ended.
    Acted {
        application: ApplicationKey,
        problem: Option<Problem>,
    },
    /// What the API server serves.
    Discovered(Result<Discovery, Problem>),
    /// A status went out with this sequence number, or did not.
    Published(Result<u64, Problem>),
    /// Storing the state on the parent fails, or works again.
    Saving(Option<Problem>),
}

/// The keys of one cluster, kept in a Secret of its own.
#[derive(Debug, Clone)]
pub struct Keys {
    /// Signs statuses and their commits.
    pub signing: SigningKey,
    /// Keys the digests of Secrets.
    pub digest: Vec<u8>,
}

/// One agent, ready to run.
pub struct Agent<S, C, T> {
    /// What it is told once.
    pub config: Config,
    /// Git.
    pub source: Arc<S>,
    /// The cluster.
    pub cluster: Arc<C>,
    /// Where statuses go.
    pub status: Arc<T>,
    /// The cluster's keys.
    pub keys: Keys,
    /// The objects that are the agent itself.
    pub own: muster_sync::OwnObjects,
    /// What the admin endpoint shows.
    pub vitals: Arc<Vitals>,
    /// The time.
    pub clock: Clock,
}

impl<S: Source, C: Cluster, T: StatusStore> Agent<S, C, T> {
    /// Keeps the cluster until `shutdown` completes, or another agent takes over.
    ///
    /// # Errors
    /// [`Reason::StaleWriter`] when another agent took over.
    pub async fn run(self, shutdown: impl Future<Output = ()> + Send) -> Result<(), Problem> {
        let mut shutdown = std::pin::pin!(shutdown);
        let mut owner = tokio::select! {
            biased;
            owner = self.start() => owner?,
            () = &mut shutdown => return Ok(()),
        };
        owner.turn_until(shutdown).await
    }
}

/// An act task under way.
struct Acting {
    since: Instant,
    /// What it declares on the parent before its first effect: declared for sure only once it has ended without a problem.
    declares: ParentScope,
}

/// Everything the owner task owns.
struct Owner<C> {
    config: Config,
    clock: Clock,
    vitals: Arc<Vitals>,
    public_key: String,
    hands: Hands<C>,
    events: mpsc::Receiver<Event>,
    /// Tasks that end with the owner.
    tasks: tokio::task::JoinSet<()>,
    watches: Watches<C>,
    poll: watch::Sender<Wake>,
    renders: Arc<muster_engine::Renders>,
    states: watch::Sender<Remembered>,
    wishes: watch::Sender<Wish>,
    state: AgentState,
    /// See [`Remembered::essential`].
    essential: u64,
    desired: Option<Desired>,
    /// Why Git cannot be followed at the moment.
    away: Option<Problem>,
    /// Why the status cannot be published at the moment.
    unpublished: Option<Problem>,
    /// Why the state cannot be stored at the moment.
    unsaved: Option<Problem>,
    approved: BTreeMap<ApplicationKey, BTreeSet<Digest>>,
    observed: Observed,
    memory: Memory,
    claims: Claims,
    plans: BTreeMap<ApplicationKey, Plan>,
    acting: BTreeMap<ApplicationKey, Acting>,
    /// Applications whose objects are being looked for.
    probing: BTreeSet<ApplicationKey>,
    /// How often in a row each object was found changed since it was seen.
    conflicts: BTreeMap<ObjectId, u32>,
    /// Deletions that may have been done though nobody said so: whose they are, and the uid that was to go.
    unanswered: BTreeMap<ObjectId, (ApplicationKey, String)>,
    /// Probes in a row that failed.
    failed_probes: u32,
    act_problems: BTreeMap<ApplicationKey, Problem>,
    dirty: BTreeSet<ApplicationKey>,
    wakes: BTreeMap<ApplicationKey, Timestamp>,
    quiet_at: Option<(Instant, Instant)>,
    rediscover_at: Option<Instant>,
    /// Something went since the parent's declaration was last looked at.
    shrunk: bool,
    reported: Reported,
    reported_at: Option<Instant>,
    report_at: Option<Instant>,
}

impl<C: Cluster> Owner<C> {
    async fn turn_until(
        &mut self,
        mut shutdown: std::pin::Pin<&mut (impl Future<Output = ()> + Send)>,
    ) -> Result<(), Problem> {
        loop {
            let pause = self.pause();
            tokio::select! {
                biased;
                () = &mut shutdown => return Ok(()),
                event = self.events.recv() => {
                    if let Some(event) = event {
                        self.absorb(event)?;
                    }
                }
                () = tokio::time::sleep_until(pause) => {}
            }
            while let Ok(event) = self.events.try_recv() {
                self.absorb(event)?;
            }
            self.vitals.beat();
            self.wake_up();
            if self
                .quiet_at
                .is_some_and(|(quiet, latest)| Instant::now() >= quiet.min(latest))
            {
                self.quiet_at = None;
                self.pass();
            }
            if self.report_at.is_some_and(|at| Instant::now() >= at) {
                self.report();
            }
        }
    }

    /// Notes that an Application must be looked at again.
    fn mark(&mut self, application: ApplicationKey) {
        self.dirty.insert(application);
        self.stir();
    }

    /// Notes that every Application must be looked at again.
    fn mark_all(&mut self) {
        let desired = self.desired.iter().flat_map(|d| d.applications.keys());
        let keys: Vec<_> = desired
            .chain(self.plans.keys())
            .cloned()
            .chain(self.state.enforced_keys())
            .collect();
        self.dirty.extend(keys);
        self.stir();
    }

    /// Starts, or prolongs, the quiet before the next pass.
    fn stir(&mut self) {
        let now = Instant::now();
        let latest = self.quiet_at.map_or(now + DEBOUNCE.1, |(_, latest)| latest);
        self.quiet_at = Some((now + DEBOUNCE.0, latest));
    }

    /// When the owner must turn though nothing happens.
    fn pause(&self) -> Instant {
        let now = Instant::now();
        let wake = self
            .wakes
            .values()
            .min()
            .map(|moment| now + self.clock.until(*moment));
        let quiet = self.quiet_at.map(|(quiet, latest)| quiet.min(latest));
        [
            wake,
            quiet,
            self.rediscover_at,
            self.report_at,
            Some(now + TICK),
        ]
        .into_iter()
        .flatten()
        .min()
        .unwrap_or(now + TICK)
    }

    fn wake_up(&mut self) {
        let now = self.clock.now();
        let due: Vec<_> = self
            .wakes
            .iter()
            .filter(|(_, moment)| **moment <= now)
            .map(|(key, _)| key.clone())
            .collect();
        for key in due {
            self.wakes.remove(&key);
            self.mark(key);
        }
        if self.rediscover_at.is_some_and(|at| Instant::now() >= at) {
            self.rediscover_at = None;
            self.discover();
        }
    }

    /// Asks the API server what it serves; the answer comes as an event.
    fn discover(&mut self) {
        let (cluster, events) = (Arc::clone(&self.hands.cluster), self.hands.events.clone());
        self.tasks.spawn(async move {
            let found = cluster.discover().await;
            let _ = events.send(Event::Discovered(found)).await;
        });
    }

    fn lost(problem: Problem) -> Result<(), Problem> {
        if problem.reason == Reason::StaleWriter {
            Err(problem)
        } else {
            Ok(())
        }
    }
}
