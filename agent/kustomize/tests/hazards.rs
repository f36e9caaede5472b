//! Bad input and its answer, one test per row of HAZARDS.md.

use std::sync::Arc;

use muster_kustomize::{Cache, Failure, Options, SourceOptions, build, render};
use muster_model::{Budgets, MemoryTree, Problem, Reason, RepoPath};

const CM: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n";

fn dir(text: &str) -> RepoPath {
    RepoPath::new(text).expect("a plain path")
}

fn refused(tree: &MemoryTree, at: &str) -> Problem {
    let result = render(
        tree,
        &dir(at),
        &SourceOptions::default(),
        &Options::default(),
    );
    let Failure::Refused(problem) = result.expect_err("it is refused") else {
        unreachable!("because a tree in memory has every blob")
    };
    problem
}

fn reason(files: &[(&str, &str)]) -> Reason {
    refused(&MemoryTree::of(files.iter().copied()), "app").reason
}

#[test]
fn t01_t02_links_are_never_followed() {
    for (kustomization, link) in [
        ("resources: [x/a.yaml]", "app/x"),
        ("resources: [a.yaml]", "app/a.yaml"),
    ] {
        let mut tree = MemoryTree::of([
            ("app/kustomization.yaml", kustomization),
            ("other/a.yaml", CM),
        ]);
        tree.insert_symlink(dir(link), "../other");
        let problem = refused(&tree, "app");
        assert_eq!(problem.reason, Reason::SymlinkNotAllowed);
        assert!(problem.message.contains(link), "{problem}");
    }
}

#[test]
fn t03_paths_do_not_leave_the_repository() {
    for path in [
        "../../../../etc/passwd",
        "/etc/passwd",
        "'C:\\x'",
        "'\\\\?\\x'",
        "'%2e%2e/x'",
    ] {
        let file = format!("resources: [{path}]\n");
        assert_eq!(
            reason(&[("app/kustomization.yaml", &file)]),
            Reason::PathEscapesRepo,
            "{path}"
        );
        let file = format!("configMapGenerator: [{{name: a, files: [{path}]}}]\n");
        assert_eq!(
            reason(&[("app/kustomization.yaml", &file)]),
            Reason::PathEscapesRepo,
            "{path}"
        );
    }
}

#[test]
fn t04_a_base_may_lie_above_the_application_but_a_file_may_not() {
    let files = [
        ("app/kustomization.yaml", "resources: [../base]"),
        ("base/kustomization.yaml", "resources: [a.yaml]"),
        ("base/a.yaml", CM),
    ];
    assert!(build(&MemoryTree::of(files), &dir("app"), &Options::default()).is_ok());
    let files = [
        ("app/kustomization.yaml", "resources: [../base/a.yaml]"),
        ("base/a.yaml", CM),
    ];
    assert_eq!(reason(&files), Reason::PathEscapesRepo);
}

#[test]
fn t10_a_pointer_of_git_lfs_is_no_manifest() {
    let pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n";
    assert_eq!(
        reason(&[
            ("app/kustomization.yaml", "resources: [a.yaml]"),
            ("app/a.yaml", pointer)
        ]),
        Reason::LfsPointer
    );
    assert_eq!(reason(&[("app/a.yaml", pointer)]), Reason::LfsPointer);
}

#[test]
fn t16_t17_nothing_remote_is_named() {
    for url in [
        "https://example.com/x.yaml",
        "github.com/org/repo//x?ref=v1",
        "git::https://x/y",
        "s3::https://x/y",
        "ssh://git@x/y",
        "file:///x",
        "git@host:x/y",
    ] {
        for field in [
            "resources: [\"URL\"]",
            "components: [\"URL\"]",
            "bases: [\"URL\"]",
            "crds: [\"URL\"]",
            "configurations: [\"URL\"]",
            "openapi: {path: \"URL\"}",
            "patches: [{path: \"URL\"}]",
            "patchesStrategicMerge: [\"URL\"]",
            "replacements: [{path: \"URL\"}]",
            "configMapGenerator: [{name: a, files: [\"k=URL\"]}]",
            "secretGenerator: [{name: a, envs: [\"URL\"]}]",
            "transformers: [\"URL\"]",
        ] {
            if field.contains("k=") && url.contains('=') {
                continue;
            }
            let file = field.replace("URL", url);
            assert_eq!(
                reason(&[("app/kustomization.yaml", &file)]),
                Reason::RemoteBaseNotAllowed,
                "{file}"
            );
        }
    }
}

