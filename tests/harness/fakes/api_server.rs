//! An API server's store and its rules: who may write what onto which object, and what becomes of a delete.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use muster_model::effect::Propagation;
use muster_model::kinds::Scope;
use muster_model::observed::{Discovery, NamespaceState, ServedKind};
use muster_model::{GroupKind, Map, Node, ObjectId, json};

use super::admission;
use super::managed::{self, Conflicts, Owner, metadata_mut};
use super::schema::Schema;
use super::served::{BUILTIN, is_builtin, served_by_crd};
use super::structural;

/// Why a request was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ApiError {
    /// 404: no such object.
    NotFound,
    /// 404: the kind is not served.
    KindMissing,
    /// 404: no such namespace.
    NamespaceMissing,
    /// 403: the namespace is being deleted.
    NamespaceTerminating,
    /// 409: a precondition does not hold.
    Conflict,
    /// 409: others own fields that would change.
    FieldConflict(Conflicts),
    /// 422: this field may not change.
    Immutable(&'static str),
    /// 422: the object is not valid.
    Invalid,
    /// 500: an applied field is not declared by the kind's definition.
    Undeclared,
    /// 400: the request itself is wrong.
    BadRequest(&'static str),
}

/// What became of a delete.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deleted {
    /// The object is gone.
    Gone,
    /// Finalizers keep it.
    Deleting,
}

/// One change of the store.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// The object.
    pub id: ObjectId,
    /// Before it.
    pub before: Option<Node>,
    /// After it.
    pub after: Option<Node>,
}

type Mutator = Arc<dyn Fn(&ObjectId, &mut serde_json::Value) + Send + Sync>;

/// The store.
#[derive(Default, Clone)]
pub struct ApiServer {
    objects: BTreeMap<ObjectId, Node>,
    kinds: BTreeMap<GroupKind, ServedKind>,
    definitions: BTreeMap<GroupKind, Arc<serde_json::Value>>,
    /// Groups whose aggregated API server is down.
    pub failed_groups: BTreeSet<String>,
    revision: u64,
    uids: u64,
    changes: Vec<Change>,
    mutator: Option<Mutator>,
}

/// Objects and revision of a moment, as etcd is backed up.
#[derive(Clone)]
pub struct Backup {
    objects: BTreeMap<ObjectId, Node>,
    revision: u64,
}

impl Backup {
    /// The object as it was.
    #[must_use]
    pub fn get(&self, id: &ObjectId) -> Option<&Node> {
        self.objects.get(id)
    }

    /// Every object as it was.
    pub fn objects(&self) -> impl Iterator<Item = (&ObjectId, &Node)> {
        self.objects.iter()
    }
}

impl ApiServer {
    /// A server with the built-in kinds and the namespaces a cluster starts with.
    #[must_use]
    pub fn new() -> Self {
        let mut server = Self {
            kinds: BUILTIN.iter().map(|kind| kind.served()).collect(),
            ..Self::default()
        };
        for name in ["default", "kube-system"] {
            server.create_namespace(name);
        }
        server.changes.clear();
        server
    }

