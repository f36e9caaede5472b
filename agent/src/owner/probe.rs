//! Looking for objects before they are made: once for all Applications of a pass, so that a thousand small ones cost a
//! list for each kind and namespace and not a request for each object.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use muster_model::effect::{Effect, Outcome};
use muster_model::{ApplicationKey, GroupKind, ObjectId, Problem};
use muster_sync::retry;

use super::Owner;
use crate::ports::Cluster;

impl<C: Cluster> Owner<C> {
    /// Starts looking; the Applications are planned again with the answer.
    pub(super) fn probe(&mut self, asked: BTreeMap<ApplicationKey, BTreeSet<ObjectId>>) {
        if asked.is_empty() {
            return;
        }
        self.probing.extend(asked.keys().cloned());
        self.tasks.spawn(self.hands.clone().look(asked));
    }

    /// Takes the answers in. Who asked for a kind that could not be looked for asks again after a pause.
    pub(super) fn probed(
        &mut self,
        asked: &BTreeMap<ApplicationKey, BTreeSet<ObjectId>>,
        answers: Vec<(Effect, Outcome)>,
    ) {
        let mut failed: BTreeMap<GroupKind, (Problem, Option<u32>)> = BTreeMap::new();
        for (effect, outcome) in answers {
            if let Some((kind, why)) = failure(&effect, &outcome) {
                failed.insert(kind, why);
            }
            self.answered(None, &effect, outcome);
        }
        self.failed_probes = match failed.is_empty() {
            true => 0,
            false => self.failed_probes.saturating_add(1),
        };
        for (application, objects) in asked {
            self.probing.remove(application);
            let kinds = objects.iter().map(ObjectId::group_kind);
            match kinds.filter_map(|kind| failed.get(&kind)).next() {
                None => {
                    self.act_problems.remove(application);
                    self.mark(application.clone());
                }
                Some((problem, retry_after)) => {
                    let pause = retry::pause(None, self.failed_probes, *retry_after);
                    let again = self.clock.now().checked_add(pause);
                    let again = again.unwrap_or(Timestamp::MAX);
                    self.wakes.insert(application.clone(), again);
                    let problem = problem.clone();
                    self.act_problems.insert(application.clone(), problem);
                    self.stir();
                }
            }
        }
    }
}

fn failure(effect: &Effect, outcome: &Outcome) -> Option<(GroupKind, (Problem, Option<u32>))> {
    let Effect::Probe { objects } = effect else {
        return None;
    };
    let Outcome::Failed {
        reason,
        code: _,
        message,
        retry_after,
    } = outcome
    else {
        return None;
    };
    let problem = Problem::new(*reason, message.clone());
    Some((objects.first()?.group_kind(), (problem, *retry_after)))
}
