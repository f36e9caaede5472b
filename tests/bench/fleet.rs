//! The fleets that are measured: objects as files of a hub repository, and the same objects as bare requests.

use std::fmt::Write as _;

use muster_model::marks::{self, AppliedMark};
use muster_model::{ApplicationKey, Budgets, Manifest, Node, yaml};

/// The cluster's name in the fleet file.
pub(crate) const CLUSTER: &str = "bench";
/// Its URL in Argo CD's files, which `self: true` makes the hub repository.
const HUB_URL: &str = "https://git.example.com/bench/hub.git";
/// Namespaces that the Applications are spread over.
pub(crate) const NAMESPACES: usize = 10;
/// ConfigMaps in one file.
const PER_FILE: usize = 100;

/// How the Applications' content lies in the repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Layout {
    /// One directory; every Application gives its own suffix to the names.
    OneDirectory,
    /// One directory for each Application.
    Monorepo,
}

/// Files of a hub repository: path and content.
pub(crate) type Files = Vec<(String, String)>;

/// A hub repository of `count` Applications of four objects each.
pub(crate) fn applications(layout: Layout, count: usize) -> Files {
    let mut files = vec![
        ("fleet.yaml".to_owned(), fleet_file()),
        ("project.yaml".to_owned(), project()),
    ];
    match layout {
        Layout::OneDirectory => {
            files.push(("set.yaml".to_owned(), set_of_list(count)));
            files.extend(directory("app", "web", 1));
        }
        Layout::Monorepo => {
            files.push(("set.yaml".to_owned(), set_of_directories()));
            for index in 0..count {
                files.extend(monorepo_directory(index, 1));
            }
        }
    }
    files
}

/// One Application's directory of the monorepo, at some version of its content.
pub(crate) fn monorepo_directory(index: usize, version: usize) -> Files {
    directory(
        &format!("apps/{}/{}", namespace(index), name(index)),
        &format!("web-{index:05}"),
        version,
    )
}

/// A hub repository of one Application with `count` ConfigMaps.
pub(crate) fn config_maps(count: usize) -> Files {
    let mut files = vec![
        ("fleet.yaml".to_owned(), fleet_file()),
        ("project.yaml".to_owned(), project()),
        (
            "set.yaml".to_owned(),
            application("maps", "maps", &namespace(0)),
        ),
    ];
    for first in (0..count).step_by(PER_FILE) {
        let texts: Vec<String> = (first..count.min(first + PER_FILE))
            .map(config_map)
            .collect();
        files.push((format!("maps/{first:05}.yaml"), texts.join("---\n")));
    }
    files
}

/// Every object of [`applications`], as an apply has it.
pub(crate) fn objects_of_applications(count: usize) -> Vec<Node> {
    (0..count)
        .flat_map(|index| {
            let text = manifests(&format!("web-{index:05}"), 1);
            parse(&text, &namespace(index))
        })
        .collect()
}

/// Every object of [`config_maps`], as an apply has it.
pub(crate) fn objects_of_config_maps(count: usize) -> Vec<Node> {
    (0..count)
        .flat_map(|index| parse(&config_map(index), &namespace(0)))
        .collect()
}

/// The same with the marks that an agent's objects carry: two labels and an annotation.
pub(crate) fn marked(objects: &[Node]) -> Vec<Node> {
    let applyset = marks::applyset_id("muster", "muster-system");
    let mark = |object: &Node| {
        let manifest = Manifest::new(object.clone()).expect("an object");
        let mark = AppliedMark {
            object: manifest.id(),
            application: ApplicationKey::new("all", name(0)),
            digest: manifest.digest().short(),
        };
        marks::marked(&manifest, &applyset, &mark)
    };
    objects.iter().map(mark).collect()
}

/// The namespace of an Application.
pub(crate) fn namespace(index: usize) -> String {
    format!("bench-{}", index % NAMESPACES)
}

fn name(index: usize) -> String {
    format!("app-{index:05}")
}

fn fleet_file() -> String {
    format!(
        "apiVersion: muster.dev/v1alpha1\nkind: Fleet\nmetadata: {{name: bench}}\nspec:\n  clusters:\n    - name: {CLUSTER}\n  \
         repositories:\n    - url: {HUB_URL}\n      self: true\n  resources: [project.yaml, set.yaml]\n"
    )
}

fn project() -> String {
    "apiVersion: argoproj.io/v1alpha1\nkind: AppProject\nmetadata: {name: all, namespace: argocd}\nspec:\n  sourceRepos: ['*']\n  \
     destinations: [{server: '*', namespace: '*'}]\n"
        .to_owned()
}