    /// Makes a namespace, as an administrator would.
    pub fn create_namespace(&mut self, name: &str) {
        let id = ObjectId::new("", "Namespace", "", name);
        let object = serde_json::json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}});
        self.create(&id, json::from_value(&object), "kubectl-create");
    }

    /// Puts an object there by a plain create, replacing nothing.
    pub fn create(&mut self, id: &ObjectId, object: Node, manager: &str) {
        if self.objects.contains_key(id) {
            return;
        }
        let kind = id.group_kind();
        let object = self.coerced(&kind, object);
        let mut object = managed::create(&self.schema(&kind), object, Owner::update(manager, ""));
        admission::allocate(&kind, &mut object, self.revision);
        self.store(id, object);
    }

    /// What the kind's definition, or the server's own code, makes of an object: unknown fields go, defaults come.
    fn coerced(&self, kind: &GroupKind, mut object: Node) -> Node {
        if let Some(structural) = self.definitions.get(kind) {
            let mut value = json::to_value(&object);
            structural::coerce(structural, &mut value);
            object = json::from_value(&value);
        }
        admission::default(kind, &mut object);
        object
    }

    /// The schema of a kind.
    #[must_use]
    pub fn schema(&self, kind: &GroupKind) -> Schema {
        Schema::defined(kind, self.definitions.get(kind).cloned())
    }

    /// Takes what a CustomResourceDefinition says of its kind's fields.
    pub fn define(&mut self, kind: GroupKind, structural: serde_json::Value) {
        self.definitions.insert(kind, Arc::new(structural));
    }

    /// The live object.
    #[must_use]
    pub fn get(&self, id: &ObjectId) -> Option<&Node> {
        self.objects.get(id)
    }

    /// Every object.
    pub fn objects(&self) -> impl Iterator<Item = (&ObjectId, &Node)> {
        self.objects.iter()
    }

    /// True when the kind is served.
    #[must_use]
    pub fn serves(&self, kind: &GroupKind) -> bool {
        self.kinds.contains_key(kind) && !self.failed_groups.contains(&kind.group)
    }

    /// Starts serving a kind.
    pub fn serve(&mut self, kind: GroupKind, served: ServedKind) {
        self.kinds.insert(kind, served);
    }

    /// What discovery says.
    #[must_use]
    pub fn discovery(&self) -> Discovery {
        let up = |kind: &GroupKind| !self.failed_groups.contains(&kind.group);
        Discovery {
            kinds: self
                .kinds
                .iter()
                .filter(|(kind, _)| up(kind))
                .map(|(kind, served)| (kind.clone(), served.clone()))
                .collect(),
            failed_groups: self.failed_groups.clone(),
        }
    }

    /// Every namespace, and whether it is being deleted.
    #[must_use]
    pub fn namespaces(&self) -> BTreeMap<String, bool> {
        self.objects
            .iter()
            .filter(|(id, _)| id.group_kind().is("", "Namespace"))
            .map(|(id, object)| (id.name().to_owned(), is_deleting(object)))
            .collect()
    }

    /// The same, as a watch reduces them.
    #[must_use]
    pub fn namespace_states(&self) -> BTreeMap<String, NamespaceState> {
        self.objects
            .iter()
            .filter(|(id, _)| id.group_kind().is("", "Namespace"))
            .filter_map(|(id, object)| {
                let state = muster_sync::reduce(object).namespace?;
                Some((id.name().to_owned(), *state))
            })
            .collect()
    }

    /// What changed since the last call.
    pub fn take_changes(&mut self) -> Vec<Change> {
        std::mem::take(&mut self.changes)
    }

    /// Lets a webhook change every object between the request and the store.
    pub fn mutate_with(
        &mut self,
        mutator: impl Fn(&ObjectId, &mut serde_json::Value) + Send + Sync + 'static,
    ) {
        self.mutator = Some(Arc::new(mutator));
    }

    /// Server-side apply.
    ///
    /// # Errors
    /// As an API server refuses it.
    pub fn apply(
        &mut self,
        id: &ObjectId,
        config: &Node,
        manager: &str,
        force: bool,
    ) -> Result<Node, ApiError> {
        self.admit(id)?;
        if config.at_path(&["metadata", "managedFields"]).is_some() {
            return Err(ApiError::BadRequest("metadata.managedFields must be nil"));
        }
        let mut config = config.clone();
        if let Some(map) = config.as_map_mut()
            && muster_model::kinds::builtin_scope(&id.group_kind()).is_some()
        {
            map.remove("status");
        }
        if let Some(structural) = self.definitions.get(&id.group_kind())
            && structural::has_undeclared(structural, &json::to_value(&config))
        {
            return Err(ApiError::Undeclared);
        }
        let live = self.objects.get(id);
        for (key, code) in [("uid", "uid"), ("resourceVersion", "resourceVersion")] {
            let wanted = config.str_at(&["metadata", key]);
            if wanted.is_some() && wanted != live.and_then(|live| live.str_at(&["metadata", code]))
            {
                return Err(ApiError::Conflict);
            }
        }
        let schema = self.schema(&id.group_kind());
        let mut next = managed::apply(&schema, live, &config, manager, force)
            .map_err(ApiError::FieldConflict)?;
        if let Some(mutator) = &self.mutator {
            let mut value = json::to_value(&next);
            mutator(id, &mut value);
            // What a webhook changes is the requester's by `Update`, and no longer by `Apply`.
            next = managed::update(
                &schema,
                &next,
                json::from_value(&value),
                Owner::update(manager, ""),
            );
        }
        next = self.coerced(&id.group_kind(), next);
        if let Some(live) = live {
            admission::keep_allocated(&id.group_kind(), live, &mut next);
        }
        admission::allocate(&id.group_kind(), &mut next, self.revision);
        if !admission::is_valid(&id.group_kind(), &next) {
            return Err(ApiError::Invalid);
        }
        if let Some(live) = live {
            if let Some(field) = admission::immutable_change(&id.group_kind(), live, &next) {
                return Err(ApiError::Immutable(field));
            }
            if *live == next {
                return Ok(next);
            }
        }
        Ok(self.store(id, next))
    }

    fn admit(&self, id: &ObjectId) -> Result<(), ApiError> {
        let Some(served) = self
            .kinds
            .get(&id.group_kind())
            .filter(|_| self.serves(&id.group_kind()))
        else {
            return Err(ApiError::KindMissing);
        };
        match (served.scope, id.namespace()) {
            (Scope::Cluster, "") => Ok(()),
            (Scope::Cluster, _) => Err(ApiError::BadRequest("the kind is cluster-scoped")),
            (Scope::Namespaced, "") => Err(ApiError::BadRequest("the kind is namespaced")),
            (Scope::Namespaced, namespace) => match self.namespaces().get(namespace) {
                None => Err(ApiError::NamespaceMissing),
                Some(true) if !self.objects.contains_key(id) => Err(ApiError::NamespaceTerminating),
                Some(_) => Ok(()),
            },
        }
    }

    /// A plain update of an object or of one subresource.
    ///
    /// # Errors
    /// When there is no such object.
    pub fn update(
        &mut self,
        id: &ObjectId,
        owner: Owner,
        change: impl FnOnce(&mut serde_json::Value),
    ) -> Result<Node, ApiError> {
        let live = self.objects.get(id).ok_or(ApiError::NotFound)?;
        let mut value = json::to_value(live);
        change(&mut value);
        let kind = id.group_kind();
        let next = self.coerced(&kind, json::from_value(&value));
        let next = managed::update(&self.schema(&kind), live, next, owner);
        Ok(self.put(id, next))
    }

    /// A write that managedFields do not follow: of managedFields themselves.
    ///
    /// # Errors
    /// When there is no such object.
    pub fn rewrite(
        &mut self,
        id: &ObjectId,
        change: impl FnOnce(&mut Node),
    ) -> Result<Node, ApiError> {
        let mut next = self.objects.get(id).ok_or(ApiError::NotFound)?.clone();
        change(&mut next);
        Ok(self.put(id, next))
    }

    /// Stores a changed object; one that waited for its last finalizer goes.
    fn put(&mut self, id: &ObjectId, next: Node) -> Node {
        if self.objects.get(id) == Some(&next) {
            return next;
        }
        if is_deleting(&next)
            && finalizers(&next).is_empty()
            && !id.group_kind().is("", "Namespace")
        {
            self.forget(id);
            return next;
        }
        self.store(id, next)
    }

    /// Deletes an object under preconditions; `None` means none.
    ///
    /// # Errors
    /// When it is not there, or is not the one that was seen.
    pub fn delete(
        &mut self,
        id: &ObjectId,
        uid: Option<&str>,
        resource_version: Option<&str>,
        propagation: Propagation,
    ) -> Result<Deleted, ApiError> {
        let live = self.objects.get(id).ok_or(ApiError::NotFound)?;
        for (key, wanted) in [("uid", uid), ("resourceVersion", resource_version)] {
            if wanted.is_some() && wanted != live.str_at(&["metadata", key]) {
                return Err(ApiError::Conflict);
            }
        }
        let mut next = live.clone();
        let waits = self.waits_for(id, &next, propagation);
        if !waits {
            self.forget(id);
            return Ok(Deleted::Gone);
        }
        if !is_deleting(&next) {
            mark_deleting(&mut next, propagation);
            self.store(id, next);
        }
        Ok(Deleted::Deleting)
    }

    fn waits_for(&mut self, id: &ObjectId, object: &Node, propagation: Propagation) -> bool {
        let uid = object
            .str_at(&["metadata", "uid"])
            .unwrap_or_default()
            .to_owned();
        let dependents = self.dependents(&uid);
        if propagation == Propagation::Orphan {
            for dependent in &dependents {
                self.orphan(dependent, &uid);
            }
        }
        let foreground = propagation == Propagation::Foreground && !dependents.is_empty();
        foreground || !finalizers(object).is_empty() || id.group_kind().is("", "Namespace")
    }

    /// Objects that name `uid` as an owner.
    #[must_use]
    pub fn dependents(&self, uid: &str) -> Vec<ObjectId> {
        self.objects
            .iter()
            .filter(|(_, object)| owner_uids(object).contains(&uid))
            .map(|(id, _)| id.clone())
            .collect()
    }

    fn orphan(&mut self, id: &ObjectId, uid: &str) {
        let Some(mut next) = self.objects.get(id).cloned() else {
            return;
        };
        let owners = metadata_mut(&mut next)
            .and_then(|metadata| metadata.get_mut("ownerReferences"))
            .and_then(Node::as_list_mut);
        if let Some(owners) = owners {
            owners.retain(|owner| owner.str_at(&["uid"]) != Some(uid));
        }
        self.store(id, next);
    }

    /// Takes an object out of the store, and what cannot live without it.
    pub fn forget(&mut self, id: &ObjectId) {
        let Some(before) = self.objects.remove(id) else {
            return;
        };
        self.revision += 1;
        if id
            .group_kind()
            .is("apiextensions.k8s.io", "CustomResourceDefinition")
            && let (Some(group), Some(kind)) = (
                before.str_at(&["spec", "group"]),
                before.str_at(&["spec", "names", "kind"]),
            )
        {
            let gone = GroupKind::new(group, kind);
            self.kinds.remove(&gone);
            let instances: Vec<_> = self
                .objects
                .keys()
                .filter(|id| id.group_kind() == gone)
                .cloned()
                .collect();
            for instance in instances {
                self.forget(&instance);
            }
        }
        self.changes.push(Change {
            id: id.clone(),
            before: Some(before),
            after: None,
        });
    }

    fn store(&mut self, id: &ObjectId, mut object: Node) -> Node {
        self.revision += 1;
        let before = self.objects.get(id).cloned();
        let generation = admission::generation(&id.group_kind(), before.as_ref(), &object);
        let uid = before
            .as_ref()
            .and_then(|before| before.str_at(&["metadata", "uid"]));
        let uid = uid.map_or_else(
            || {
                self.uids += 1;
                format!("uid-{}", self.uids)
            },
            ToOwned::to_owned,
        );
        if let Some(metadata) = metadata_mut(&mut object) {
            stamp(metadata, &uid, self.revision, generation);
        }
        self.objects.insert(id.clone(), object.clone());
        self.changes.push(Change {
            id: id.clone(),
            before,
            after: Some(object.clone()),
        });
        object
    }

    /// The revision of the last change.
    #[must_use]
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// A new revision, for a write kept elsewhere.
    pub fn next_revision(&mut self) -> u64 {
        self.revision += 1;
        self.revision
    }

    /// What etcd holds now.
    #[must_use]
    pub fn backup(&self) -> Backup {
        Backup {
            objects: self.objects.clone(),
            revision: self.revision,
        }
    }

    /// Goes back to a backup; resourceVersions go back with it.
    pub fn restore(&mut self, backup: Backup) {
        self.objects = backup.objects;
        self.revision = backup.revision;
        self.changes.clear();
        let defined: BTreeSet<GroupKind> = self
            .objects
            .iter()
            .filter(|(id, _)| {
                id.group_kind()
                    .is("apiextensions.k8s.io", "CustomResourceDefinition")
            })
            .filter_map(|(_, object)| served_by_crd(&json::to_value(object)))
            .map(|(kind, _)| kind)
            .collect();
        self.kinds
            .retain(|kind, _| is_builtin(kind) || defined.contains(kind));
    }
}

