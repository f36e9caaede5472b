//! What the repositories of a run say: small values, and from them both the files of a commit and the objects that the
//! cluster must then have. Nothing of the agent's own rendering is used for the latter.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use muster_model::{MemoryTree, ObjectId, RepoPath};
use serde_json::{Value, json};

use crate::fakes::{SHOP_PROJECT, id_of};

/// The hub repository. It sorts before the other one: agents ask repositories in order.
pub const HUB: &str = "https://git.example.com/a/hub.git";
/// The repository of the Application `extra`.
pub const EXTRA: &str = "https://git.example.com/b/extra.git";
/// The project of every Application.
pub const PROJECT: &str = "shop";
/// Every Application there may be.
pub const APPLICATIONS: [&str; 3] = ["books", "extra", "shop"];
/// Objects that come, go and move between `shop` and `books`.
pub const LOOSE: usize = 8;
/// The value of every Secret begins with this; it may be told nowhere (P12).
pub const CANARY: &str = "canary-7d41";

/// Where a loose object lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// Nowhere.
    Nowhere,
    /// In `shop`.
    Shop,
    /// In `books`.
    Books,
    /// In both: each is refused what the other holds.
    Both,
}

/// What is wrong with the source of an Application.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Broken {
    /// A file is not YAML.
    Yaml,
    /// Two objects have one identity.
    Duplicate,
    /// It renders nothing.
    Empty,
    /// It sets marks that belong to the agent.
    Reserved,
    /// It leaves the namespaces that its project permits.
    Denied,
    /// Its directory is not there.
    Missing,
}

/// The sync policy of an Application.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a switch of Argo CD's"
)]
pub struct Policy {
    /// `automated`.
    pub automated: bool,
    /// `prune`.
    pub prune: bool,
    /// `selfHeal`.
    pub self_heal: bool,
    /// `muster.dev/adopt`.
    pub adopt: bool,
    /// Argo CD's finalizer: objects go with the Application.
    pub cascade: bool,
}

impl Policy {
    const FULL: Self = Self {
        automated: true,
        prune: true,
        self_heal: true,
        adopt: false,
        cascade: true,
    };
}

/// What the fleet file says of the cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Membership {
    /// `state: Active`.
    Active,
    /// `state: Suspended`.
    Suspended,
    /// `state: Leaving`, with or without its objects.
    Leaving {
        /// `onLeave: Prune`.
        prune: bool,
    },
    /// No entry.
    Unassigned,
}

/// One entry of `spec.approvals`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Approval {
    /// The Application.
    pub application: String,
    /// The digest that the status asked for.
    pub digest: String,
    /// The commit before, as the status named it.
    pub before: String,
    /// What it lets go.
    pub objects: BTreeSet<String>,
}

/// What a commit of the hub repository says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Content {
    /// Where each loose object lies.
    pub loose: [Place; LOOSE],
    /// Its value.
    pub values: [u8; LOOSE],
    /// The image of the Deployment.
    pub image: u8,
    /// Its replicas.
    pub replicas: u8,
    /// Its selector, which may not change.
    pub selector: u8,
    /// Whether it may be deleted and made anew.
    pub recreate: bool,
    /// Whether an autoscaler owns the replicas.
    pub autoscaled: bool,
    /// The generation of a generated ConfigMap.
    pub generation: u8,
    /// The Secret's value.
    pub secret: u8,
    /// A CustomResourceDefinition, and this many instances.
    pub widgets: Option<u8>,
    /// A claim of storage: never deleted without an approval.
    pub claim: bool,
    /// A ConfigMap that says `Prune=confirm`, and one that says `Prune=false`.
    pub guarded: bool,
    /// Whether the Deployment and its Service wait for the wave before.
    pub waved: bool,
    /// The Applications there are, and their policies.
    pub applications: BTreeMap<&'static str, Policy>,
    /// What is wrong with them.
    pub broken: BTreeMap<&'static str, Broken>,
    /// The fleet file cannot be read.
    pub fleet_broken: bool,
    /// The cluster.
    pub membership: Membership,
    /// `spec.serial`.
    pub serial: u64,
    /// Approved deletions.
    pub approvals: Vec<Approval>,
}

