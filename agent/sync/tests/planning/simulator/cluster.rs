//! Objects as leaves under paths, and who owns each: what structured-merge-diff does, for maps and atomic lists.

use std::collections::{BTreeMap, BTreeSet};

use muster_model::kinds::{Scope, builtin_scope};
use muster_model::observed::{Discovery, NamespaceState, Observed, ParentScope, ServedKind};
use muster_model::{GroupKind, Map, Node, ObjectId, Reason, marks};
use muster_sync::{Ownership, reduce};

use super::APPLYSET;

type Path = Vec<String>;

/// Who owns which leaves: manager, operation, subresource.
type Owners = BTreeMap<(String, &'static str, &'static str), BTreeSet<Path>>;

#[derive(Debug, Clone, Default)]
struct Live {
    api_version: String,
    uid: String,
    version: u64,
    generation: i64,
    leaves: BTreeMap<Path, Node>,
    owners: Owners,
    status: Option<Node>,
}

pub(crate) struct Cluster {
    objects: BTreeMap<ObjectId, Live>,
    probed: BTreeSet<ObjectId>,
    clock: u64,
    kinds: BTreeSet<GroupKind>,
    pub(crate) failed_groups: BTreeSet<String>,
    /// Values a webhook puts in place of others, by path.
    pub(crate) webhook: BTreeMap<Path, Node>,
}

pub(crate) fn path(text: &str) -> Path {
    text.split('/').map(ToOwned::to_owned).collect()
}

impl Cluster {
    pub(crate) fn new() -> Self {
        let kinds = [
            ("", "Namespace"),
            ("", "ConfigMap"),
            ("", "Secret"),
            ("", "Service"),
            ("", "PersistentVolumeClaim"),
            ("apps", "Deployment"),
            ("apps", "StatefulSet"),
            ("batch", "Job"),
            ("autoscaling", "HorizontalPodAutoscaler"),
            ("apiextensions.k8s.io", "CustomResourceDefinition"),
        ];
        let mut cluster = Self {
            objects: BTreeMap::new(),
            probed: BTreeSet::new(),
            clock: 0,
            kinds: kinds
                .map(|(group, kind)| GroupKind::new(group, kind))
                .into(),
            failed_groups: BTreeSet::new(),
            webhook: BTreeMap::new(),
        };
        let namespace = ObjectId::new("", "Namespace", "", "shop");
        let live = cluster.born("v1");
        cluster.objects.insert(namespace, live);
        cluster
    }

    pub(crate) fn serve(&mut self, kind: GroupKind) {
        self.kinds.insert(kind);
    }

    pub(crate) fn contains(&self, id: &ObjectId) -> bool {
        self.objects.contains_key(id)
    }

    pub(crate) fn uid(&self, id: &ObjectId) -> &str {
        &self.objects[id].uid
    }

    pub(crate) fn value(&self, id: &ObjectId, at: &str) -> Option<&Node> {
        self.objects.get(id)?.leaves.get(&path(at))
    }

    pub(crate) fn forget_probes(&mut self) {
        self.probed.clear();
    }

    pub(crate) fn probe(&mut self, id: &ObjectId) -> bool {
        let found = self.contains(id);
        if found {
            self.probed.insert(id.clone());
        }
        found
    }

    pub(crate) fn observe(&self) -> Observed {
        let labelled = |live: &Live| {
            let label = live.leaves.get(&label_path(marks::APPLYSET_PART_OF));
            label.and_then(Node::as_str) == Some(APPLYSET)
        };
        let served = self.kinds.iter().map(|kind| {
            let served = ServedKind {
                plural: format!("{}s", kind.kind.to_lowercase()),
                scope: builtin_scope(kind).unwrap_or(Scope::Namespaced),
                versions: vec!["v1".to_owned(), "v2".to_owned()],
                verbs: BTreeSet::new(),
            };
            (kind.clone(), served)
        });
        Observed {
            objects: self
                .objects
                .iter()
                .filter(|(id, live)| labelled(live) || self.probed.contains(*id))
                .map(|(id, _)| (id.clone(), reduce(&self.node(id))))
                .collect(),
            absent: BTreeSet::new(),
            synced_kinds: self.kinds.clone(),
            broken: BTreeMap::new(),
            namespaces: Some(
                self.objects
                    .keys()
                    .filter(|id| id.kind() == "Namespace")
                    .map(|id| (id.name().to_owned(), NamespaceState::default()))
                    .collect(),
            ),
            discovery: Some(Discovery {
                kinds: served.collect(),
                failed_groups: self.failed_groups.clone(),
            }),
            parent: ParentScope::default(),
        }
    }

