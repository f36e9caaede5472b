//! Bad input to the fleet language (HAZARDS.md section 3): every answer names the file, the line and what to do.

use muster_fleet::failure::Failure;
use muster_fleet::hub::{Hub, load};
use muster_fleet::targets::{Targets, targets};
use muster_model::{ClusterName, MemoryTree, Problem, Reason, RepoPath};

const FLEET: &str = "apiVersion: muster.dev/v1alpha1
kind: Fleet
metadata: {name: f}
spec:
  clusters:
    - {name: east, labels: {env: prod}}
  repositories: [{url: 'https://git.example.com/hub', self: true}]
  resources: [argo.yaml]
";

const PROJECT: &str = "apiVersion: argoproj.io/v1alpha1
kind: AppProject
metadata: {name: default}
spec: {sourceRepos: ['*'], destinations: [{server: '*', namespace: '*'}]}
---
";

/// An ApplicationSet; its first line is line 6 of `argo.yaml`.
fn set(generators: &str, name: &str) -> String {
    format!(
        "{PROJECT}apiVersion: argoproj.io/v1alpha1
kind: ApplicationSet
metadata: {{name: web}}
spec:
  goTemplate: true
  goTemplateOptions: [missingkey=error]
  generators: {generators}
  template:
    metadata: {{name: '{name}'}}
    spec:
      project: default
      source: {{repoURL: 'https://git.example.com/hub', path: x, targetRevision: main}}
      destination: {{name: east, namespace: web}}
"
    )
}

fn load_of(fleet: &str, argo: &str) -> (Result<Hub, Failure>, MemoryTree) {
    let lfs = "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n";
    let tree = MemoryTree::of([
        ("fleet.yaml", fleet),
        ("argo.yaml", argo),
        ("big.yaml", lfs),
    ]);
    let hub = load(&tree, &RepoPath::new("fleet.yaml").expect("plain"));
    (hub, tree)
}

fn text(problems: &[Problem]) -> String {
    problems.iter().map(|p| format!("{p}\n")).collect()
}

/// What is wrong with the fleet file, or with a file it names, as a whole.
fn refused(fleet: &str, argo: &str) -> String {
    match load_of(fleet, argo).0 {
        Err(Failure::Refused(problems)) => text(&problems),
        other => unreachable!("{other:?}"),
    }
}

fn east(argo: &str) -> Targets {
    let (hub, tree) = load_of(FLEET, argo);
    let east = ClusterName::new("east").expect("a name");
    targets(&hub.expect("a hub"), &east, &tree).expect("targets")
}

/// The text holds every part.
fn assert_says(found: &str, parts: &[&str]) {
    for part in parts {
        assert!(found.contains(part), "{part:?} is not in:\n{found}");
    }
}

#[test]
fn t_10_an_lfs_pointer_where_yaml_is_expected() {
    let found = refused(&FLEET.replace("[argo.yaml]", "[big.yaml]"), "");
    assert_says(
        &found,
        &[
            "big.yaml:",
            "[LfsPointer]",
            "from: fleet.yaml",
            "help: commit YAML without LFS",
        ],
    );
}

#[test]
fn t_22_yaml_that_kubernetes_would_not_read() {
    let twice = FLEET.replace(
        "metadata: {name: f}",
        "metadata: {name: f}\nmetadata: {name: g}",
    );
    assert_says(&refused(&twice, ""), &["fleet.yaml:4:", "help:"]);
    let argo = format!("{}  template: {{}}\n", set("[{list: {elements: []}}]", "a"));
    assert_says(&refused(FLEET, &argo), &["argo.yaml:19:", "[InvalidYaml]"]);
    for (what, bytes) in [
        ("a tab", "kind:\tFleet\n\tx: y\n"),
        ("NUL", "kind: \0\n"),
        ("an alias without its anchor", "a: *b\n"),
    ] {
        let found = refused(FLEET, bytes);
        assert_says(&found, &["argo.yaml:"]);
        assert!(found.contains("[InvalidYaml]"), "{what}: {found}");
    }
    // Typed as Kubernetes types them: `yes` is a text, `on` too, and a number is no label.
    let typed = FLEET.replace("env: prod", "env: 0x10");
    assert_says(
        &refused(&typed, ""),
        &[
            "fleet.yaml:6:",
            "expected a text, found",
            "help: quote the value: \"0x10\"",
        ],
    );
    let words = FLEET.replace("env: prod", "env: yes, on: off");
    assert!(load_of(&words, PROJECT).0.is_ok());
}

