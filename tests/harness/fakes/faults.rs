//! What goes wrong, and when: failures of chosen effects, and the death of the agent around any of them.

use std::sync::{Arc, Mutex, MutexGuard};

use muster_model::ObjectId;
use tokio::sync::watch;

/// How an effect fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failure {
    /// 403: the agent may not.
    Forbidden,
    /// 409 though nothing changed.
    Conflict,
    /// 422, with a message that quotes what it should not.
    Invalid,
    /// 429 with this many seconds.
    Throttled(u32),
    /// 500 before anything was done.
    Server,
    /// No answer, and nothing was done.
    TimeoutBefore,
    /// No answer, though it was done.
    TimeoutAfter,
}

impl Failure {
    /// Its name, for counters.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Forbidden => "403",
            Self::Conflict => "409",
            Self::Invalid => "422",
            Self::Throttled(_) => "429",
            Self::Server => "500",
            Self::TimeoutBefore => "timeout before",
            Self::TimeoutAfter => "timeout after commit",
        }
    }
}

/// On which side of an effect the agent dies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// It was not done.
    Before,
    /// It was done; nobody heard the answer.
    After,
}

/// What befalls one effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// Nothing.
    Proceed,
    /// It fails.
    Fail(Failure),
    /// The agent dies.
    Crash(Side),
}

/// Which effects a failure meets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// Every effect on this object.
    Object(ObjectId),
    /// Every delete.
    Deletes,
    /// Every k-th effect.
    Every(u64),
    /// Every effect on an object.
    All,
    /// Every write of the parent.
    Parent,
    /// Every status push.
    Push,
}

/// What an effect is, as far as faults care.
#[derive(Debug, Clone, Copy)]
pub enum Kind<'a> {
    /// On an object.
    Object {
        /// Which.
        id: &'a ObjectId,
        /// True for a delete.
        delete: bool,
    },
    /// On the parent.
    Parent,
    /// On the status refs.
    Push,
}

#[derive(Debug, Default)]
struct Plan {
    effects: u64,
    crash: Option<(u64, Side)>,
    failures: Vec<Planned>,
}

#[derive(Debug)]
struct Planned {
    target: Target,
    failure: Failure,
    left: u32,
}

/// The faults of one agent's life, shared by the ports it was given. Clones share.
#[derive(Debug, Clone)]
pub struct Faults {
    life: u32,
    plan: Arc<Mutex<Plan>>,
    dead: watch::Sender<bool>,
}

impl Default for Faults {
    fn default() -> Self {
        Self {
            life: 0,
            plan: Arc::default(),
            dead: watch::Sender::new(false),
        }
    }
}

impl Faults {
    /// A life in which nothing goes wrong.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// A life with a number of its own, in which nothing goes wrong yet.
    #[must_use]
    pub fn of_life(life: u32) -> Self {
        Self {
            life,
            ..Self::default()
        }
    }

    /// The number of this life.
    #[must_use]
    pub fn life(&self) -> u32 {
        self.life
    }

    /// Ends this life at the `nth` effect from now, counted from 1.
    pub fn crash_in(&self, nth: u64, side: Side) {
        let mut plan = self.plan();
        plan.crash = Some((plan.effects + nth, side));
    }

    /// Takes a planned death back.
    pub fn crash_never(&self) {
        self.plan().crash = None;
    }

    /// A life that ends at the `nth` effect, counted from 1.
    #[must_use]
    pub fn crash_at(nth: u64, side: Side) -> Self {
        let faults = Self::default();
        faults.plan().crash = Some((nth, side));
        faults
    }

    /// Lets the next `times` effects that `target` meets fail.
    pub fn fail(&self, target: Target, failure: Failure, times: u32) {
        self.plan().failures.push(Planned {
            target,
            failure,
            left: times,
        });
    }

    /// Nothing fails from here on.
    pub fn heal(&self) {
        self.plan().failures.clear();
    }

    /// How many effects there were.
    #[must_use]
    pub fn effects(&self) -> u64 {
        self.plan().effects
    }

    /// Ends the life now: every call that is under way, or comes later, is never answered.
    pub fn kill(&self) {
        self.dead.send_replace(true);
    }

    /// True once the life ended.
    #[must_use]
    pub fn is_dead(&self) -> bool {
        *self.dead.borrow()
    }

    /// Resolves when the life ends.
    pub async fn died(&self) {
        let mut dead = self.dead.subscribe();
        let ended = dead.wait_for(|dead| *dead).await;
        debug_assert!(ended.is_ok(), "because self holds the sender");
    }

    /// Waits for ever in a life that ended, not at all in one that did not.
    pub async fn alive(&self) {
        if self.is_dead() {
            std::future::pending::<()>().await;
        }
    }

    /// Counts an effect and says what befalls it.
    #[must_use]
    pub fn meet(&self, kind: Kind<'_>) -> Fate {
        let mut plan = self.plan();
        plan.effects += 1;
        let count = plan.effects;
        if let Some((_, side)) = plan.crash.filter(|(nth, _)| *nth == count) {
            return Fate::Crash(side);
        }
        let met = plan
            .failures
            .iter_mut()
            .find(|planned| planned.left > 0 && planned.target.meets(kind, count));
        match met {
            Some(planned) => {
                planned.left -= 1;
                Fate::Fail(planned.failure)
            }
            None => Fate::Proceed,
        }
    }

    fn plan(&self) -> MutexGuard<'_, Plan> {
        self.plan.lock().expect("because nobody panics with it")
    }
}

impl Target {
    fn meets(&self, kind: Kind<'_>, count: u64) -> bool {
        match (self, kind) {
            (Self::Every(k), _) => count.is_multiple_of(*k),
            (Self::Object(wanted), Kind::Object { id, .. }) => wanted == id,
            (Self::Deletes, Kind::Object { delete, .. }) => delete,
            (Self::All, Kind::Object { .. })
            | (Self::Parent, Kind::Parent)
            | (Self::Push, Kind::Push) => true,
            (Self::Object(_) | Self::Deletes | Self::All | Self::Parent | Self::Push, _) => false,
        }
    }
}
