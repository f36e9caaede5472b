//! Who judges a run: knows every commit and what it means, watches what agents read, send and publish, and names the
//! invariant of HAZARDS.md section 1 that does not hold. Shares no code with the agent's own checks.
//!
//! ```text
//!   script ── commits, hands, faults ──▶ Oracle ──▶ Journal (violations, reached)
//!   FakeSource ── what refs resolved to ──▶ views: what an agent may believe is in force
//!   FakeCluster ─ effects, changes, parent ─▶ writes: P1 P2 P3 P4 P6 P7 P9 P10
//!   FakeStatus ── what is published ───────▶ reports: S1 S2 S5
//! ```
//!
//! P5, P8, P11, S4 and R1 are looked at by the fakes themselves, after every write; P12, P13, S3 and L1 to L5 by the run.

mod reports;
mod views;
mod writes;

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::Arc;
use std::time::Duration;

use muster_model::agent_state::AgentState;
use muster_model::marks::AppliedMark;
use muster_model::{CommitId, ObjectId};
use serde_json::Value;

use super::content::{Approval, Content, Extra, Membership, Policy};
use crate::fakes::Journal;

/// How long an act task may go on with what was true when it was planned.
const LAG: Duration = Duration::from_secs(120);
/// The same while a slow webhook holds every request up, and for an agent that was stopped.
const LONG_LAG: Duration = Duration::from_secs(3600);

/// What is in force of one Application.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct InForce {
    pub(crate) objects: BTreeMap<ObjectId, Value>,
    pub(crate) policy: Policy,
    /// Tells one content from another.
    pub(crate) hash: u64,
    /// How many objects the content before had.
    pub(crate) before: usize,
}

/// What an agent may believe, from a look at Git on.
#[derive(Debug, Clone)]
pub(crate) struct View {
    pub(crate) since: Duration,
    /// It may have been taken up, or may be at the next look only: what was before may be followed until then.
    pub(crate) maybe: bool,
    /// Git was read, its history is trusted, and the fleet file is valid.
    pub(crate) sure: bool,
    pub(crate) membership: Membership,
    pub(crate) applications: BTreeMap<&'static str, Arc<InForce>>,
    /// Some Application's content is not known at all.
    pub(crate) unknown: bool,
    pub(crate) approvals: Arc<Vec<Approval>>,
}

/// What one life of the agent goes by: it begins with what the one before stored, not with what that one had read.
#[derive(Debug, Clone, Default)]
struct Memory {
    accepted: Option<CommitId>,
    serial: u64,
    /// The newest content of each Application that could be enforced.
    held: BTreeMap<&'static str, Arc<InForce>>,
    /// When Git was last seen to name an Application no more.
    left: BTreeMap<&'static str, Duration>,
    /// What was read last: the hub, the other repository.
    read: (Option<CommitId>, Option<CommitId>),
    /// The commits whose trees it has seen.
    has: BTreeSet<CommitId>,
}

/// Deletions of one Application under one content.
#[derive(Debug, Default)]
struct Ledger {
    uids: BTreeSet<(ObjectId, String)>,
    total: usize,
}

/// The judge.
pub(crate) struct Oracle {
    journal: Journal,
    applyset: String,
    hub: BTreeMap<CommitId, (Content, Vec<CommitId>)>,
    extra: BTreeMap<CommitId, Extra>,
    /// The newest commit that any life accepted.
    accepted: Option<CommitId>,
    /// What was accepted before that was forgotten.
    restorable: Option<CommitId>,
    shallow: bool,
    /// The local store was damaged or lost: what was accepted may be out of reach.
    damaged: bool,
    /// The hub commit that the newest status names.
    said: Option<CommitId>,
    /// What the newest life took over.
    taken_over: AgentState,
    lives: BTreeMap<u32, Memory>,
    /// The newest content that any life saw of each Application.
    newest: BTreeMap<&'static str, u64>,
    views: BTreeMap<u32, Vec<View>>,
    /// The oldest view that each life's next apply may follow, by Application.
    floors: BTreeMap<(u32, String), usize>,
    /// What a digest in a mark stands for.
    digests: BTreeMap<(ObjectId, String), u64>,
    /// Which life applied or deleted an object last, and when.
    acted_by: BTreeMap<ObjectId, (u32, Duration)>,
    /// When two lives last acted on an object one soon after the other: neither knows what the other is at (P11).
    rivalled: BTreeMap<ObjectId, Duration>,
    /// Contents that objects had at some moment.
    achieved: BTreeSet<(ObjectId, u64)>,
    /// When somebody other than an agent last touched an object.
    hands: BTreeMap<ObjectId, Duration>,
    /// Until when agents may see something else than there is.
    unclear_until: Duration,
    /// Until when acts may take long.
    slow_until: Duration,
    frozen: BTreeSet<u32>,
    ledgers: BTreeMap<(String, u64), Ledger>,
    /// Since when the cluster cannot be read.
    blind_since: Option<Duration>,
    /// The hub commits that the parent recorded as accepted.
    recorded: Option<CommitId>,
}

impl Oracle {
    pub(crate) fn new(journal: Journal, applyset: String) -> Self {
        Self {
            journal,
            applyset,
            hub: BTreeMap::new(),
            extra: BTreeMap::new(),
            accepted: None,
            restorable: None,
            shallow: false,
            damaged: false,
            said: None,
            taken_over: AgentState::default(),
            lives: BTreeMap::new(),
            newest: BTreeMap::new(),
            views: BTreeMap::new(),
            floors: BTreeMap::new(),
            digests: BTreeMap::new(),
            acted_by: BTreeMap::new(),
            rivalled: BTreeMap::new(),
            achieved: BTreeSet::new(),
            hands: BTreeMap::new(),
            unclear_until: Duration::ZERO,
            slow_until: Duration::ZERO,
            frozen: BTreeSet::new(),
            ledgers: BTreeMap::new(),
            blind_since: None,
            recorded: None,
        }
    }