#[test]
fn t_29_a_bad_fleet_file_is_refused_as_a_whole_with_everything_that_is_wrong() {
    let bad = FLEET
        .replace("muster.dev/v1alpha1", "muster.dev/v9")
        .replace("clusters:", "clutsers: []\n  clusters:")
        .replace(
            "resources: [argo.yaml]",
            "resources: argo.yaml\n  serial: -1",
        );
    assert_says(
        &refused(&bad, ""),
        &[
            "fleet.yaml:1: unknown apiVersion `muster.dev/v9`",
            "help: this program reads muster.dev/v1alpha1",
            "fleet.yaml:5: unknown field `clutsers`",
            "help: did you mean `clusters`?",
            "expected a list, found",
            "the serial is a number from 0 on",
        ],
    );
}

#[test]
fn t_29_templates_that_read_more_than_the_commit_are_refused_by_name() {
    for (call, what) in [
        ("env \"HOME\"", "the environment"),
        ("expandenv \"$HOME\"", "the environment"),
        ("now", "the clock"),
        ("uuidv4", "randomness"),
        ("getHostByName \"x\"", "the network"),
    ] {
        let found = east(&set("[{clusters: {}}]", &format!("x-{{{{ {call} }}}}")));
        let message = text(&found.problems);
        assert_says(
            &message,
            &[
                "argo.yaml:",
                what,
                "a plan is a function of the commit",
                "help:",
            ],
        );
        assert!(
            found.incomplete.sets.contains("web"),
            "nothing of it is pruned"
        );
    }
    let message = text(&east(&set("[{clusters: {}}]", "{{ httpGet \"x\" }}")).problems);
    assert_says(&message, &["function \"httpGet\" not defined"]);
}

#[test]
fn t_36_durations_are_bounded_and_their_line_is_named() {
    for duration in ["99999999h", "-5m", "NaN", "1e400", "5", "''"] {
        let bad = format!("{FLEET}  status: {{heartbeat: {duration}}}\n");
        let found = refused(&bad, "");
        assert_says(&found, &["fleet.yaml:9:", "spec.status.heartbeat"]);
    }
    for duration in ["99999999h", "-5m"] {
        let bad = format!("{FLEET}  rollouts: [{{applicationSet: web, soak: {duration}}}]\n");
        assert_says(&refused(&bad, PROJECT), &["fleet.yaml:9:", "soak"]);
    }
}

/// HAZARDS.md T-65 at this level: a cluster that the file does not name is `Unassigned`, which deletes nothing.
#[test]
fn t_65_a_cluster_without_an_entry_is_unassigned() {
    let (hub, tree) = load_of(FLEET, PROJECT);
    let gone = ClusterName::new("gone").expect("a name");
    let Err(Failure::Refused(problems)) = targets(&hub.expect("a hub"), &gone, &tree) else {
        panic!("it is not in the fleet");
    };
    assert_eq!(problems[0].reason, Reason::Unassigned);
}

