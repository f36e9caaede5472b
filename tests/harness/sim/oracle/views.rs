//! What an agent may believe is in force, from what it read of Git.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::Arc;

use muster_model::{CommitId, Problem};

use super::{InForce, LAG, LONG_LAG, Oracle, View};
use crate::sim::content::{APPLICATIONS, Content, EXTRA, Extra, HUB, Membership};

type Answer = Result<BTreeMap<String, Option<CommitId>>, Problem>;

impl Oracle {
    /// An agent resolved refs.
    pub(crate) fn resolved(&mut self, life: u32, url: &str, answer: &Answer) {
        let tip = answer
            .as_ref()
            .ok()
            .and_then(|refs| refs.get("main").cloned().flatten());
        let read = self.read.entry(life).or_default();
        match url {
            HUB => read.0.clone_from(&tip),
            EXTRA => read.1.clone_from(&tip),
            _ => return,
        }
        let (hub, extra) = read.clone();
        let view = self.look(hub.as_ref(), extra.as_ref());
        let views = self.views.entry(life).or_default();
        if views.last().is_none_or(|last| !same(last, &view)) {
            views.push(view);
        }
    }

    /// What Git says now, in the light of what was accepted before.
    fn look(&mut self, hub: Option<&CommitId>, extra: Option<&CommitId>) -> View {
        let found = hub.and_then(|id| Some((id.clone(), self.hub.get(id)?.0.clone())));
        let Some((id, content)) = found.filter(|(id, content)| self.may_take(id, content)) else {
            return self.view(false, Membership::Active, Arc::default(), false);
        };
        self.serial = self.serial.max(content.serial);
        self.accepted = Some(id);
        let approvals = Arc::new(content.approvals.clone());
        if content.membership == Membership::Unassigned {
            return self.view(true, Membership::Unassigned, approvals, false);
        }
        let extra = extra.and_then(|id| self.extra.get(id).copied());
        let unknown = self.hold(&content, extra);
        self.view(true, content.membership, approvals, unknown)
    }

    /// Trusted history and a valid fleet file.
    fn may_take(&self, id: &CommitId, content: &Content) -> bool {
        let follows = self
            .accepted
            .as_ref()
            .is_none_or(|accepted| accepted == id || !self.shallow && self.reaches(id, accepted));
        !content.fleet_broken && (follows || content.serial > self.serial)
    }

    /// Takes every Application's content that can be enforced; true when one's is not known at all.
    fn hold(&mut self, content: &Content, extra: Option<Extra>) -> bool {
        let mut unknown = false;
        for name in APPLICATIONS {
            let Some(policy) = content.applications.get(name) else {
                self.held.remove(name);
                continue;
            };
            let objects = match (name, extra) {
                ("extra", None) => None,
                (_, extra) => content.objects(name, &extra.unwrap_or_default()),
            };
            let before = self
                .held
                .get(name)
                .map(|held| (held.hash, held.objects.len(), held.before));
            // A source that renders nothing empties nothing (P6).
            let Some(objects) = objects.filter(|objects| !objects.is_empty() || before.is_none())
            else {
                unknown |= before.is_none();
                continue;
            };
            let mut hasher = DefaultHasher::new();
            format!("{objects:?}").hash(&mut hasher);
            let hash = hasher.finish();
            let before = match before {
                Some((old, _, before)) if old == hash => before,
                Some((_, count, _)) => {
                    self.ledgers.remove(&(name.to_owned(), hash));
                    count
                }
                None => 0,
            };
            let now = InForce {
                objects,
                policy: *policy,
                hash,
                before,
            };
            self.held.insert(name, Arc::new(now));
        }
        unknown
    }

    fn view(
        &self,
        sure: bool,
        membership: Membership,
        approvals: Arc<Vec<crate::sim::content::Approval>>,
        unknown: bool,
    ) -> View {
        View {
            since: self.journal.now(),
            sure,
            membership,
            applications: self.held.clone(),
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
        let ended = |index: usize| views.get(index + 1).map(|next| next.since);
        views
            .iter()
            .enumerate()
            .filter(|(index, _)| ended(*index).is_none_or(|end| end >= from))
            .collect()
    }
}

fn same(one: &View, other: &View) -> bool {
    one.sure == other.sure
        && one.membership == other.membership
        && one.unknown == other.unknown
        && one.approvals == other.approvals
        && one.applications == other.applications
}
