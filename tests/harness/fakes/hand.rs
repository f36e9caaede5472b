//! The hands of everybody but the agent: users, other tools, administrators, and what tests read.

use muster::ports::Parent;
use muster_model::{GroupKind, Node, ObjectId};

use super::cluster::{Backup, FakeCluster, Inspector, State};
use super::field_set::FieldSet;
use super::journal::Journal;
use super::managed::{Owner, owners};
use super::random::Random;
use super::requests;
use super::weather::Weather;
use super::write::Write;

impl FakeCluster {
    /// Lets the admission webhook of a namespace take this long from now on.
    pub fn slow_namespace(&self, namespace: &str, length: std::time::Duration) {
        self.state().slow = Some((namespace.to_owned(), length));
    }

    /// A change by somebody else, as `manager`.
    ///
    /// # Panics
    /// When there is no such object.
    pub fn edit(&self, id: &ObjectId, manager: &str, change: impl FnOnce(&mut serde_json::Value)) {
        let mut state = self.state();
        let done = state.api.update(id, Owner::update(manager, ""), change);
        assert!(done.is_ok(), "{id} is not there");
        state.settle();
    }

    /// A change of the status by a controller.
    ///
    /// # Panics
    /// When there is no such object.
    pub fn edit_status(&self, id: &ObjectId, change: impl FnOnce(&mut serde_json::Value)) {
        let mut state = self.state();
        let owner = Owner::update("kube-controller-manager", "status");
        let done = state
            .api
            .update(id, owner, |object| change(&mut object["status"]));
        assert!(done.is_ok(), "{id} is not there");
        state.settle();
    }

    /// A write of the scale subresource, as `kubectl scale` and autoscalers do it. When nobody owned the replicas, nobody
    /// does afterwards: the subresource has no field to start from.
    ///
    /// # Panics
    /// When there is no such object.
    pub fn scale(&self, id: &ObjectId, replicas: u32) {
        let mut state = self.state();
        let owned = state.api.get(id).is_some_and(owns_replicas);
        let scaled = |object: &mut serde_json::Value| object["spec"]["replicas"] = replicas.into();
        let done = if owned {
            state
                .api
                .update(id, Owner::update("kubectl", "scale"), scaled)
        } else {
            state.api.rewrite(id, |object| {
                let mut value = muster_model::json::to_value(object);
                scaled(&mut value);
                *object = muster_model::json::from_value(&value);
            })
        };
        assert!(done.is_ok(), "{id} is not there");
        state.settle();
    }

    /// A delete by somebody else, with no precondition.
    pub fn delete(&self, id: &ObjectId) {
        let mut state = self.state();
        let _gone_already = state.api.delete(
            id,
            None,
            None,
            muster_model::effect::Propagation::Background,
        );
        state.settle();
    }

    /// A create by somebody else.
    pub fn create(&self, object: &serde_json::Value, manager: &str) -> ObjectId {
        let id = id_of(object);
        let mut state = self.state();
        state
            .api
            .create(&id, muster_model::json::from_value(object), manager);
        state.settle();
        id
    }

    /// Server-side apply by another tool.
    ///
    /// # Panics
    /// When the API server refuses it.
    pub fn apply_as(&self, object: &serde_json::Value, manager: &str) -> ObjectId {
        let id = id_of(object);
        let mut state = self.state();
        let body = muster_model::json::from_value(object);
        let done = state.api.apply(&id, &body, manager, true);
        assert!(done.is_ok(), "{done:?}");
        state.settle();
        id
    }

    /// Empties `metadata.managedFields`.
    pub fn clear_managed_fields(&self, id: &ObjectId) {
        let mut state = self.state();
        let done = state.api.rewrite(id, |object| {
            super::managed::set_owners(object, &super::managed::Owners::new());
        });
        assert!(done.is_ok(), "{id} is not there");
        state.settle();
    }

    /// The live object.
    #[must_use]
    pub fn get(&self, id: &ObjectId) -> Option<serde_json::Value> {
        self.state().api.get(id).map(muster_model::json::to_value)
    }

    /// Every object there is.
    #[must_use]
    pub fn every_object(&self) -> Vec<ObjectId> {
        self.state()
            .api
            .objects()
            .map(|(id, _)| id.clone())
            .collect()
    }

    /// Every object that carries our label.
    #[must_use]
    pub fn labelled(&self) -> Vec<ObjectId> {
        let state = self.state();
        let applyset = state.identity.applyset();
        let ours = |object: &Node| requests::part_of(object) == Some(applyset.as_str());
        let found = state.api.objects().filter(|(_, object)| ours(object));
        found.map(|(id, _)| id.clone()).collect()
    }

    /// Every object that is ours by every test of DESIGN.md section 5.
    #[must_use]
    pub fn owned(&self) -> Vec<ObjectId> {
        let state = self.state();
        let ours =
            |(id, object): &(&ObjectId, &Node)| super::invariants::is_ours(&state, id, object);
        state
            .api
            .objects()
            .filter(ours)
            .map(|(id, _)| id.clone())
            .collect()
    }

    /// Everything the agent wrote, in order.
    #[must_use]
    pub fn writes(&self) -> Vec<Write> {
        self.state().writes.clone()
    }

    /// The objects the agent asked to delete, in order.
    #[must_use]
    pub fn deletes(&self) -> Vec<ObjectId> {
        let writes = self.writes();
        writes
            .iter()
            .filter(|write| write.is_delete())
            .filter_map(|write| write.object().cloned())
            .collect()
    }

