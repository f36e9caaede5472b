//! What an agent may believe is in force, from what it read of Git.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::Arc;
use std::time::Duration;

use muster_model::agent_state::Enforced;
use muster_model::{CommitId, ObjectId, Problem};
use serde_json::Value;

use super::{InForce, LAG, LONG_LAG, Memory, Oracle, View};
use crate::sim::content::{APPLICATIONS, Content, EXTRA, Extra, HUB, Membership, PROJECT};

/// The longest that an agent waits for quiet before it plans, and a look's own time.
const QUIET: Duration = Duration::from_secs(1);

type Answer = Result<BTreeMap<String, Option<CommitId>>, Problem>;

impl Oracle {
    /// An agent resolved refs.
    pub(crate) fn resolved(&mut self, life: u32, url: &str, answer: &Answer) {
        let tip = answer
            .as_ref()
            .ok()
            .and_then(|refs| refs.get("main").cloned().flatten());
        if !self.lives.contains_key(&life) {
            self.begins(life);
        }
        let mut memory = self.lives.remove(&life).unwrap_or_default();
        match url {
            HUB => {
                // The hub is asked first: what the other repository was found to be is of an earlier look, and a
                // commit of one look is never taken with the hub's of another.
                if memory.read.0 != tip {
                    memory.read.1 = None;
                }
                memory.read.0.clone_from(&tip);
            }
            EXTRA => memory.read.1.clone_from(&tip),
            _ => {}
        }
        let view = self.look(&mut memory);
        self.lives.insert(life, memory);
        self.push(life, view);
    }

    /// An agent has a commit: what refs were found to be may count from now on.
    pub(crate) fn has(&mut self, life: u32, commit_id: &CommitId) {
        let Some(mut memory) = self.lives.remove(&life) else {
            return;
        };
        if memory.has.insert(commit_id.clone()) {
            let view = self.look(&mut memory);
            self.push(life, view);
        }
        self.lives.insert(life, memory);
    }

    /// What the newest agent has just read may mean something else to it from now on, or may not.
    pub(super) fn look_again(&mut self) {
        let Some((&life, memory)) = self.lives.last_key_value() else {
            return;
        };
        let (mut memory, accepted) = (memory.clone(), self.accepted.clone());
        let view = self.look(&mut memory);
        self.accepted = accepted;
        self.push(
            life,
            View {
                maybe: true,
                ..view
            },
        );
    }

    /// A life begins with what is stored: the release of each Application, and above them what was accepted last, which
    /// it evaluates when the server does not answer.
    fn begins(&mut self, life: u32) {
        let state = self.taken_over.clone();
        let recorded = |url: &str| state.accepted.get(&format!("{url} main")).cloned();
        // The own status still says it when the state is lost.
        let accepted = recorded(HUB).or_else(|| self.said.clone());
        let content = accepted.as_ref().and_then(|id| self.hub.get(id));
        let said = content.map_or(0, |(content, _)| content.serial);
        let mut memory = Memory {
            accepted: accepted.clone(),
            serial: state.serial.max(said),
            ..Memory::default()
        };
        for name in APPLICATIONS {
            if let Some(enforced) = state.enforced.get(&format!("{PROJECT}/{name}"))
                && let Some(content) = self.enforced(name, enforced)
            {
                memory.held.insert(name, Arc::new(content));
            }
        }
        if self.damaged {
            let view = self.view(&memory, false, Membership::Active, Arc::default(), false);
            self.push(life, view);
        }
        // Of a state that was lost nobody knows what was in force: what was accepted may be older.
        let accepted = accepted.filter(|_| !state.enforced.is_empty());
        if let Some((content, _)) = accepted.and_then(|id| self.hub.get(&id).cloned()) {
            let extra = recorded(EXTRA).and_then(|id| self.extra.get(&id).copied());
            if content.membership != Membership::Unassigned {
                self.hold(&mut memory, &content, extra);
            }
            let view = self.view(&memory, false, Membership::Active, Arc::default(), false);
            self.push(life, view);
        }
        self.lives.insert(life, memory);
    }

    /// The content of a release that is recorded.
    fn enforced(&self, name: &'static str, enforced: &Enforced) -> Option<InForce> {
        let release = enforced.newest();
        let (content, _) = self.hub.get(&release.hub.commit_id)?;
        let policy = *content.applications.get(name)?;
        let source = release.sources.first();
        let extra = source.and_then(|source| self.extra.get(&source.commit_id));
        let objects = content.objects(name, &extra.copied().unwrap_or_default())?;
        let before = usize::try_from(enforced.size_before).unwrap_or(usize::MAX);
        Some(InForce {
            hash: hash_of(&objects),
            objects,
            policy,
            before,
        })
    }

