//! A hub repository in memory: the files of one commit, easy to change for the next.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use muster_model::{MemoryTree, RepoPath};
use muster_tests::fakes::SHOP_PROJECT;

/// Where the hub repository lies.
pub(crate) const URL: &str = "https://git.example.com/your-org/hub.git";

/// The files of a commit.
#[derive(Debug, Clone)]
pub(crate) struct Hub {
    files: BTreeMap<String, String>,
    links: BTreeMap<String, String>,
    applications: BTreeMap<String, String>,
    clusters: Vec<String>,
    extra: String,
}

impl Hub {
    /// A fleet with the cluster `east` and no Application.
    pub(crate) fn new() -> Self {
        Self {
            files: [("argocd/project.yaml".to_owned(), SHOP_PROJECT.to_owned())].into(),
            links: BTreeMap::new(),
            applications: BTreeMap::new(),
            clusters: vec!["{name: east, labels: {env: staging}}".to_owned()],
            extra: String::new(),
        }
    }

    /// The shop: a namespace, a ConfigMap, a Deployment and a Service.
    pub(crate) fn shop() -> Self {
        Self::new()
            .application("shop", "")
            .file("apps/shop/namespace.yaml", NAMESPACE)
            .file("apps/shop/config.yaml", &config_map("config", "a"))
            .file("apps/shop/web.yaml", &deployment("web", "web:1"))
            .file("apps/shop/service.yaml", SERVICE)
    }

    /// Adds an Application whose source is `apps/<name>`; `extra` goes into its metadata, indented by two.
    pub(crate) fn application(mut self, name: &str, extra: &str) -> Self {
        let text = format!(
            r"
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata:
  name: {name}
{extra}
spec:
  project: shop
  source: {{repoURL: {URL}, targetRevision: main, path: apps/{name}}}
  destination: {{name: east, namespace: shop}}
  syncPolicy: {{automated: {{prune: true, selfHeal: true}}}}
"
        );
        self.applications.insert(name.to_owned(), text);
        self
    }

    /// Takes an Application out of the fleet; its directory stays.
    pub(crate) fn without_application(mut self, name: &str) -> Self {
        self.applications.remove(name);
        self
    }

    /// Changes the text of an Application.
    pub(crate) fn edit_application(mut self, name: &str, from: &str, to: &str) -> Self {
        let text = self.applications.get_mut(name).expect("there");
        edit(text, from, to);
        self
    }

    /// Puts a file there.
    pub(crate) fn file(mut self, path: &str, text: &str) -> Self {
        self.files.insert(path.to_owned(), text.to_owned());
        self
    }

    /// Changes the text of a file.
    pub(crate) fn edit_file(mut self, path: &str, from: &str, to: &str) -> Self {
        let text = self.files.get_mut(path).expect("there");
        edit(text, from, to);
        self
    }

    /// The shop has `count` more ConfigMaps, `more-0` and so on.
    pub(crate) fn more(self, count: usize) -> Self {
        (0..count).fold(self, |hub, number| {
            let name = format!("more-{number}");
            hub.file(&format!("apps/shop/{name}.yaml"), &config_map(&name, "x"))
        })
    }

    /// Puts a symbolic link there.
    pub(crate) fn symlink(mut self, path: &str, target: &str) -> Self {
        self.links.insert(path.to_owned(), target.to_owned());
        self
    }

    /// Takes a file, or every file below a directory, away.
    pub(crate) fn without(mut self, path: &str) -> Self {
        let before = self.files.len();
        let below = format!("{path}/");
        self.files
            .retain(|file, _| file != path && !file.starts_with(&below));
        assert!(self.files.len() < before, "{path} is not there");
        self
    }

    /// Replaces the entries under `spec.clusters`.
    pub(crate) fn clusters(mut self, entries: &[&str]) -> Self {
        self.clusters = entries.iter().map(|&entry| entry.to_owned()).collect();
        self
    }

