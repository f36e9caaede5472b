use muster_model::{MemoryTree, RepoPath};

use super::*;
use crate::hub::load;

const FLEET: &str = r#"
apiVersion: muster.dev/v1alpha1
kind: Fleet
metadata: {name: shop}
spec:
  clusters:
    - {name: east, labels: {env: prod}}
    - {name: west, labels: {env: prod}, server: "https://west.example.com"}
    - {name: lab, labels: {env: dev}}
  repositories:
    - {url: https://git.example.com/hub.git, self: true}
  resources: [argo.yaml]
"#;

const PROJECT: &str = r#"
apiVersion: argoproj.io/v1alpha1
kind: AppProject
metadata: {name: default}
spec: {sourceRepos: ['*'], destinations: [{server: '*', namespace: '*'}]}
---
"#;

fn set(spec: &str) -> String {
    format!(
        "{PROJECT}apiVersion: argoproj.io/v1alpha1\nkind: ApplicationSet\nmetadata: {{name: web}}\nspec:\n{spec}"
    )
}

const TEMPLATE: &str = r#"
  template:
    metadata: {name: 'web-{{.name}}', annotations: {server: '{{.server}}'}}
    spec:
      project: default
      source: {repoURL: https://git.example.com/hub, path: 'apps/{{.metadata.labels.env}}', targetRevision: main}
      destination: {server: '{{.server}}', namespace: web}
      syncPolicy: {automated: {prune: true}, syncOptions: [CreateNamespace=true]}
"#;

fn hub_of(files: &[(&str, &str)]) -> (Hub, MemoryTree) {
    let mut all = vec![("fleet.yaml", FLEET)];
    all.extend(files);
    let tree = MemoryTree::of(all);
    let hub = load(&tree, &RepoPath::new("fleet.yaml").expect("plain")).expect("a hub");
    (hub, tree)
}

fn run(argo: &str, cluster: &str) -> Targets {
    let (hub, tree) = hub_of(&[
        ("argo.yaml", argo),
        ("apps/prod/x.yaml", ""),
        ("apps/dev/x.yaml", ""),
    ]);
    targets(&hub, &ClusterName::new(cluster).expect("a name"), &tree).expect("targets")
}

fn go(generators: &str) -> String {
    set(&format!(
        "  goTemplate: true\n  goTemplateOptions: [missingkey=error]\n  generators: {generators}\n{TEMPLATE}"
    ))
}

fn messages(problems: &[Problem]) -> String {
    problems.iter().map(|p| format!("{p}\n")).collect()
}

#[test]
fn each_cluster_gets_its_own_application() {
    let argo = go("[{clusters: {selector: {matchLabels: {env: prod}}}}]");
    let east = run(&argo, "east");
    assert_eq!(messages(&east.problems), "");
    let [application] = &east.applications[..] else {
        panic!("{east:?}");
    };
    assert_eq!(application.key.to_string(), "default/web-east");
    assert_eq!(application.sources[0].path.as_str(), "apps/prod");
    // Without a server of its own a cluster applies to itself, and is shown so everywhere.
    assert_eq!(
        application.destination.server,
        "https://kubernetes.default.svc"
    );
    assert_eq!(
        application.annotations["server"],
        "https://kubernetes.default.svc"
    );
    assert_eq!(application.destination.name, "east");
    let west = run(&argo, "west");
    assert_eq!(
        west.applications[0].destination.server,
        "https://west.example.com"
    );
    assert_eq!(run(&argo, "lab").applications, []);
}

#[test]
fn a_cluster_that_is_not_in_the_fleet_is_unassigned() {
    let (hub, tree) = hub_of(&[("argo.yaml", PROJECT)]);
    let failure = targets(&hub, &ClusterName::new("gone").expect("a name"), &tree);
    assert!(matches!(failure, Err(Failure::Refused(p)) if p[0].reason == Reason::Unassigned));
}

#[test]
fn one_bad_element_takes_only_itself_away_and_stops_pruning() {
    let argo = go("[{list: {elements: [{name: east, server: '', metadata: {labels: {env: prod}}}]}}, {clusters: {}}]")
        .replace("'web-{{.name}}'", "'web-{{.nameNormalized}}'");
    let targets = run(&argo, "east");
    assert_eq!(targets.applications.len(), 1);
    assert!(messages(&targets.problems).contains("nameNormalized"));
    assert!(targets.incomplete.covers(Some("web"), None, "web-old"));
    assert!(!targets.incomplete.covers(Some("other"), None, "x"));
}

#[test]
fn names_are_unique_in_the_whole_fleet() {
    let argo = go("[{clusters: {}}]").replace("'web-{{.name}}'", "web");
    let targets = run(&argo, "east");
    assert_eq!(targets.applications, []);
    assert!(messages(&targets.problems).contains("3 Applications are called `web`"));
    assert!(targets.incomplete.sets.contains("web"));
}

#[test]
fn literal_in_cluster_needs_a_management_cluster() {
    let argo = go("[{clusters: {selector: {matchLabels: {env: dev}}}}]").replace(
        "server: '{{.server}}', namespace",
        "server: 'https://kubernetes.default.svc', namespace",
    );
    let lab = run(&argo, "lab");
    assert!(messages(&lab.problems).contains("set spec.managementCluster"));
}

#[test]
fn unknown_projects_and_repositories_are_named() {
    let argo = go("[{clusters: {}}]")
        .replace("project: default", "project: other")
        .replace(
            "https://git.example.com/hub,",
            "https://git.example.com/unknown,",
        );
    let found = messages(&run(&argo, "east").problems);
    assert!(
        found.contains("UnknownProject") && found.contains("UnknownRepository"),
        "{found}"
    );
}

#[test]
fn the_git_generator_reads_the_hub_repository() {
    let argo = set(
        "  goTemplate: true
  generators:
    - matrix:
        generators:
          - git: {repoURL: https://git.example.com/hub.git, revision: main, directories: [{path: apps/*}]}
          - clusters: {selector: {matchLabels: {env: '{{.path.basename}}'}}}
  template:
    metadata: {name: '{{.path.basename}}-{{.name}}'}
    spec:
      source: {repoURL: https://git.example.com/hub.git, path: '{{.path.path}}'}
      destination: {name: '{{.name}}', namespace: x}
",
    );
    let lab = run(&argo, "lab");
    assert_eq!(messages(&lab.problems), "");
    assert_eq!(lab.applications[0].key.name, "dev-lab");
    assert_eq!(lab.applications[0].sources[0].path.as_str(), "apps/dev");
}

#[test]
fn template_patches_apply_to_each_application() {
    let argo = go("[{clusters: {}}]")
        + "  templatePatch: |\n    spec:\n      source:\n        path: {{ if eq .metadata.labels.env \"dev\" }}special{{ else }}usual{{ end }}\n";
    assert_eq!(
        run(&argo, "lab").applications[0].sources[0].path.as_str(),
        "special"
    );
    assert_eq!(
        run(&argo, "east").applications[0].sources[0].path.as_str(),
        "usual"
    );
}

#[test]
fn an_invalid_set_is_set_apart_with_its_line_and_remedy() {
    let argo = go("[{scmProvider: {github: {organization: x}}}]");
    let targets = run(&argo, "east");
    let found = messages(&targets.problems);
    assert!(
        found.contains("argo.yaml:13: `scmProvider` is not supported"),
        "{found}"
    );
    assert!(targets.incomplete.sets.contains("web"));
}

#[test]
fn functions_that_read_the_clock_are_refused_when_the_set_is_read() {
    let argo = go("[{clusters: {}}]").replace("web-{{.name}}", "web-{{now}}");
    let found = messages(&run(&argo, "east").problems);
    assert!(
        found.contains("calls `now`, which reads the clock"),
        "{found}"
    );
}

#[test]
fn a_set_that_generates_nothing_is_a_warning() {
    let argo = go("[{clusters: {selector: {matchLabels: {env: none}}}}]");
    let targets = run(&argo, "east");
    assert_eq!(targets.warnings[0].reason, Reason::SelectorMatchesNothing);
    assert!(targets.incomplete.sets.is_empty());
}

#[test]
fn blobs_that_are_not_fetched_are_all_named() {
    struct Sparse(MemoryTree);
    impl Tree for Sparse {
        fn entry(
            &self,
            path: &RepoPath,
        ) -> Result<Option<muster_model::tree::Entry>, muster_model::tree::TreeError> {
            self.0.entry(path)
        }
        fn list(
            &self,
            path: &RepoPath,
        ) -> Result<Vec<(String, muster_model::tree::Entry)>, muster_model::tree::TreeError>
        {
            self.0.list(path)
        }
        fn blob(&self, id: &BlobId) -> Result<std::sync::Arc<[u8]>, muster_model::tree::TreeError> {
            Err(muster_model::tree::TreeError::NotFetched(id.clone()))
        }
    }
    let argo = go(
        "[{git: {repoURL: https://git.example.com/hub, revision: main, files: [{path: 'apps/*.yaml'}]}}]",
    );
    let (hub, _) = hub_of(&[("argo.yaml", &argo)]);
    let sparse = Sparse(MemoryTree::of([
        ("apps/a/x.yaml", "1"),
        ("apps/b.yaml", "2"),
    ]));
    let failure = targets(&hub, &ClusterName::new("east").expect("a name"), &sparse);
    assert!(matches!(failure, Err(Failure::NotFetched(ids)) if ids.len() == 2));
}

#[test]
fn every_cluster_finds_what_is_found_for_all_at_once() {
    let argo = set("  goTemplate: true
  generators:
    - matrix:
        generators:
          - clusters: {values: {size: '{{ len .name }}'}}
          - list: {elements: [{part: api}, {part: ui, only: prod}]}
      selector: {matchExpressions: [{key: only, operator: NotIn, values: [dev]}]}
    - merge:
        mergeKeys: [name]
        generators: [{clusters: {}}, {list: {elements: [{name: lab, part: special}]}}]
      selector: {matchExpressions: [{key: part, operator: Exists}]}
    - list: {elements: [{name: east, part: api, server: none}, {name: nobody, part: x}]}
  template:
    metadata: {name: '{{.part}}-{{.name}}'}
    spec:
      project: default
      source: {repoURL: https://git.example.com/hub.git, path: 'apps/{{.part}}'}
      destination: {name: '{{.name}}', namespace: x}
");
    let (hub, tree) = hub_of(&[("argo.yaml", &argo)]);
    let all = all_targets(&hub, &tree).expect("targets");
    assert_eq!(all.applications.len(), 6, "{all:?}");
    for cluster in hub.fleet.clusters.iter() {
        let own = targets(&hub, &cluster.name, &tree).expect("targets");
        let of_all = all.applications.iter();
        let of_all = of_all.filter(|a| a.cluster == cluster.name).cloned();
        assert_eq!(own.applications, of_all.collect::<Vec<_>>());
        assert_eq!(
            (&own.problems, &own.warnings, &own.incomplete),
            (&all.problems, &all.warnings, &all.incomplete)
        );
    }
    // `api-east` is there twice, and nobody is no cluster.
    assert_eq!(all.problems.len(), 2, "{}", messages(&all.problems));
    assert!(!all.applications.iter().any(|a| a.key.name == "api-east"));
}