/// `spec` of an Application, below `indent`.
fn spec(path: &str, namespace: &str, kustomize: &str, indent: &str) -> String {
    let lines = [
        "project: all".to_owned(),
        format!(
            "source: {{repoURL: '{HUB_URL}', targetRevision: main, path: '{path}'{kustomize}}}"
        ),
        format!("destination: {{name: {CLUSTER}, namespace: '{namespace}'}}"),
        "syncPolicy: {automated: {prune: true, selfHeal: true}}".to_owned(),
    ];
    lines.iter().fold(String::new(), |mut text, line| {
        let _ = writeln!(text, "{indent}{line}");
        text
    })
}

fn application(name: &str, path: &str, namespace: &str) -> String {
    format!(
        "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {{name: {name}, namespace: argocd}}\nspec:\n{}",
        spec(path, namespace, "", "  ")
    )
}

fn set(generator: &str, name: &str, template: &str) -> String {
    format!(
        "apiVersion: argoproj.io/v1alpha1\nkind: ApplicationSet\nmetadata: {{name: bench, namespace: argocd}}\nspec:\n  goTemplate: true\n  \
         goTemplateOptions: [missingkey=error]\n  generators:\n{generator}  template:\n    metadata: {{name: '{name}'}}\n    \
         spec:\n{template}"
    )
}

fn set_of_list(count: usize) -> String {
    let mut generator = "    - list:\n        elements:\n".to_owned();
    for index in 0..count {
        let _ = writeln!(
            generator,
            "          - {{name: {}, namespace: {}, suffix: '-{index:05}'}}",
            name(index),
            namespace(index)
        );
    }
    let template = spec(
        "app",
        "{{.namespace}}",
        ", kustomize: {nameSuffix: '{{.suffix}}'}",
        "      ",
    );
    set(&generator, "{{.name}}", &template)
}

fn set_of_directories() -> String {
    let generator = format!(
        "    - git: {{repoURL: '{HUB_URL}', revision: main, directories: [{{path: 'apps/*/*'}}]}}\n"
    );
    let template = spec("{{.path.path}}", "{{index .path.segments 1}}", "", "      ");
    set(&generator, "{{.path.basename}}", &template)
}

fn directory(path: &str, base: &str, version: usize) -> Files {
    vec![
        (
            format!("{path}/kustomization.yaml"),
            "resources: [web.yaml]\n".to_owned(),
        ),
        (format!("{path}/web.yaml"), manifests(base, version)),
    ]
}

/// A ConfigMap, a ServiceAccount, a Service and a Deployment: what a small service has.
fn manifests(name: &str, version: usize) -> String {
    format!(
        "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {name}\n  labels: {{app.kubernetes.io/name: web}}\ndata:\n  \
         LOG_LEVEL: info\n  VERSION: v{version}\n  GREETING: hello from {name}\n---\n\
         apiVersion: v1\nkind: ServiceAccount\nmetadata:\n  name: {name}\n  labels: {{app.kubernetes.io/name: web}}\n---\n\
         apiVersion: v1\nkind: Service\nmetadata:\n  name: {name}\n  labels: {{app.kubernetes.io/name: web}}\nspec:\n  \
         selector: {{app.kubernetes.io/name: web}}\n  ports:\n  - {{name: http, port: 80, targetPort: 8080}}\n---\n\
         apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: {name}\n  labels: {{app.kubernetes.io/name: web}}\nspec:\n  \
         replicas: 2\n  selector:\n    matchLabels: {{app.kubernetes.io/name: web}}\n  template:\n    metadata:\n      \
         labels: {{app.kubernetes.io/name: web}}\n    spec:\n      serviceAccountName: {name}\n      containers:\n      - name: web\n        \
         image: registry.example.com/web:1.{version}.0\n        ports:\n        - {{name: http, containerPort: 8080}}\n        \
         envFrom:\n        - configMapRef: {{name: {name}}}\n        resources:\n          requests: {{cpu: 50m, memory: 64Mi}}\n          \
         limits: {{memory: 128Mi}}\n        readinessProbe:\n          httpGet: {{path: /healthz, port: http}}\n"
    )
}

fn config_map(index: usize) -> String {
    format!(
        "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: map-{index:05}\n  labels: {{app.kubernetes.io/name: maps}}\ndata:\n  \
         index: \"{index}\"\n  text: value number {index}\n"
    )
}

fn parse(text: &str, namespace: &str) -> Vec<Node> {
    let documents = yaml::read(text.as_bytes(), &Budgets::default(), 0).expect("our own YAML");
    documents
        .into_iter()
        .map(|document| {
            let manifest = Manifest::new(document).expect("an object");
            manifest.in_namespace(namespace).into_body()
        })
        .collect()
}

/// The same repository with one more Application of `count` ConfigMaps.
pub(crate) fn with_config_maps(mut files: Files, count: usize) -> Files {
    let more = config_maps(count)
        .into_iter()
        .filter(|(path, _)| path.starts_with("maps/"));
    files.extend(more);
    for (path, text) in &mut files {
        if path == "set.yaml" {
            text.push_str("---\n");
            text.push_str(&application("maps", "maps", &namespace(0)));
        }
    }
    files
}
