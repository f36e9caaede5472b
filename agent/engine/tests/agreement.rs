//! What the plan of a fleet says each cluster gets, and what that cluster's own agent decides, are one thing: each
//! Application's objects, or the reasons why it cannot be enforced.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use muster_engine::each::one_by_one;
use muster_engine::survey::{Memory, Question, Survey, survey};
use muster_engine::{Commits, Need, Request, SourceState, desire};
use muster_model::kinds::Scopes;
use muster_model::{ClusterName, CommitId, MemoryTree, Problem, Reason, RepoPath, Revision};

/// By Application: its objects and their digests, or why there are none.
type Decided = BTreeMap<String, Result<Vec<(String, String)>, BTreeSet<Reason>>>;

const PROJECTS: &str = "\
apiVersion: argoproj.io/v1alpha1
kind: AppProject
metadata: {name: shop}
spec:
  sourceRepos: ['*']
  destinations: [{server: '*', namespace: shop}]
";

/// A fleet file with these entries under `spec`.
fn fleet(spec: &str) -> String {
    format!(
        "apiVersion: muster.dev/v1alpha1\nkind: Fleet\nmetadata: {{name: shop}}\nspec:\n  repositories: [{{url: 'https://git.example.com/hub.git', self: true}}]\n  resources: [argo.yaml]\n{spec}"
    )
}

fn application(name: &str, cluster: &str, path: &str) -> String {
    format!(
        "---\napiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {{name: {name}}}\nspec:\n  project: shop\n  source: {{repoURL: 'https://git.example.com/hub.git', path: {path}, targetRevision: main}}\n  destination: {{name: {cluster}, namespace: shop}}\n"
    )
}

fn deployment(name: &str, replicas: u32) -> String {
    format!(
        "---\napiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: {name}}}\nspec:\n  replicas: {replicas}\n  template: {{spec: {{containers: [{{name: {name}, image: 'registry.example.com/{name}:1', resources: {{requests: {{cpu: 500m}}}}}}]}}}}\n"
    )
}

fn config(name: &str, namespace: &str) -> String {
    format!(
        "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}, namespace: {namespace}}}\n"
    )
}

fn policy(name: &str, kind: &str, object: &str, placement: &str) -> String {
    format!(
        "---\napiVersion: policy.karmada.io/v1alpha1\nkind: PropagationPolicy\nmetadata: {{name: {name}, namespace: shop}}\nspec:\n  resourceSelectors: [{{apiVersion: {kind}, name: {object}}}]\n  placement: {placement}\n"
    )
}

fn commits(files: &[(&str, String)]) -> Commits {
    let revision = Revision {
        name: "main".to_owned(),
        commit_id: CommitId::new("1".repeat(40)).expect("an id"),
    };
    let mut tree = MemoryTree::new();
    for (path, text) in files {
        tree.insert(RepoPath::new(path).expect("plain"), text.as_bytes());
    }
    Commits::of_hub("hub", revision, Arc::new(tree))
}

/// Asks until nothing is missing: every ref of the hub repository is the commit in question.
fn answered<T>(commits: &mut Commits, ask: impl Fn(&Commits) -> Result<T, Need>) -> T {
    let mut answer = ask(commits);
    while let Err(Need::Sources(sources)) = answer {
        for source in sources {
            let tree = Arc::clone(&commits.hub_tree);
            let state = SourceState::At(commits.hub.clone(), tree);
            commits.sources.insert(source, state);
        }
        answer = ask(commits);
    }
    answer.expect("because everything lies in the hub repository")
}

fn reasons(problems: &[Problem]) -> BTreeSet<Reason> {
    problems.iter().map(|problem| problem.reason).collect()
}

fn of_survey(survey: &Survey, cluster: &ClusterName) -> Decided {
    let found = survey.of(cluster).map(|found| {
        let content = found.content.map(|content| {
            let objects = content.objects.iter();
            objects
                .map(|object| (object.id.to_string(), object.digest.clone()))
                .collect()
        });
        (found.application.key.to_string(), content.map_err(reasons))
    });
    found.collect()
}

fn of_agent(commits: &mut Commits, cluster: &ClusterName, path: &RepoPath) -> Decided {
    let request = Request {
        cluster: cluster.clone(),
        fleet_file: path.clone(),
        only: None,
        key: Vec::new(),
        own: muster_sync::OwnObjects::default(),
        namespaces: None,
        renders: Arc::default(),
    };
    let desired = answered(commits, |commits| {
        desire(&request, commits, &Scopes::builtin())
    });
    let decided = desired.applications.into_iter().map(|(key, application)| {
        let content = application
            .content
            .ok_or_else(|| reasons(&application.problems));
        let objects = content.map(|set| {
            let objects = set.objects.iter();
            objects
                .map(|object| (object.id.to_string(), object.digest.clone()))
                .collect()
        });
        (key.to_string(), objects)
    });
    decided.collect()
}