    /// A commit of the hub repository.
    pub(crate) fn committed(&mut self, id: CommitId, content: Content, parents: Vec<CommitId>) {
        self.hub.insert(id, (content, parents));
    }

    /// A commit of the other repository.
    pub(crate) fn committed_extra(&mut self, id: CommitId, extra: Extra) {
        self.extra.insert(id, extra);
    }

    /// Somebody other than an agent touches an object.
    pub(crate) fn touched(&mut self, id: &ObjectId) {
        self.hands.insert(id.clone(), self.journal.now());
    }

    /// Agents may see something else than there is, for so long.
    pub(crate) fn unclear(&mut self, length: Duration) {
        self.unclear_until = self.unclear_until.max(self.journal.now() + length);
    }

    /// Acts may take long, for so long.
    pub(crate) fn slow(&mut self, length: Duration) {
        self.slow_until = self.slow_until.max(self.journal.now() + length + LAG);
    }

    /// A life was stopped for a while: what it does next was planned before.
    pub(crate) fn froze(&mut self, life: u32) {
        self.frozen.insert(life);
    }

    /// The cluster cannot be read from now on, or can.
    pub(crate) fn blind(&mut self, blind: bool) {
        self.blind_since = blind.then(|| self.blind_since.unwrap_or(self.journal.now()));
    }

    /// What agents remembered of deletions is gone: objects came back, or the state was lost.
    pub(crate) fn forget_ledgers(&mut self) {
        self.ledgers.clear();
        // Whoever takes over next goes by what is there now; who has taken over, by what was.
        self.taken_over.epoch = 0;
        // What the parent records begins anew; what is accepted from here on must still follow what was.
        self.recorded = None;
    }

    /// Whether history can be seen. An agent that is just looking at what it read may see it or not.
    pub(crate) fn shallow(&mut self, shallow: bool) {
        self.shallow = shallow;
        self.look_again();
    }

    /// Nothing is left that says what was accepted.
    pub(crate) fn forget_history(&mut self) {
        self.restorable = self.accepted.take().or(self.restorable.take());
        self.recorded = None;
        self.said = None;
    }

    /// The state is gone; true when the own status does not say what was accepted either: nothing is left.
    pub(crate) fn state_lost(&mut self) -> bool {
        self.forget_ledgers();
        self.forget_what_nothing_says()
    }

    /// The own status is gone; true when the state is gone too: nothing is left.
    pub(crate) fn wiped(&mut self) -> bool {
        self.said = None;
        self.forget_what_nothing_says()
    }

    fn forget_what_nothing_says(&mut self) -> bool {
        let lost = self.said.is_none() && self.recorded.is_none();
        if lost {
            self.forget_history();
        }
        lost
    }

    /// The local store was damaged or lost.
    pub(crate) fn damaged(&mut self) {
        self.damaged = true;
    }

    /// The newest commit of the hub that the agent which runs trusts; of one that has yet to look, what it will find:
    /// first of all what is stored, which may be the state of a restored backup.
    pub(crate) fn restorable<'a>(
        &'a self,
        life: Option<u32>,
        stored: Option<&'a CommitId>,
    ) -> Option<&'a CommitId> {
        let memory = life.and_then(|life| self.lives.get(&life));
        if let Some(accepted) = memory.and_then(|memory| memory.accepted.as_ref()) {
            return Some(accepted);
        }
        let known = [&self.recorded, &self.said, &self.accepted, &self.restorable];
        stored.or_else(|| known.into_iter().find_map(Option::as_ref))
    }

    fn recently(&self, id: &ObjectId) -> bool {
        let now = self.journal.now();
        self.hands.get(id).is_some_and(|at| now < *at + LAG) || now < self.unclear_until + LAG
    }

    fn is_rivalled(&self, id: &ObjectId) -> bool {
        let now = self.journal.now();
        self.rivalled.get(id).is_some_and(|at| now < *at + LAG)
    }

    /// Whether history leads from one commit back to the other.
    pub(crate) fn reaches(&self, from: &CommitId, wanted: &CommitId) -> bool {
        let mut seen = BTreeSet::new();
        let mut next = vec![from];
        while let Some(id) = next.pop() {
            if id == wanted {
                return true;
            }
            if seen.insert(id)
                && let Some((_, parents)) = self.hub.get(id)
            {
                next.extend(parents);
            }
        }
        false
    }
}

/// The hub commit that a state records as accepted.
pub(crate) fn accepted_by(state: &AgentState) -> Option<&CommitId> {
    state.accepted.get(&format!("{} main", super::content::HUB))
}

/// Tells contents apart.
pub(crate) fn hash(value: &Value) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.to_string().hash(&mut hasher);
    hasher.finish()
}

/// The mark an object carries.
pub(crate) fn mark_of(object: &Value) -> Option<AppliedMark> {
    AppliedMark::parse(object["metadata"]["annotations"]["muster.dev/applied"].as_str()?)
}

/// True when the live object has every field that is wanted of it.
pub(crate) fn covers(live: &Value, wanted: &Value) -> bool {
    match (live, wanted) {
        (Value::Object(live), Value::Object(wanted)) => wanted
            .iter()
            .all(|(key, value)| live.get(key).is_some_and(|live| covers(live, value))),
        (Value::Array(live), Value::Array(wanted)) => {
            live.len() == wanted.len() && live.iter().zip(wanted).all(|(l, w)| covers(l, w))
        }
        _ => live == wanted,
    }
}
