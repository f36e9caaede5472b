use muster_model::{Budgets, Problem, yaml};

use super::*;

/// A set with these lines under `spec`, and what is said of it.
fn read(lines: &str) -> (ApplicationSet, String, String) {
    let text = format!(
        "apiVersion: argoproj.io/v1alpha1
kind: ApplicationSet
metadata: {{name: web}}
spec:
  generators: [{{clusters: {{}}}}]
  template:
    metadata: {{name: '{{{{name}}}}'}}
    spec: {{project: p, source: {{repoURL: 'https://git.example.com/hub', path: x}}, destination: {{name: east}}}}
{lines}"
    );
    let node = yaml::read(text.as_bytes(), &Budgets::default(), 0)
        .expect("YAML")
        .remove(0);
    let mut decoder = Decoder::new("a.yaml", Reason::InvalidField);
    let set = ApplicationSet::read(&mut decoder, &node);
    let (problems, warnings) = decoder.into_problems();
    let show = |problems: &[Problem]| problems.iter().map(|p| format!("{p}\n")).collect();
    (set, show(&problems), show(&warnings))
}

#[test]
fn what_becomes_of_objects_follows_the_sync_policy() {
    let removal = |policy: &str| {
        let (set, problems, _) = read(&format!("  syncPolicy: {policy}\n"));
        assert_eq!(problems, "");
        set.on_removal
    };
    assert_eq!(removal("{}"), OnRemoval::Delete);
    assert_eq!(removal("{applicationsSync: sync}"), OnRemoval::Delete);
    assert_eq!(
        removal("{applicationsSync: create-update}"),
        OnRemoval::Preserve
    );
    assert_eq!(
        removal("{preserveResourcesOnDeletion: true}"),
        OnRemoval::Preserve
    );
    assert_eq!(read("").0.on_removal, OnRemoval::Delete);
}

#[test]
fn applications_that_may_not_change_with_the_commit_are_refused() {
    for policy in ["create-only", "create-delete"] {
        let (_, problems, _) = read(&format!("  syncPolicy: {{applicationsSync: {policy}}}\n"));
        assert!(
            problems.contains("a.yaml:9: an Application is a function of the commit")
                && problems.contains("spec.syncPolicy.applicationsSync")
                && problems.contains("help: use `sync` or `create-update`"),
            "{problems}"
        );
    }
    let (_, problems, _) = read("  syncPolicy: {applicationsSync: never}\n");
    assert!(
        problems.contains("`never` is none of: sync, create-update"),
        "{problems}"
    );
}

#[test]
fn ignored_differences_are_read_and_have_no_effect() {
    let (_, problems, warnings) = read(
        "  ignoreApplicationDifferences:\n    - {name: a, jsonPointers: [/spec/source], jqPathExpressions: [.spec]}\n  preservedFields: {annotations: [x]}\n",
    );
    assert_eq!(problems, "");
    assert!(
        warnings.contains("a.yaml:10: `ignoreApplicationDifferences` has no effect")
            && warnings.contains("`preservedFields` has no effect"),
        "{warnings}"
    );
    let (_, problems, _) =
        read("  ignoreApplicationDifferences:\n    - {jsonPointers: [spec], jsonPointer: x}\n");
    assert!(
        problems.contains("a.yaml:10: `spec` is no JSON pointer")
            && problems.contains("did you mean `jsonPointers`?"),
        "{problems}"
    );
}

#[test]
fn strategies_are_read_and_checked() {
    let (set, problems, _) = read(
        "  strategy:\n    type: RollingSync\n    deletionOrder: Reverse\n    rollingSync:\n      steps:\n        - {matchExpressions: [{key: env, operator: In, values: [prod]}], maxUpdate: 25%}\n",
    );
    assert_eq!(problems, "");
    let Strategy::RollingSync {
        steps,
        deletion_order,
    } = set.strategy
    else {
        panic!("{:?}", set.strategy);
    };
    assert_eq!(steps[0].max_update, Some(MaxUpdate::Percent(25)));
    assert_eq!(deletion_order, DeletionOrder::Reverse);
    for (strategy, why) in [
        (
            "{type: Rolling}",
            "`Rolling` is none of: AllAtOnce, RollingSync",
        ),
        ("{type: RollingSync}", "at least one step"),
        (
            "{type: RollingSync, rollingSync: {steps: [{maxUpdate: 200%}]}}",
            "a number or a share",
        ),
        (
            "{type: RollingSync, rollingSync: {steps: [{matchExpressions: [{key: a, operator: Exists}]}]}}",
            "none of: In, NotIn",
        ),
    ] {
        let (_, problems, _) = read(&format!("  strategy: {strategy}\n"));
        assert!(
            problems.contains(why) && problems.contains("a.yaml:9"),
            "{strategy}: {problems}"
        );
    }
}

#[test]
fn options_of_go_templates_are_those_of_go() {
    let (_, problems, _) = read("  goTemplate: true\n  goTemplateOptions: [missingkey=fail]\n");
    assert!(
        problems.contains("unknown option `missingkey=fail`"),
        "{problems}"
    );
    assert!(
        problems.contains("help: one of: missingkey=default"),
        "{problems}"
    );
}

#[test]
fn texts_of_generators_are_templates_only_where_they_are_executed() {
    let read = |generator: &str| {
        let text = format!(
            "{{metadata: {{name: x}}, spec: {{goTemplate: true, generators: [{generator}], template: {{metadata: {{name: a}}, spec: {{project: p, source: {{repoURL: 'https://h/r', path: x}}, destination: {{name: east}}}}}}}}}}"
        );
        let node = yaml::read(text.as_bytes(), &Budgets::default(), 0).expect("YAML");
        let mut decoder = Decoder::new("a.yaml", Reason::InvalidField);
        ApplicationSet::read(&mut decoder, &node[0]);
        decoder.refuse_all()
    };
    assert_eq!(read("{list: {elements: [{a: '{{ none }}'}]}}"), Ok(()));
    assert!(read("{clusters: {values: {a: '{{ now }}'}}}").is_err());
    assert!(read(
        "{matrix: {generators: [{list: {elements: []}}, {git: {files: [{path: a}], values: {a: '{{'}}}]}}"
    )
    .is_err());
}