#[test]
fn t18_plugins_and_charts_are_refused_by_name() {
    let exec = "apiVersion: example.com/v1\nkind: Exec\nmetadata: {name: x}\n";
    for field in ["generators", "transformers", "validators"] {
        let file = format!("{field}: [p.yaml]\n");
        assert_eq!(
            reason(&[("app/kustomization.yaml", &file), ("app/p.yaml", exec)]),
            Reason::PluginNotAllowed
        );
    }
    assert_eq!(
        reason(&[("app/kustomization.yaml", "helmCharts: [{name: x}]")]),
        Reason::HelmNotSupported
    );
    assert_eq!(
        reason(&[("app/Chart.yaml", "name: x")]),
        Reason::HelmNotSupported
    );
    assert_eq!(
        reason(&[("app/a.yaml", CM), ("app/.argocd-source.yaml", "x: 1")]),
        Reason::NotSupported
    );
}

#[test]
fn t19_cycles_and_endless_chains_end() {
    let cycle = [
        ("app/kustomization.yaml", "resources: [../b]"),
        ("b/kustomization.yaml", "resources: [../app]"),
    ];
    let problem = refused(&MemoryTree::of(cycle), "app");
    assert_eq!(problem.reason, Reason::Cycle);
    let chain: Vec<_> = problem.chain.iter().map(ToString::to_string).collect();
    assert_eq!(
        chain,
        ["app/kustomization.yaml:1", "b/kustomization.yaml:1"]
    );
    let own = "kind: Component\napiVersion: kustomize.config.k8s.io/v1alpha1\ncomponents: [../c]";
    assert_eq!(
        reason(&[
            ("app/kustomization.yaml", "components: [../c]"),
            ("c/kustomization.yaml", own)
        ]),
        Reason::Cycle
    );
    let mut tree = MemoryTree::new();
    for n in 0..100 {
        tree.insert(
            dir(&format!("c{n}/kustomization.yaml")),
            format!("resources: [../c{}]\n", n + 1).into_bytes(),
        );
    }
    assert_eq!(refused(&tree, "c0").reason, Reason::DepthLimit);
}

#[test]
fn t20_a_fan_out_of_diamonds_spends_its_budget() {
    let mut tree = MemoryTree::new();
    for n in 0..30 {
        let body = format!("resources: [../a{0}, ../b{0}]\nnamePrefix: x\n", n + 1);
        for side in ["a", "b"] {
            tree.insert(
                dir(&format!("{side}{n}/kustomization.yaml")),
                body.clone().into_bytes(),
            );
        }
    }
    for side in ["a", "b"] {
        tree.insert(
            dir(&format!("{side}30/kustomization.yaml")),
            b"configMapGenerator: []\nnamespace: x\n".as_slice(),
        );
    }
    assert_eq!(refused(&tree, "a0").reason, Reason::NodeBudget);
}

#[test]
fn t21_t22_hostile_yaml_is_refused() {
    let bomb = "a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c]\ne: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d]\nf: [*e,*e,*e,*e,*e,*e,*e,*e,*e]\n";
    assert_eq!(
        reason(&[
            ("app/kustomization.yaml", "resources: [a.yaml]"),
            ("app/a.yaml", bomb)
        ]),
        Reason::YamlBudget
    );
    let deep = "[".repeat(100_000);
    assert_eq!(
        reason(&[
            ("app/kustomization.yaml", "resources: [a.yaml]"),
            ("app/a.yaml", &deep)
        ]),
        Reason::YamlBudget
    );
    let twice = format!("{CM}data: {{a: x, a: y}}\n");
    let tree = MemoryTree::of([
        ("app/kustomization.yaml", "resources: [a.yaml]"),
        ("app/a.yaml", &*twice),
    ]);
    let problem = refused(&tree, "app");
    assert_eq!(
        (problem.reason, problem.at.map(|a| a.to_string())),
        (Reason::InvalidYaml, Some("app/a.yaml:4".to_owned()))
    );
}