/// What a commit of the other repository says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Extra {
    /// How many ConfigMaps.
    pub count: u8,
    /// Their value.
    pub value: u8,
    /// A file is not YAML.
    pub broken: bool,
    /// It renders an object that another tool may hold.
    pub contested: bool,
}

impl Default for Extra {
    fn default() -> Self {
        Self {
            count: 3,
            value: 0,
            broken: false,
            contested: false,
        }
    }
}

impl Default for Content {
    fn default() -> Self {
        use Place::{Books, Shop};
        Self {
            loose: [Shop, Books, Shop, Books, Shop, Shop, Books, Shop],
            values: [0; LOOSE],
            image: 1,
            replicas: 2,
            selector: 0,
            recreate: false,
            autoscaled: false,
            generation: 0,
            secret: 0,
            widgets: None,
            claim: false,
            guarded: false,
            waved: false,
            applications: APPLICATIONS.map(|name| (name, Policy::FULL)).into(),
            broken: BTreeMap::new(),
            fleet_broken: false,
            membership: Membership::Active,
            serial: 0,
            approvals: Vec::new(),
        }
    }
}

impl Content {
    /// The same without anything that keeps the cluster from following: what a run ends with.
    #[must_use]
    pub fn mended(mut self) -> Self {
        for place in &mut self.loose {
            if *place == Place::Both {
                *place = Place::Shop;
            }
        }
        // What a webhook changed once is sent again only when Git says something new, or by the audit.
        for value in &mut self.values {
            *value += 4;
        }
        self.recreate = true;
        self.applications = APPLICATIONS.map(|name| (name, Policy::FULL)).into();
        self.broken.clear();
        self.fleet_broken = false;
        self.membership = Membership::Active;
        self
    }

    /// The objects an Application renders, or `None` when it cannot be rendered.
    #[must_use]
    pub fn objects(&self, application: &str, extra: &Extra) -> Option<BTreeMap<ObjectId, Value>> {
        let list = match self.broken.get(application) {
            Some(Broken::Empty) => Vec::new(),
            Some(_) => return None,
            None if application == "extra" && extra.broken => return None,
            None => self.list(application, extra),
        };
        Some(
            list.into_iter()
                .map(|object| (id_of(&object), object))
                .collect(),
        )
    }

    fn list(&self, application: &str, extra: &Extra) -> Vec<Value> {
        match application {
            "shop" => self.shop(),
            "books" => self.books(),
            _ => extra.objects(),
        }
    }