    /// Adds lines under `spec` of the fleet file.
    pub(crate) fn fleet(mut self, lines: &str) -> Self {
        let _ = writeln!(self.extra, "{lines}");
        self
    }

    /// The tree of the commit.
    pub(crate) fn tree(&self) -> MemoryTree {
        let mut tree = MemoryTree::new();
        let mut put = |path: &str, text: &str| {
            tree.insert(RepoPath::new(path).expect("a path"), text.as_bytes());
        };
        for (path, text) in &self.files {
            put(path, text);
        }
        for (name, text) in &self.applications {
            put(&format!("argocd/{name}.yaml"), text);
        }
        if !self.files.contains_key("fleet.yaml") {
            put("fleet.yaml", &self.fleet_file());
        }
        for (path, target) in &self.links {
            tree.insert_symlink(RepoPath::new(path).expect("a path"), target);
        }
        tree
    }

    /// The fleet file.
    pub(crate) fn fleet_file(&self) -> String {
        let mut text = String::from(
            "apiVersion: muster.dev/v1alpha1\nkind: Fleet\nmetadata: {name: bookstore}\nspec:\n  clusters:\n",
        );
        for entry in &self.clusters {
            let _ = writeln!(text, "    - {entry}");
        }
        let _ = writeln!(
            text,
            "  repositories:\n    - {{url: {URL}, self: true}}\n  resources:\n    - argocd/project.yaml"
        );
        for name in self.applications.keys() {
            let _ = writeln!(text, "    - argocd/{name}.yaml");
        }
        text.push_str(&self.extra);
        text
    }
}

/// The namespace every scenario lives in.
pub(crate) const NAMESPACE: &str = "apiVersion: v1\nkind: Namespace\nmetadata: {name: shop}\n";

/// A Service for [`deployment`].
pub(crate) const SERVICE: &str = r"
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec:
  selector: {app: web}
  ports: [{port: 80, targetPort: 8080}]
";

/// A definition.
pub(crate) const DEFINITION: &str = r"
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: widgets.example.com}
spec:
  group: example.com
  scope: Namespaced
  names: {kind: Widget, plural: widgets}
  versions: [{name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object}}}]
";

/// An instance of [`DEFINITION`].
pub(crate) const WIDGET: &str = "apiVersion: example.com/v1\nkind: Widget\nmetadata: {name: w, namespace: shop}\nspec: {size: 1}\n";

/// A ConfigMap with one value.
pub(crate) fn config_map(name: &str, value: &str) -> String {
    format!(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}, namespace: shop}}\ndata: {{value: {value:?}}}\n"
    )
}

/// A Deployment with two replicas.
pub(crate) fn deployment(name: &str, image: &str) -> String {
    format!(
        r"
apiVersion: apps/v1
kind: Deployment
metadata: {{name: {name}, namespace: shop}}
spec:
  replicas: 2
  selector: {{matchLabels: {{app: {name}}}}}
  template:
    metadata: {{labels: {{app: {name}}}}}
    spec:
      containers:
        - {{name: {name}, image: {image:?}, ports: [{{containerPort: 8080}}]}}
"
    )
}

/// A manifest in the shop's namespace with sync options of its own.
pub(crate) fn with_sync_options(manifest: &str, options: &str) -> String {
    manifest.replace(
        "namespace: shop",
        &format!("namespace: shop, annotations: {{argocd.argoproj.io/sync-options: {options:?}}}"),
    )
}

fn edit(text: &mut String, from: &str, to: &str) {
    assert!(text.contains(from), "{from:?} is not in {text}");
    *text = text.replace(from, to);
}

/// A [`deployment`] that is deleted and made anew where another `tier` changes its selector.
pub(crate) fn replaceable(name: &str, tier: &str) -> String {
    with_sync_options(&deployment(name, "web:1"), "Replace=true,Force=true").replace(
        &format!("{{app: {name}}}"),
        &format!("{{app: {name}, tier: {tier}}}"),
    )
}
