use muster_model::MemoryTree;

use super::*;

fn fleet(spec: &str) -> String {
    format!("apiVersion: muster.dev/v1alpha1\nkind: Fleet\nmetadata: {{name: f}}\nspec: {spec}\n")
}

fn load_of(files: &[(&str, &str)]) -> Result<Hub, Failure> {
    let tree = MemoryTree::of(files.iter().copied());
    load(&tree, &RepoPath::new("fleet.yaml").expect("plain"))
}

fn refused(result: Result<Hub, Failure>) -> String {
    match result {
        Err(Failure::Refused(problems)) => problems.iter().map(|p| format!("{p}\n")).collect(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn missing_files_are_named_together_with_who_named_them() {
    let text = fleet("{clusters: [], resources: [a.yaml, b.yaml]}");
    let found = refused(load_of(&[("fleet.yaml", &text)]));
    assert!(
        found.contains("a.yaml: there is no file `a.yaml`"),
        "{found}"
    );
    assert!(
        found.contains("from: fleet.yaml") && found.contains("b.yaml"),
        "{found}"
    );
}

#[test]
fn a_resource_that_is_not_yaml_refuses_the_whole() {
    let text = fleet("{clusters: [], resources: [a.yaml]}");
    let found = refused(load_of(&[
        ("fleet.yaml", &text),
        ("a.yaml", "a: 1\na: 2\n"),
    ]));
    assert!(found.contains("a.yaml:2"), "{found}");
    let found = refused(load_of(&[
        ("fleet.yaml", &text),
        (
            "a.yaml",
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\n",
        ),
    ]));
    assert!(found.contains("is not an Argo CD object"), "{found}");
}

#[test]
fn objects_with_a_name_are_set_apart_when_they_are_wrong() {
    let text = fleet("{clusters: [], resources: [a.yaml]}");
    let argo = "apiVersion: argoproj.io/v1alpha1\nkind: AppProject\nmetadata: {name: p}\nspec: {syncWindows: [{kind: allow}]}\n";
    let hub = load_of(&[("fleet.yaml", &text), ("a.yaml", argo)]).expect("a hub");
    assert!(hub.projects.is_empty());
    assert!(
        hub.broken.projects["p"][0]
            .message
            .contains("`syncWindows` is not supported")
    );
}

#[test]
fn a_rolling_sync_needs_status_keys() {
    let argo = "
apiVersion: argoproj.io/v1alpha1
kind: ApplicationSet
metadata: {name: s}
spec:
  generators: [{clusters: {}}]
  strategy: {type: RollingSync, rollingSync: {steps: [{matchExpressions: [{key: env, operator: In, values: [dev]}]}]}}
  template: {metadata: {name: '{{name}}'}, spec: {project: p, source: {repoURL: 'https://x/y', path: a}, destination: {name: '{{name}}'}}}
";
    let text = fleet("{clusters: [{name: east}], resources: [a.yaml]}");
    let hub = load_of(&[("fleet.yaml", &text), ("a.yaml", argo)]).expect("a hub");
    assert!(hub.broken.sets["s"][0].message.contains("no statusKeys"));
}