    fn shop(&self) -> Vec<Value> {
        let mut objects = vec![
            json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}}),
            self.deployment(),
            self.service(),
            config_map("shop", &generation_name(self.generation), self.generation),
        ];
        objects.extend(self.loose_in(Place::Shop));
        if self.autoscaled {
            objects.push(autoscaler());
        }
        if self.claim {
            objects.push(claim());
        }
        if self.guarded {
            objects.push(guarded("confirmed", "Prune=confirm"));
            objects.push(guarded(KEPT, "Prune=false"));
        }
        objects
    }

    fn books(&self) -> Vec<Value> {
        let mut objects = vec![
            json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "books"}}),
            config_map("books", "books", self.values[0]),
            secret(self.secret),
        ];
        objects.extend(self.loose_in(Place::Books));
        if let Some(count) = self.widgets {
            objects.push(definition());
            objects.extend((0..count).map(widget));
        }
        objects
    }

    fn loose_in(&self, place: Place) -> impl Iterator<Item = Value> {
        self.loose
            .iter()
            .zip(self.values)
            .enumerate()
            .filter(move |(_, (at, _))| **at == place || **at == Place::Both)
            .map(|(index, (_, value))| config_map("shop", &format!("loose-{index}"), value))
    }

    fn deployment(&self) -> Value {
        let labels = json!({"app": "web", "tier": format!("t{}", self.selector)});
        let mut metadata = json!({"name": "web", "namespace": "shop"});
        let mut annotations = serde_json::Map::new();
        if self.recreate {
            let options = "Replace=true,Force=true";
            annotations.insert("argocd.argoproj.io/sync-options".to_owned(), json!(options));
        }
        if self.waved {
            annotations.insert("argocd.argoproj.io/sync-wave".to_owned(), json!("1"));
        }
        if !annotations.is_empty() {
            metadata["annotations"] = Value::Object(annotations);
        }
        let container = json!({
            "name": "web", "image": format!("web:{}", self.image), "ports": [{"containerPort": 8080}],
        });
        json!({
            "apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata,
            "spec": {
                "replicas": self.replicas, "selector": {"matchLabels": labels},
                "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}},
            },
        })
    }

    fn service(&self) -> Value {
        let mut metadata = json!({"name": "web", "namespace": "shop"});
        if self.waved {
            metadata["annotations"] = json!({"argocd.argoproj.io/sync-wave": "2"});
        }
        json!({
            "apiVersion": "v1", "kind": "Service", "metadata": metadata,
            "spec": {"selector": {"app": "web"}, "ports": [{"port": 80, "targetPort": 8080}]},
        })
    }

    /// The tree of a commit that says this.
    #[must_use]
    pub fn tree(&self) -> MemoryTree {
        let mut tree = MemoryTree::new();
        put(&mut tree, "fleet.yaml", &self.fleet_file());
        put(&mut tree, "argocd/project.yaml", SHOP_PROJECT);
        for (name, policy) in &self.applications {
            put(
                &mut tree,
                &format!("argocd/{name}.yaml"),
                &application(name, *policy),
            );
        }
        for name in ["shop", "books"] {
            self.put_source(&mut tree, name);
        }
        tree
    }

    fn put_source(&self, tree: &mut MemoryTree, name: &str) {
        let broken = self.broken.get(name).copied();
        if broken == Some(Broken::Missing) {
            return;
        }
        put(
            tree,
            &format!("apps/{name}/README.md"),
            "objects of one Application",
        );
        if broken == Some(Broken::Empty) {
            return;
        }
        put_objects(tree, name, &self.list(name, &Extra::default()));
        let more = match broken {
            Some(Broken::Yaml) => "apiVersion: v1\nkind: ConfigMap\nmetadata: {a: [",
            Some(Broken::Duplicate) => {
                let again = self.list(name, &Extra::default()).remove(0);
                return put(tree, &format!("apps/{name}/again.yaml"), &again.to_string());
            }
            Some(Broken::Reserved) => {
                "{apiVersion: v1, kind: ConfigMap, metadata: {name: bad, namespace: shop, labels: {muster.dev/application: x}}}"
            }
            Some(Broken::Denied) => {
                "{apiVersion: v1, kind: ConfigMap, metadata: {name: bad, namespace: kube-system}}"
            }
            Some(Broken::Empty | Broken::Missing) | None => return,
        };
        put(tree, &format!("apps/{name}/broken.yaml"), more);
    }

    fn fleet_file(&self) -> String {
        if self.fleet_broken {
            return "apiVersion: muster.dev/v1alpha1\nkind: Fleet\nspec: {unknown: true}\n"
                .to_owned();
        }
        let state = match self.membership {
            Membership::Active => "state: Active",
            Membership::Suspended => "state: Suspended",
            Membership::Leaving { prune: true } => "state: Leaving, onLeave: Prune",
            Membership::Leaving { prune: false } => "state: Leaving, onLeave: Preserve",
            Membership::Unassigned => "",
        };
        let mut text = String::from(
            "apiVersion: muster.dev/v1alpha1\nkind: Fleet\nmetadata: {name: bookstore}\nspec:\n  clusters:\n    - {name: west}\n",
        );
        if !state.is_empty() {
            let _ = writeln!(text, "    - {{name: east, {state}}}");
        }
        if self.serial > 0 {
            let _ = writeln!(text, "  serial: {}", self.serial);
        }
        let _ = writeln!(
            text,
            "  repositories:\n    - {{url: {HUB}, self: true}}\n    - {{url: {EXTRA}}}\n  resources:\n    - argocd/project.yaml"
        );
        for name in self.applications.keys() {
            let _ = writeln!(text, "    - argocd/{name}.yaml");
        }
        if !self.approvals.is_empty() {
            text.push_str("  approvals:\n");
        }
        for approval in &self.approvals {
            let Approval {
                application,
                digest,
                before,
                objects: _,
            } = approval;
            let _ = writeln!(
                text,
                "    - {{application: {application}, deletions: \"{digest}\", before: \"{before}\"}}"
            );
        }
        text
    }
}