    fn push(&mut self, life: u32, view: View) {
        let views = self.views.entry(life).or_default();
        match views.last_mut().filter(|last| same(last, &view)) {
            Some(last) if last.maybe && !view.maybe => *last = view,
            Some(_) => {}
            None => views.push(view),
        }
    }

    /// What Git says now, in the light of what was accepted before.
    fn look(&mut self, memory: &mut Memory) -> View {
        let hub = memory.read.0.clone().filter(|id| memory.has.contains(id));
        let found = hub.and_then(|id| Some((id.clone(), self.hub.get(&id)?.0.clone())));
        let Some((id, content)) = found.filter(|(id, content)| self.may_take(memory, id, content))
        else {
            return self.view(memory, false, Membership::Active, Arc::default(), false);
        };
        memory.serial = memory.serial.max(content.serial);
        memory.accepted = Some(id.clone());
        self.accepted = Some(id);
        let approvals = Arc::new(content.approvals.clone());
        if content.membership == Membership::Unassigned {
            return self.view(memory, true, Membership::Unassigned, approvals, false);
        }
        let extra = memory.read.1.as_ref().filter(|id| memory.has.contains(id));
        let extra = extra.and_then(|id| self.extra.get(id).copied());
        let unknown = self.hold(memory, &content, extra);
        self.view(memory, true, content.membership, approvals, unknown)
    }

    /// Trusted history and a valid fleet file.
    fn may_take(&self, memory: &Memory, id: &CommitId, content: &Content) -> bool {
        let follows = memory
            .accepted
            .as_ref()
            .is_none_or(|accepted| accepted == id || !self.shallow && self.reaches(id, accepted));
        !content.fleet_broken && (follows || content.serial > memory.serial)
    }

    /// Takes every Application's content that can be enforced; true when one's is not known at all.
    fn hold(&mut self, memory: &mut Memory, content: &Content, extra: Option<Extra>) -> bool {
        let mut unknown = false;
        for name in APPLICATIONS {
            let Some(policy) = content.applications.get(name) else {
                if memory.held.remove(name).is_some() {
                    memory.left.insert(name, self.journal.now());
                }
                continue;
            };
            let objects = match (name, extra) {
                ("extra", None) => None,
                (_, extra) => content.objects(name, &extra.unwrap_or_default()),
            };
            let before = memory.held.get(name).cloned();
            // A source that renders nothing empties nothing (P6).
            let Some(objects) = objects.filter(|objects| !objects.is_empty() || before.is_none())
            else {
                // An end that was not planned yet leaves the release recorded.
                let just_left = memory.left.get(name);
                let recorded = just_left.is_some_and(|at| self.journal.now() < *at + QUIET);
                unknown |= before.is_none() && !recorded;
                continue;
            };
            let hash = hash_of(&objects);
            // Deletions are counted under a content, until another one is in force.
            if self.newest.insert(name, hash) != Some(hash) && before.is_some() {
                self.ledgers.remove(&(name.to_owned(), hash));
            }
            let before = match before {
                Some(old) if old.hash == hash => old.before,
                Some(old) => old.objects.len(),
                None => 0,
            };
            let now = InForce {
                objects,
                policy: *policy,
                hash,
                before,
            };
            memory.held.insert(name, Arc::new(now));
        }
        unknown
    }

    fn view(
        &self,
        memory: &Memory,
        sure: bool,
        membership: Membership,
        approvals: Arc<Vec<crate::sim::content::Approval>>,
        unknown: bool,
    ) -> View {
        View {
            since: self.journal.now(),
            maybe: false,
            sure,
            membership,
            applications: memory.held.clone(),
            unknown,
            approvals,
        }
    }

    /// The views that an effect sent now may follow, with their places.
    pub(super) fn candidates(&self, life: u32) -> Vec<(usize, &View)> {
        let now = self.journal.now();
        let long = self.frozen.contains(&life) || now < self.slow_until;
        let from = now.saturating_sub(if long { LONG_LAG } else { LAG });
        let views = self.views.get(&life).map(Vec::as_slice).unwrap_or_default();
        let ended = |index: usize| {
            let mut later = views.iter().skip(index + 1).filter(|view| !view.maybe);
            later.next().map(|next| next.since)
        };
        views
            .iter()
            .enumerate()
            .filter(|(index, _)| ended(*index).is_none_or(|end| end >= from))
            .collect()
    }
}

fn hash_of(objects: &BTreeMap<ObjectId, Value>) -> u64 {
    let mut hasher = DefaultHasher::new();
    format!("{objects:?}").hash(&mut hasher);
    hasher.finish()
}

fn same(one: &View, other: &View) -> bool {
    one.sure == other.sure
        && one.membership == other.membership
        && one.unknown == other.unknown
        && one.approvals == other.approvals
        && one.applications == other.applications
}
