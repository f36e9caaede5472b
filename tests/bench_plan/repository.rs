//! A hub repository of any size, by two commits.

use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::Path;
use std::process::Command;

/// How large it is.
pub(crate) struct Shape {
    pub(crate) clusters: usize,
    /// Applications on each cluster, each from an ApplicationSet of its own.
    pub(crate) applications: usize,
    /// Distinct overlays of all Applications.
    pub(crate) overlays: usize,
    /// Overlays that the second commit changes.
    pub(crate) changed: usize,
}

impl Shape {
    /// Overlays of one Application.
    fn variants(&self) -> usize {
        (self.overlays / self.applications).max(1)
    }
}

/// Writes and commits it.
pub(crate) fn generate(root: &Path, shape: &Shape) -> io::Result<()> {
    fs::create_dir_all(root)?;
    git(root, &["init", "--quiet", "--initial-branch=main"])?;
    write(root, "fleet.yaml", &fleet(shape))?;
    write(root, "argocd/project.yaml", PROJECT)?;
    let sets: Vec<String> = (0..shape.applications).map(set).collect();
    write(root, "argocd/sets.yaml", &sets.join("---\n"))?;
    for application in 0..shape.applications {
        base(root, application)?;
        for variant in 0..shape.variants() {
            overlay(root, (application, variant), variant + 2)?;
        }
    }
    commit(root, "first")?;
    // Spread over the Applications, so that the change reaches as many clusters as it can.
    for number in 0..shape.changed {
        let application = number * shape.applications / shape.changed.max(1) % shape.applications;
        overlay(root, (application, number % shape.variants()), 99)?;
    }
    commit(root, "second")?;
    git(root, &["gc", "--quiet"])
}

fn fleet(shape: &Shape) -> String {
    let mut text = "apiVersion: muster.dev/v1alpha1\nkind: Fleet\nmetadata:\n  name: bench\nspec:\n  clusters:\n".to_owned();
    for cluster in 0..shape.clusters {
        let variant = cluster % shape.variants();
        let _ = write!(
            text,
            "    - name: c{cluster:05}\n      labels:\n        bench.example.com/fleet: \"true\"\n        variant: v{variant}\n        region: r{}\n",
            cluster % 12
        );
    }
    text + "  repositories:\n    - url: https://git.example.com/org/hub.git\n      self: true\n  resources:\n    - argocd/project.yaml\n    - argocd/sets.yaml\n"
}

const PROJECT: &str = "\
apiVersion: argoproj.io/v1alpha1
kind: AppProject
metadata:
  name: bench
spec:
  sourceRepos:
    - https://git.example.com/org/hub.git
  destinations:
    - server: https://kubernetes.default.svc
      namespace: 'app*'
  clusterResourceWhitelist:
    - group: ''
      kind: Namespace
";

fn set(application: usize) -> String {
    format!(
        "\
apiVersion: argoproj.io/v1alpha1
kind: ApplicationSet
metadata:
  name: app{application:03}
spec:
  goTemplate: true
  goTemplateOptions: [\"missingkey=error\"]
  generators:
    - clusters:
        selector:
          matchLabels:
            bench.example.com/fleet: \"true\"
  template:
    metadata:
      name: 'app{application:03}-{{{{.name}}}}'
      labels:
        variant: '{{{{.metadata.labels.variant}}}}'
        region: '{{{{.metadata.labels.region}}}}'
    spec:
      project: bench
      source:
        repoURL: https://git.example.com/org/hub.git
        targetRevision: main
        path: 'apps/app{application:03}/overlays/{{{{.metadata.labels.variant}}}}'
      destination:
        server: '{{{{.server}}}}'
        namespace: app{application:03}
      syncPolicy:
        automated:
          prune: true
          selfHeal: true
"
    )
}

/// Four objects: a Namespace, a Deployment, a Service, a ConfigMap.
fn base(root: &Path, application: usize) -> io::Result<()> {
    let app = format!("app{application:03}");
    let file = |name: &str| format!("apps/{app}/base/{name}");
    write(
        root,
        &file("kustomization.yaml"),
        "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources:\n  - namespace.yaml\n  - deployment.yaml\n  - service.yaml\n  - config.yaml\n",
    )?;
    write(
        root,
        &file("namespace.yaml"),
        &format!("apiVersion: v1\nkind: Namespace\nmetadata:\n  name: {app}\n"),
    )?;
    write(
        root,
        &file("deployment.yaml"),
        &format!(
            "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: web\nspec:\n  replicas: 1\n  selector:\n    matchLabels:\n      app: {app}\n  template:\n    metadata:\n      labels:\n        app: {app}\n    spec:\n      containers:\n        - name: web\n          image: registry.example.com/{app}:1.0.0\n          ports:\n            - containerPort: 8080\n          env:\n            - name: LOG_LEVEL\n              value: info\n          resources:\n            requests:\n              cpu: 10m\n              memory: 32Mi\n          readinessProbe:\n            httpGet:\n              path: /ready\n              port: 8080\n"
        ),
    )?;
    write(
        root,
        &file("service.yaml"),
        &format!(
            "apiVersion: v1\nkind: Service\nmetadata:\n  name: web\nspec:\n  selector:\n    app: {app}\n  ports:\n    - port: 80\n      targetPort: 8080\n"
        ),
    )?;
    write(
        root,
        &file("config.yaml"),
        &format!(
            "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: web\ndata:\n  app: {app}\n  level: info\n"
        ),
    )
}

/// A patch, an image and a label.
fn overlay(root: &Path, (application, variant): (usize, usize), replicas: usize) -> io::Result<()> {
    let dir = format!("apps/app{application:03}/overlays/v{variant}");
    write(
        root,
        &format!("{dir}/kustomization.yaml"),
        &format!(
            "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources:\n  - ../../base\nlabels:\n  - pairs:\n      variant: v{variant}\npatches:\n  - path: patch.yaml\nimages:\n  - name: registry.example.com/app{application:03}\n    newTag: 1.0.1\n"
        ),
    )?;
    write(
        root,
        &format!("{dir}/patch.yaml"),
        &format!(
            "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: web\nspec:\n  replicas: {replicas}\n"
        ),
    )
}

fn write(root: &Path, path: &str, text: &str) -> io::Result<()> {
    let file = root.join(path);
    if let Some(parent) = file.parent() {
        fs::create_dir_all(parent)?;
    }
    fs::write(file, text)
}

fn commit(root: &Path, message: &str) -> io::Result<()> {
    git(root, &["add", "--all"])?;
    git(root, &["commit", "--quiet", "--message", message])
}

fn git(root: &Path, arguments: &[&str]) -> io::Result<()> {
    let status = Command::new("git")
        .args(arguments)
        .current_dir(root)
        .env("HOME", root)
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_AUTHOR_NAME", "bench")
        .env("GIT_AUTHOR_EMAIL", "bench@example.com")
        .env("GIT_COMMITTER_NAME", "bench")
        .env("GIT_COMMITTER_EMAIL", "bench@example.com")
        .status()?;
    if status.success() {
        Ok(())
    } else {
        Err(io::Error::other(format!("git {arguments:?}: {status}")))
    }
}