/// Compares cluster by cluster; how many Applications have content, and how many have none.
fn agree(files: &[(&str, String)]) -> (usize, usize) {
    let path = RepoPath::new("fleet.yaml").expect("plain");
    let mut commits = commits(files);
    let memory = Memory::new(Vec::new());
    let found = answered(&mut commits, |commits| {
        survey(&Question {
            commits,
            fleet_file: &path,
            memory: &memory,
            each: &one_by_one,
        })
    });
    let (mut good, mut bad) = (0, 0);
    for cluster in found.hub.fleet.clusters.iter().map(|c| &c.name) {
        let planned = of_survey(&found, cluster);
        let decided = of_agent(&mut commits, cluster, &path);
        assert_eq!(planned, decided, "{cluster}");
        good += planned.values().filter(|content| content.is_ok()).count();
        bad += planned.values().filter(|content| content.is_err()).count();
    }
    (good, bad)
}

const SITES: &str = "  clusters:\n    - {name: east, labels: {site: dc}, capacity: {cpu: '4'}}\n    - {name: west, labels: {site: dc}, capacity: {cpu: '2'}}\n    - {name: edge, labels: {site: edge}}\n  placements: [{source: apps, policies: policies.yaml, project: shop, namespace: shop}]\n";

const WEIGHTS: &str = "{clusterAffinity: {labelSelector: {matchLabels: {site: dc}}}, replicaScheduling: {replicaSchedulingType: Divided, replicaDivisionPreference: Weighted, weightPreference: {staticWeightList: [{targetCluster: {clusterNames: [east]}, weight: 2}, {targetCluster: {clusterNames: [west]}, weight: 1}]}}}";

/// Divided and duplicated templates with an override; the fleet file is given.
fn placed(sites: &str, replicas: u32, placement: &str) -> Vec<(&'static str, String)> {
    let overrides = "---\napiVersion: policy.karmada.io/v1alpha1\nkind: OverridePolicy\nmetadata: {name: o, namespace: shop}\nspec:\n  overrideRules:\n    - targetCluster: {clusterNames: [west]}\n      overriders: {imageOverrider: [{component: Registry, operator: replace, value: mirror.example.com}]}\n";
    vec![
        ("fleet.yaml", fleet(sites)),
        ("argo.yaml", PROJECTS.to_owned()),
        ("apps/web.yaml", deployment("web", replicas)),
        ("apps/all.yaml", config("all", "shop")),
        (
            "policies.yaml",
            policy("web", "apps/v1, kind: Deployment", "web", placement)
                + &policy("all", "v1, kind: ConfigMap", "all", "{}")
                + overrides,
        ),
    ]
}

#[test]
fn placements_are_decided_alike() {
    assert_eq!(agree(&placed(SITES, 5, WEIGHTS)), (5, 0));
    let suspended = SITES.replace("{name: west,", "{name: west, state: Suspended,");
    assert_eq!(agree(&placed(&suspended, 5, WEIGHTS)), (3, 0));
    let aggregated = "{replicaScheduling: {replicaSchedulingType: Divided, replicaDivisionPreference: Aggregated}}";
    assert_eq!(agree(&placed(SITES, 9, aggregated)), (5, 0));
    // More than the clusters carry: nothing is placed, and what runs stays.
    let (good, _) = agree(&placed(SITES, 90, aggregated));
    assert_eq!(good, 3);
}

#[test]
fn what_a_project_refuses_or_a_render_lacks_is_decided_alike() {
    let clusters = "  clusters: [{name: east, labels: {env: prod}}, {name: west, labels: {env: lab}}, {name: edge, labels: {env: none}}]\n";
    let set = "---\napiVersion: argoproj.io/v1alpha1\nkind: ApplicationSet\nmetadata: {name: web}\nspec:\n  goTemplate: true\n  generators: [{clusters: {}}]\n  template:\n    metadata: {name: 'web-{{.name}}'}\n    spec:\n      project: shop\n      source: {repoURL: 'https://git.example.com/hub.git', path: 'apps/{{.metadata.labels.env}}', targetRevision: main}\n      destination: {server: '{{.server}}', namespace: shop}\n";
    let counts = agree(&[
        ("fleet.yaml", fleet(clusters)),
        ("argo.yaml", format!("{PROJECTS}{set}")),
        (
            "apps/prod/a.yaml",
            config("a", "shop") + &deployment("web", 2),
        ),
        ("apps/lab/a.yaml", config("a", "other")),
    ]);
    assert_eq!(counts, (1, 2));
}

#[test]
fn children_of_other_clusters_and_shared_names_are_decided_alike() {
    let clusters =
        "  managementCluster: hub\n  clusters: [{name: hub}, {name: east}, {name: west}]\n";
    let children = application("child-east", "east", "leaf")
        + &application("child-west", "west", "leaf")
        + &application("twin", "west", "leaf");
    let counts = agree(&[
        ("fleet.yaml", fleet(clusters)),
        (
            "argo.yaml",
            PROJECTS.to_owned()
                + &application("root", "hub", "children")
                + &application("twin", "west", "leaf"),
        ),
        ("children/all.yaml", children),
        ("leaf/a.yaml", config("a", "shop")),
    ]);
    // The root itself and one child on each cluster; the twins refuse each other.
    assert_eq!(counts, (3, 1));
}