    /// Server-side apply.
    pub(crate) fn apply_as(
        &mut self,
        manager: &str,
        id: &ObjectId,
        body: &Node,
        force: bool,
    ) -> Result<(), Reason> {
        assert!(
            id.namespace().is_empty()
                || self.contains(&ObjectId::new("", "Namespace", "", id.namespace())),
            "{id} has no namespace"
        );
        let mut live = match self.objects.get(id) {
            Some(live) => live.clone(),
            None => self.born(body.str_at(&["apiVersion"]).expect("a version")),
        };
        if live.owners.is_empty() && !live.leaves.is_empty() {
            let all = live.leaves.keys().cloned().collect();
            live.owners
                .insert(("before-first-apply".to_owned(), "Update", ""), all);
        }
        let sent = leaves(body);
        let spec_before = spec(&live);
        let own = (manager.to_owned(), "Apply", "");
        for (at, value) in &sent {
            let differs = live.leaves.get(at) != Some(value);
            for (_, owned) in live.owners.iter_mut().filter(|(who, _)| **who != own) {
                if differs && owned.contains(at) {
                    if !force {
                        return Err(Reason::FieldConflict);
                    }
                    owned.remove(at);
                }
            }
            live.leaves.insert(at.clone(), value.clone());
        }
        let had = live.owners.remove(&own).unwrap_or_default();
        for at in had.iter().filter(|at| !sent.contains_key(*at)) {
            if !live.owners.values().any(|owned| owned.contains(at)) {
                live.leaves.remove(at);
            }
        }
        live.owners.insert(own, sent.into_keys().collect());
        if id.kind() == "Job" && self.contains(id) && spec(&live) != spec_before {
            return Err(Reason::ImmutableField);
        }
        self.admit(manager, &mut live);
        self.store(id, live);
        Ok(())
    }

    /// What a mutating webhook writes belongs to the request's manager, as an update.
    fn admit(&self, manager: &str, live: &mut Live) {
        for (at, value) in &self.webhook {
            if live.leaves.get(at).is_some_and(|found| found != value) {
                live.leaves.insert(at.clone(), value.clone());
                for owned in live.owners.values_mut() {
                    owned.remove(at);
                }
                live.owners
                    .entry((manager.to_owned(), "Update", ""))
                    .or_default()
                    .insert(at.clone());
            }
        }
    }

    /// An update by somebody else; `None` takes the field away.
    pub(crate) fn update(
        &mut self,
        id: &ObjectId,
        manager: &str,
        subresource: &'static str,
        at: &str,
        value: Option<Node>,
    ) {
        let mut live = self.objects[id].clone();
        let at = path(at);
        if live.leaves.get(&at) != value.as_ref() {
            for owned in live.owners.values_mut() {
                owned.remove(&at);
            }
        }
        match value {
            Some(value) => {
                live.leaves.insert(at.clone(), value);
                live.owners
                    .entry((manager.to_owned(), "Update", subresource))
                    .or_default()
                    .insert(at);
            }
            None => {
                live.leaves.remove(&at);
            }
        }
        self.store(id, live);
    }

    /// An object made by somebody else.
    pub(crate) fn create(&mut self, id: &ObjectId, manager: &str, body: &Node) {
        let mut live = self.born(body.str_at(&["apiVersion"]).expect("a version"));
        live.leaves = leaves(body);
        let all = live.leaves.keys().cloned().collect();
        live.owners.insert((manager.to_owned(), "Update", ""), all);
        self.store(id, live);
    }

    /// Somebody takes a label away.
    pub(crate) fn strip_label(&mut self, id: &ObjectId, label: &str) {
        let mut live = self.objects[id].clone();
        let at = label_path(label);
        live.leaves.remove(&at);
        for owned in live.owners.values_mut() {
            owned.remove(&at);
        }
        self.store(id, live);
    }

    pub(crate) fn clear_managed_fields(&mut self, id: &ObjectId) {
        let mut live = self.objects[id].clone();
        live.owners.clear();
        self.store(id, live);
    }

    pub(crate) fn fold(&mut self, own: &str, id: &ObjectId, managers: &[String]) {
        let mut live = self.objects[id].clone();
        let mut folded = BTreeSet::new();
        live.owners.retain(|(manager, _, _), owned| {
            let fold = managers.contains(manager);
            if fold {
                folded.append(owned);
            }
            !fold
        });
        live.owners
            .entry((own.to_owned(), "Apply", ""))
            .or_default()
            .append(&mut folded);
        self.store(id, live);
    }

    pub(crate) fn release(&mut self, id: &ObjectId) {
        let mut live = self.objects[id].clone();
        for at in [
            label_path(marks::APPLYSET_PART_OF),
            label_path(marks::APPLICATION),
            vec![
                "metadata".into(),
                "annotations".into(),
                marks::APPLIED.into(),
            ],
        ] {
            live.leaves.remove(&at);
            for owned in live.owners.values_mut() {
                owned.remove(&at);
            }
        }
        self.store(id, live);
    }

    pub(crate) fn delete(&mut self, id: &ObjectId, uid: &str) -> bool {
        let found = self.objects.get(id).is_some_and(|live| live.uid == uid);
        if found {
            self.objects.remove(id);
        }
        found
    }

    /// Somebody deletes an object.
    pub(crate) fn remove(&mut self, id: &ObjectId) {
        self.objects.remove(id).expect("an object to remove");
    }

    pub(crate) fn set_status(&mut self, id: &ObjectId, status: Node) {
        let mut live = self.objects[id].clone();
        live.status = Some(status);
        self.clock += 1;
        live.version = self.clock;
        self.objects.insert(id.clone(), live);
    }