impl Extra {
    fn objects(&self) -> Vec<Value> {
        let mut objects: Vec<Value> = (0..self.count)
            .map(|index| config_map("shop", &format!("extra-{index}"), self.value))
            .collect();
        if self.contested {
            objects.push(config_map("shop", CONTESTED, self.value));
        }
        objects
    }

    /// The tree of a commit that says this.
    #[must_use]
    pub fn tree(&self) -> MemoryTree {
        let mut tree = MemoryTree::new();
        put(
            &mut tree,
            "apps/extra/README.md",
            "objects of one Application",
        );
        put_objects(&mut tree, "extra", &self.objects());
        if self.broken {
            put(
                &mut tree,
                "apps/extra/broken.yaml",
                "apiVersion: v1\nkind: ConfigMap\nmetadata: {a: [",
            );
        }
        tree
    }
}

/// The object that stays when Git no longer names it.
pub const KEPT: &str = "kept";

/// The object that other tools may hold.
pub const CONTESTED: &str = "contested";

fn application(name: &str, policy: Policy) -> String {
    let url = if name == "extra" { EXTRA } else { HUB };
    let namespace = if name == "books" { "books" } else { "shop" };
    let Policy {
        automated,
        prune,
        self_heal,
        adopt,
        cascade,
    } = policy;
    let mut metadata = format!("name: {name}");
    if adopt {
        metadata.push_str(", annotations: {muster.dev/adopt: \"true\"}");
    }
    if cascade {
        metadata.push_str(", finalizers: [resources-finalizer.argocd.argoproj.io]");
    }
    let sync = if automated {
        format!("syncPolicy: {{automated: {{prune: {prune}, selfHeal: {self_heal}}}}}")
    } else {
        "syncPolicy: {}".to_owned()
    };
    format!(
        "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {{{metadata}}}\nspec:\n  project: {PROJECT}\n  source: {{repoURL: {url}, targetRevision: main, path: apps/{name}}}\n  destination: {{name: east, namespace: {namespace}}}\n  {sync}\n"
    )
}

fn put(tree: &mut MemoryTree, path: &str, text: &str) {
    tree.insert(RepoPath::new(path).expect("a path"), text.as_bytes());
}

/// Objects are written as JSON, which is YAML.
fn put_objects(tree: &mut MemoryTree, directory: &str, objects: &[Value]) {
    for (index, object) in objects.iter().enumerate() {
        put(
            tree,
            &format!("apps/{directory}/{index:02}.yaml"),
            &object.to_string(),
        );
    }
}

fn config_map(namespace: &str, name: &str, value: u8) -> Value {
    json!({
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": namespace},
        "data": {"value": value.to_string()},
    })
}

/// A name as kustomize's generators give it.
fn generation_name(generation: u8) -> String {
    const LETTERS: &[u8; 16] = b"2456789bcdfghkmt";
    let letter = |shift: u8| char::from(LETTERS[usize::from(generation >> shift) & 15]);
    format!("settings-55d7tk8f{}{}", letter(4), letter(0))
}

fn guarded(name: &str, options: &str) -> Value {
    let mut object = config_map("shop", name, 0);
    object["metadata"]["annotations"] = json!({"argocd.argoproj.io/sync-options": options});
    object
}

fn secret(value: u8) -> Value {
    let text = format!("{CANARY}-{value}");
    let encoded = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, text);
    json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "key", "namespace": "books"},
        "type": "Opaque", "data": {"password": encoded},
    })
}

fn autoscaler() -> Value {
    json!({
        "apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "web", "namespace": "shop"},
        "spec": {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"},
            "minReplicas": 1, "maxReplicas": 9,
        },
    })
}

fn claim() -> Value {
    json!({
        "apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "data", "namespace": "shop"},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
    })
}

fn definition() -> Value {
    json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": "widgets.example.com"},
        "spec": {
            "group": "example.com", "scope": "Namespaced", "names": {"kind": "Widget", "plural": "widgets"},
            "versions": [{
                "name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": {"type": "object"}},
            }],
        },
    })
}

fn widget(index: u8) -> Value {
    json!({
        "apiVersion": "example.com/v1", "kind": "Widget",
        "metadata": {"name": format!("w{index}"), "namespace": "books"}, "spec": {"size": index},
    })
}