#[test]
fn a_matrix_of_ten_thousand_by_ten_thousand_is_stopped_at_once() {
    let elements: Vec<String> = (0..10_000).map(|i| format!("{{a: 'v{i}'}}")).collect();
    let other: Vec<String> = (0..10_000).map(|i| format!("{{b: 'v{i}'}}")).collect();
    let list = |elements: &[String]| format!("{{list: {{elements: [{}]}}}}", elements.join(", "));
    let matrix = |second: &str| {
        format!(
            "[{{matrix: {{generators: [{}, {second}]}}}}]",
            list(&elements)
        )
    };
    let plain = set(&matrix(&list(&other)), "x");
    let templated = set(
        &matrix(&list(&other).replace("{b: 'v0'}", "{b: '{{ .a }}'}")),
        "x",
    );
    for argo in [plain, templated] {
        let (hub, tree) = load_of(FLEET, &argo);
        let hub = hub.expect("a hub");
        let found =
            targets(&hub, &ClusterName::new("east").expect("a name"), &tree).expect("targets");
        assert_says(
            &text(&found.problems),
            &[
                "argo.yaml:6:",
                "more than 200000 combinations",
                "[NodeBudget]",
                "help: narrow one of its generators",
            ],
        );
        assert!(found.incomplete.sets.contains("web"));
    }
}

#[test]
fn a_selector_that_matches_nothing_is_a_warning_with_its_line() {
    let found = east(&set(
        "[{clusters: {selector: {matchLabels: {env: production}}}}, {list: {elements: [{name: a}]}}]",
        "web-{{.name}}",
    ));
    assert_eq!(found.problems, []);
    assert_says(
        &text(&found.warnings),
        &[
            "argo.yaml:12: a selector of ApplicationSet `web` matches no cluster",
            "field: spec.generators[0].clusters.selector",
            "help: correct the label, or label a cluster",
        ],
    );
    let nested = east(&set(
        "[{matrix: {generators: [{clusters: {selector: {matchLabels: {env: none}}}}, {list: {elements: [{a: b}]}}]}}]",
        "web-{{.name}}",
    ));
    assert_says(
        &text(&nested.warnings),
        &[
            "spec.generators[0].matrix.generators[0].clusters.selector",
            "generates no Application",
        ],
    );
}

#[test]
fn two_applications_with_one_name_are_refused_with_their_set() {
    let found = east(&set("[{list: {elements: [{n: a}, {n: b}]}}]", "web"));
    assert_says(
        &text(&found.problems),
        &[
            "argo.yaml:6: 2 Applications are called `web`: ApplicationSet `web`",
            "help: make the template's name unique",
        ],
    );
    assert_eq!(found.applications, []);
}

#[test]
fn a_label_or_name_that_kubernetes_would_refuse_is_named() {
    for (label, why) in [
        ("'-x': y", "`-x` is no label key"),
        ("'Bad_Prefix/x': y", "is no DNS subdomain"),
        ("x: 'a b'", "`a b` is no label value"),
    ] {
        let bad = FLEET.replace("env: prod", label);
        assert_says(&refused(&bad, ""), &["fleet.yaml:6:", why, "labels"]);
    }
    let selector = set(
        "[{clusters: {selector: {matchLabels: {env: 'a b'}}}}]",
        "web",
    );
    assert_says(
        &text(&east(&selector).problems),
        &["argo.yaml:12:", "is no label value"],
    );
    let name = text(&east(&set("[{list: {elements: [{n: 'Not A Name'}]}}]", "{{.n}}")).problems);
    assert_says(
        &name,
        &["argo.yaml:14:", "`Not A Name` is no DNS subdomain"],
    );
    let cluster = FLEET.replace("name: east", "name: East_1");
    assert_says(&refused(&cluster, ""), &["fleet.yaml:6:", "East_1"]);
}

#[test]
fn a_template_that_never_ends_is_stopped() {
    for name in [
        "{{ range until 100000 }}{{ range until 100000 }}x{{ end }}{{ end }}",
        "{{ range until 100000 }}{{ repeat 1000 \"x\" }}{{ end }}",
        "{{ define \"t\" }}{{ template \"t\" . }}{{ end }}{{ template \"t\" . }}",
        "{{ $s := \"x\" }}{{ range until 40 }}{{ $s = cat $s $s }}{{ end }}{{ len $s }}",
        "{{ $l := list 1 }}{{ range until 40 }}{{ $l = concat $l $l }}{{ end }}{{ len $l }}",
    ] {
        let found = east(&set("[{list: {elements: [{n: a}]}}]", name));
        assert_says(
            &text(&found.problems),
            &["argo.yaml:6:", "[TemplateFailed]"],
        );
    }
}