    /// Every Deployment becomes available.
    pub(crate) fn run_workloads(&mut self) {
        let ids: Vec<_> = self
            .objects
            .keys()
            .filter(|id| id.kind() == "Deployment")
            .cloned()
            .collect();
        for id in ids {
            let live = &self.objects[&id];
            let replicas = live
                .leaves
                .get(&path("spec/replicas"))
                .and_then(Node::as_int)
                .unwrap_or(1);
            let status = Map::from_iter([
                ("observedGeneration", Node::int(live.generation)),
                ("replicas", Node::int(replicas)),
                ("updatedReplicas", Node::int(replicas)),
                ("availableReplicas", Node::int(replicas)),
            ]);
            self.set_status(&id, Node::map(status));
        }
    }

    /// The object as the API server shows it.
    pub(crate) fn node(&self, id: &ObjectId) -> Node {
        let live = &self.objects[id];
        let mut object = tree(&live.leaves, |value| value.clone(), str::to_owned);
        let map = object.as_map_mut().expect("a mapping");
        map.insert("apiVersion", Node::string(&*live.api_version));
        map.insert("kind", Node::string(id.kind()));
        if let Some(status) = &live.status {
            map.insert("status", status.clone());
        }
        let metadata = map.get_or_insert_with("metadata", || Node::map(Map::new()));
        let metadata = metadata.as_map_mut().expect("a mapping");
        metadata.insert("name", Node::string(id.name()));
        metadata.insert("namespace", Node::string(id.namespace()));
        metadata.insert("uid", Node::string(&*live.uid));
        metadata.insert("resourceVersion", Node::string(live.version.to_string()));
        metadata.insert("generation", Node::int(live.generation));
        metadata.insert("managedFields", Node::list(managed_fields(live)));
        object
    }

    pub(crate) fn is_ours(&self, id: &ObjectId, memory: &muster_sync::Memory) -> bool {
        let record = reduce(&self.node(id));
        matches!(
            muster_sync::ownership(id, &record, None, memory),
            Ownership::Ours(_)
        )
    }

    fn born(&mut self, api_version: &str) -> Live {
        self.clock += 1;
        Live {
            api_version: api_version.to_owned(),
            uid: format!("uid-{}", self.clock),
            generation: 1,
            ..Live::default()
        }
    }

    /// Writes an object if it changed; generation grows with the spec.
    fn store(&mut self, id: &ObjectId, mut live: Live) {
        live.owners.retain(|_, owned| !owned.is_empty());
        if let Some(before) = self.objects.get(id) {
            if before.leaves == live.leaves && before.owners == live.owners {
                return;
            }
            if spec(before) != spec(&live) {
                live.generation += 1;
            }
        }
        self.clock += 1;
        live.version = self.clock;
        self.objects.insert(id.clone(), live);
    }
}

fn spec(live: &Live) -> BTreeMap<Path, Node> {
    live.leaves
        .iter()
        .filter(|(at, _)| at[0] == "spec")
        .map(|(at, value)| (at.clone(), value.clone()))
        .collect()
}

fn label_path(key: &str) -> Path {
    vec!["metadata".into(), "labels".into(), key.into()]
}

fn managed_fields(live: &Live) -> Vec<Node> {
    live.owners
        .iter()
        .map(|((manager, operation, subresource), owned)| {
            let paths = owned.iter().map(|at| (at.clone(), Node::null())).collect();
            let fields = tree(&paths, |_| Node::map(Map::new()), |key| format!("f:{key}"));
            Node::map(Map::from_iter([
                ("manager", Node::string(&**manager)),
                ("operation", Node::string(*operation)),
                ("subresource", Node::string(*subresource)),
                ("fieldsV1", fields),
            ]))
        })
        .collect()
}

/// The leaves of an object, without what identifies it.
fn leaves(body: &Node) -> BTreeMap<Path, Node> {
    let mut found = BTreeMap::new();
    collect(body, &mut Vec::new(), &mut found);
    for at in ["apiVersion", "kind", "metadata/name", "metadata/namespace"] {
        found.remove(&path(at));
    }
    found
}

fn collect(node: &Node, at: &mut Path, found: &mut BTreeMap<Path, Node>) {
    match node.as_map() {
        Some(map) if !map.is_empty() => {
            for (key, value) in map.iter() {
                at.push(key.to_owned());
                collect(value, at, found);
                at.pop();
            }
        }
        _ => {
            found.insert(at.clone(), node.clone());
        }
    }
}

fn tree(
    leaves: &BTreeMap<Path, Node>,
    leaf: impl Fn(&Node) -> Node,
    name: impl Fn(&str) -> String,
) -> Node {
    let mut root = Node::map(Map::new());
    for (at, value) in leaves {
        let mut node = &mut root;
        for (depth, key) in at.iter().enumerate() {
            let last = depth + 1 == at.len();
            let map = node.as_map_mut().expect("a mapping");
            node = map.get_or_insert_with(&name(key), || {
                if last {
                    leaf(value)
                } else {
                    Node::map(Map::new())
                }
            });
        }
    }
    root
}