    /// How often the parent was written.
    #[must_use]
    pub fn parent_writes(&self) -> u64 {
        self.state().parent_writes
    }

    /// The parent as it is stored.
    #[must_use]
    pub fn stored_parent(&self) -> Option<Parent> {
        self.state().parent.clone()
    }

    /// Another writer of the parent: changes it behind the agent's back.
    pub fn edit_parent(&self, change: impl FnOnce(&mut Parent)) {
        let mut state = self.state();
        let mut parent = state.parent.clone().unwrap_or_default();
        change(&mut parent);
        let _stored = requests::store_parent(&mut state, parent);
        state.settle();
    }

    /// What broke an invariant so far.
    #[must_use]
    pub fn violations(&self) -> Vec<String> {
        self.state().violations.clone()
    }

    /// Breaks the watch of a kind, or mends it with a complete list.
    pub fn break_watch(&self, kind: &GroupKind, broken: bool) {
        let mut state = self.state();
        let State { watches, api, .. } = &mut *state;
        watches.break_kind(kind, broken, api);
    }

    /// Takes the API server away, or brings it back.
    pub fn away(&self, away: bool) {
        let mut state = self.state();
        state.away = away;
        let State { watches, api, .. } = &mut *state;
        watches.break_all(away, api);
    }

    /// Lets reads and lists (not watches) answer from what is there now, or from what is there then.
    pub fn stale_reads(&self, stale: bool) {
        let mut state = self.state();
        let was = state.stale.is_some();
        state.stale = stale.then(|| state.backup());
        state.watches.stale = state.stale.as_ref().map(|backup| backup.api.clone());
        if was && !stale {
            let State { watches, api, .. } = &mut *state;
            watches.relist(api);
        }
    }

    /// Loses the next `miss` watch events, and tells the `repeat` after them twice.
    pub fn garble_watches(&self, miss: u32, repeat: u32) {
        self.state().watches.garble(miss, repeat);
    }

    /// Ends every watch with 410: each lists anew.
    pub fn relist(&self) {
        let mut state = self.state();
        let State { watches, api, .. } = &mut *state;
        watches.relist(api);
    }

    /// Changes what befalls every request.
    pub fn change_weather(&self, change: impl FnOnce(&mut Weather)) {
        let mut state = self.state();
        change(&mut state.weather);
        let revoked = state.weather.revoked;
        let State { watches, api, .. } = &mut *state;
        watches.forbid(revoked, api);
    }

    /// Keeps a namespace from finishing to go, or lets it.
    pub fn stick_namespace(&self, name: &str, stuck: bool) {
        let mut state = self.state();
        if stuck {
            state.stuck_namespaces.insert(name.to_owned());
        } else {
            state.stuck_namespaces.remove(name);
        }
        state.reconciled = None;
    }

    /// The journal of this cluster.
    #[must_use]
    pub fn journal(&self) -> Journal {
        self.state().journal.clone()
    }

    /// Writes into this journal from now on.
    pub fn write_into(&self, journal: Journal) {
        let mut state = self.state();
        state.watches.journal = journal.clone();
        state.journal = journal;
    }

    /// Lets every request take a time of its own, drawn from `chance`.
    pub fn vary_latency(&self, chance: Random) {
        self.state().chance = Some(chance);
    }

    /// Lets somebody judge what happens.
    pub fn inspect_with(&self, inspector: Inspector) {
        self.state().inspector = Some(inspector);
    }

    /// R1: how many effects one agent may have under way.
    pub fn limit_in_flight(&self, most: usize) {
        self.state().most_in_flight = Some(most);
    }

    /// Takes an API group's server away, or brings it back.
    pub fn fail_group(&self, group: &str, failed: bool) {
        let mut state = self.state();
        if failed {
            state.api.failed_groups.insert(group.to_owned());
        } else {
            state.api.failed_groups.remove(group);
        }
        let State { watches, api, .. } = &mut *state;
        watches.refresh(api);
    }

    /// What etcd holds now.
    #[must_use]
    pub fn backup(&self) -> Backup {
        self.state().backup()
    }

    /// Goes back to a backup of etcd; every watch lists anew.
    pub fn restore(&self, backup: Backup) {
        let mut state = self.state();
        state.restored += 1;
        state.api.restore(backup.api);
        state.parent = backup.parent;
        state.reconciled = None;
        let State { watches, api, .. } = &mut *state;
        watches.relist(api);
    }

    /// Lets a webhook change objects on their way in.
    pub fn mutate_with(
        &self,
        mutator: impl Fn(&ObjectId, &mut serde_json::Value) + Send + Sync + 'static,
    ) {
        self.state().api.mutate_with(mutator);
    }

    /// Keeps the controllers from making this workload ready, or lets them.
    pub fn stick(&self, id: &ObjectId, stuck: bool) {
        let mut state = self.state();
        state.stuck.retain(|other| other != id);
        if stuck {
            state.stuck.push(id.clone());
        }
    }
}

/// The identity of an object as written.
#[must_use]
pub fn id_of(object: &serde_json::Value) -> ObjectId {
    let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    let gvk = muster_model::Gvk::parse(&text(&object["apiVersion"]), &text(&object["kind"]));
    ObjectId::new(
        gvk.group,
        gvk.kind,
        text(&object["metadata"]["namespace"]),
        text(&object["metadata"]["name"]),
    )
}

fn owns_replicas(object: &Node) -> bool {
    let owned = |set: &FieldSet| set.paths().iter().any(|path| path == ".spec.replicas");
    owners(object).values().any(owned)
}