fn stamp(metadata: &mut Map, uid: &str, revision: u64, generation: Option<i64>) {
    metadata.insert("uid", Node::string(uid));
    metadata.insert("resourceVersion", Node::string(revision.to_string()));
    if !metadata.contains_key("creationTimestamp") {
        metadata.insert("creationTimestamp", Node::string("2026-01-01T00:00:00Z"));
    }
    if let Some(generation) = generation {
        metadata.insert("generation", Node::int(generation));
    }
}

fn mark_deleting(object: &mut Node, propagation: Propagation) {
    let is_namespace = object.str_at(&["kind"]) == Some("Namespace");
    let Some(metadata) = metadata_mut(object) else {
        return;
    };
    metadata.insert("deletionTimestamp", Node::string("2026-01-01T01:00:00Z"));
    if propagation == Propagation::Foreground && !is_namespace {
        let finalizers = metadata.get_or_insert_with("finalizers", || Node::list(Vec::new()));
        if let Some(finalizers) = finalizers.as_list_mut() {
            finalizers.push(Node::string("foregroundDeletion"));
        }
    }
    if is_namespace && let Some(map) = object.as_map_mut() {
        let phase = [("phase", Node::string("Terminating"))]
            .into_iter()
            .collect();
        map.insert("status", Node::map(phase));
    }
}

/// True once a delete was accepted.
#[must_use]
pub fn is_deleting(object: &Node) -> bool {
    object.at_path(&["metadata", "deletionTimestamp"]).is_some()
}

/// The finalizers of an object.
#[must_use]
pub fn finalizers(object: &Node) -> Vec<&str> {
    let list = object
        .at_path(&["metadata", "finalizers"])
        .and_then(Node::as_list);
    list.unwrap_or_default()
        .iter()
        .filter_map(Node::as_str)
        .collect()
}

/// The uids of an object's owners.
#[must_use]
pub fn owner_uids(object: &Node) -> Vec<&str> {
    let list = object
        .at_path(&["metadata", "ownerReferences"])
        .and_then(Node::as_list);
    list.unwrap_or_default()
        .iter()
        .filter_map(|owner| owner.str_at(&["uid"]))
        .collect()
}