#[test]
fn t23_t24_objects_need_an_identity_of_their_own() {
    let list = format!(
        "apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: List\n  items:\n  - {}\n",
        "{apiVersion: v1, kind: ConfigMap, metadata: {name: a}}"
    );
    let tree = MemoryTree::of([("app/a.yaml", &*list)]);
    let rendered = render(
        &tree,
        &dir("app"),
        &SourceOptions::default(),
        &Options::default(),
    )
    .expect("a list is opened");
    assert_eq!(
        rendered
            .objects()
            .iter()
            .map(|o| o.id().to_string())
            .collect::<Vec<_>>(),
        ["ConfigMap/a"]
    );
    for (text, wanted) in [
        (
            "kind: ConfigMap\nmetadata: {name: a}\napiVersion: ''\n",
            Reason::InvalidObject,
        ),
        (
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {}\n",
            Reason::InvalidObject,
        ),
        (
            "apiVersion: v1\nkind: Pod\nmetadata: {generateName: a-}\n",
            Reason::InvalidObject,
        ),
        (
            "apiVersion: v1\nkind: List\nitems: [{apiVersion: v1, kind: List, items: [{kind: X, metadata: {}}]}]\n",
            Reason::InvalidObject,
        ),
    ] {
        assert_eq!(reason(&[("app/a.yaml", text)]), wanted, "{text}");
    }
    assert_eq!(
        reason(&[("app/a.yaml", CM), ("app/b.yaml", CM)]),
        Reason::DuplicateObject
    );
    let bases = [
        ("app/kustomization.yaml", "resources: [../b, ../c]"),
        ("b/kustomization.yaml", "resources: [a.yaml]"),
        ("b/a.yaml", CM),
        ("c/kustomization.yaml", "resources: [a.yaml]"),
        ("c/a.yaml", CM),
    ];
    assert_eq!(reason(&bases), Reason::DuplicateObject);
}

#[test]
fn t26_t28_objects_that_no_cluster_takes_are_refused_before_it() {
    let annotation = format!(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: a, annotations: {{x: {}}}}}\n",
        "y".repeat(1 << 20)
    );
    assert_eq!(
        reason(&[("app/a.yaml", &annotation)]),
        Reason::ObjectTooLarge
    );
    let big = format!("{CM}data: {{x: {}}}\n", "y".repeat(2 << 20));
    assert_eq!(reason(&[("app/a.yaml", &big)]), Reason::ObjectTooLarge);
    for (version, kind) in [
        ("coordination.k8s.io/v1", "Lease"),
        ("v1", "Event"),
        ("v1", "Node"),
        ("authentication.k8s.io/v1", "TokenReview"),
    ] {
        let text = format!("apiVersion: {version}\nkind: {kind}\nmetadata: {{name: a}}\n");
        assert_eq!(reason(&[("app/a.yaml", &text)]), Reason::KindDenied);
    }
}

#[test]
fn t27_marks_of_ownership_are_not_for_manifests() {
    for (field, key) in [
        ("labels", "applyset.kubernetes.io/part-of"),
        ("labels", "muster.dev/application"),
        ("annotations", "muster.dev/applied"),
    ] {
        let text = format!(
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: a, {field}: {{{key}: x}}}}\n"
        );
        assert_eq!(
            reason(&[("app/a.yaml", &text)]),
            Reason::ReservedObject,
            "{key}"
        );
    }
}

#[test]
fn t35_too_many_objects_are_refused_whole() {
    let tree = MemoryTree::of([
        ("app/a.yaml", CM),
        (
            "app/b.yaml",
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: b}\n",
        ),
    ]);
    let options = Options {
        budgets: Budgets {
            objects: 1,
            ..Budgets::default()
        },
        ..Options::default()
    };
    let result = render(&tree, &dir("app"), &SourceOptions::default(), &options);
    assert!(matches!(result, Err(Failure::Refused(p)) if p.reason == Reason::NodeBudget));
}

#[test]
fn an_error_names_file_line_field_and_the_chain() {
    let tree = MemoryTree::of([
        (
            "app/kustomization.yaml",
            "namespace: x\nresources:\n- ../base\n",
        ),
        (
            "base/kustomization.yaml",
            "resources:\n- a.yaml\nnamePrefx: y\n",
        ),
    ]);
    assert_eq!(
        refused(&tree, "app").to_string(),
        "base/kustomization.yaml:3: unknown field \"namePrefx\" [InvalidField]\n  field: namePrefx\n  from: app/kustomization.yaml:3\n  help: did you mean `namePrefix`?"
    );
}

#[test]
fn a_cache_is_shared_between_builds_and_inputs_are_recorded() {
    let tree = MemoryTree::of([
        ("app/kustomization.yaml", "resources: [a.yaml]"),
        ("app/a.yaml", CM),
    ]);
    let cache = Arc::new(Cache::new());
    let options = Options {
        cache: Some(Arc::clone(&cache)),
        ..Options::default()
    };
    let first = build(&tree, &dir("app"), &options).expect("it builds");
    let second = build(&tree, &dir("app"), &options).expect("it builds");
    assert_eq!((first.to_yaml(), cache.len()), (second.to_yaml(), 2));
    let paths: Vec<_> = first.inputs().iter().map(|(p, _)| p.to_string()).collect();
    // Names that a kustomization may also have were looked for.
    let names = [
        "app/Kustomization",
        "app/a.yaml",
        "app/kustomization.yaml",
        "app/kustomization.yml",
    ];
    assert_eq!(paths, names);
}
