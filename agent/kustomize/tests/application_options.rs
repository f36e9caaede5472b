//! What an Application adds to a kustomization, or says of a directory, as `kustomize edit` and Argo CD do it.

use std::collections::BTreeMap;

use muster_kustomize::{
    Directory, Failure, KustomizeSource, LabelScope, Options, Recurse, SourceOptions, render,
};
use muster_model::{MemoryTree, Problem, Reason, RepoPath};

const DEPLOYMENT: &str = "apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 1
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: web, image: nginx:1}]}
";

fn built(files: &[(&str, &str)], options: &SourceOptions) -> Result<String, Problem> {
    let tree = MemoryTree::of(files.iter().copied());
    let dir = RepoPath::new("app").expect("plain");
    match render(&tree, &dir, options, &Options::default()) {
        Ok(rendered) => Ok(rendered.to_yaml()),
        Err(Failure::Refused(problem)) => Err(problem),
        Err(other) => unreachable!("a tree in memory is complete: {other:?}"),
    }
}

fn with(kustomization: &str, source: KustomizeSource) -> Result<String, Problem> {
    let options = SourceOptions {
        directory: None,
        kustomize: Some(source),
    };
    built(
        &[
            ("app/kustomization.yaml", kustomization),
            ("app/web.yaml", DEPLOYMENT),
            (
                "parts/extra/kustomization.yaml",
                "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\nnameSuffix: -extra\n",
            ),
        ],
        &options,
    )
}

fn entries(entries: &[(&str, &str)]) -> BTreeMap<String, String> {
    let entry = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
    entries.iter().map(entry).collect()
}

const PLAIN: &str = "resources: [web.yaml]\n";

fn assert_has(text: &str, part: &str, times: usize) {
    assert_eq!(text.matches(part).count(), times, "{part:?} in\n{text}");
}

#[test]
fn names_namespace_images_and_replicas_take_the_place_of_the_kustomizations() {
    let text = with(
        "resources: [web.yaml]\nnamePrefix: old-\nimages: [{name: nginx, newTag: '2'}]\nreplicas: [{name: web, count: 5}]\n",
        KustomizeSource {
            name_prefix: "new-".to_owned(),
            name_suffix: "-x".to_owned(),
            namespace: "shop".to_owned(),
            images: vec!["nginx=mirror/nginx:3".to_owned()],
            replicas: [("web".to_owned(), 7)].into(),
            ..KustomizeSource::default()
        },
    )
    .expect("it builds");
    assert_has(&text, "name: new-web-x\n", 1);
    assert_has(&text, "namespace: shop\n", 1);
    assert_has(&text, "image: mirror/nginx:3\n", 1);
    assert_has(&text, "replicas: 7\n", 1);
}

#[test]
fn labels_go_where_their_scope_says() {
    let labelled = |label_scope| {
        let source = KustomizeSource {
            common_labels: entries(&[("team", "a")]),
            label_scope,
            ..KustomizeSource::default()
        };
        with(PLAIN, source).expect("it builds")
    };
    assert_has(&labelled(LabelScope::WithSelectors), "team: a", 3);
    assert_has(&labelled(LabelScope::MetadataOnly), "team: a", 1);
    assert_has(&labelled(LabelScope::MetadataAndTemplates), "team: a", 2);
}

#[test]
fn what_the_kustomization_has_already_is_an_error_unless_it_is_forced() {
    let own = "resources: [web.yaml]\ncommonLabels: {team: own}\ncommonAnnotations: {note: own}\nlabels: [{pairs: {tier: own}}]\n";
    let source =
        |labels: &[(&str, &str)], annotations: &[(&str, &str)], force: bool| KustomizeSource {
            common_labels: entries(labels),
            common_annotations: entries(annotations),
            force_labels: force,
            force_annotations: force,
            ..KustomizeSource::default()
        };
    let label = with(own, source(&[("team", "b")], &[], false)).expect_err("it is there");
    assert_eq!(label.reason, Reason::InvalidField);
    assert_eq!(
        label.field.as_deref(),
        Some("spec.source.kustomize.commonLabels")
    );
    assert!(
        label
            .remedy
            .as_deref()
            .is_some_and(|r| r.contains("forceCommonLabels: true"))
    );
    let note = with(own, source(&[], &[("note", "b")], false)).expect_err("it is there");
    assert!(
        note.remedy
            .as_deref()
            .is_some_and(|r| r.contains("forceCommonAnnotations: true"))
    );
    let forced = with(own, source(&[("team", "b")], &[("note", "b")], true)).expect("forced");
    assert_has(&forced, "team: b", 3);
    assert_has(&forced, "note: b", 2);
    let mut plain = source(&[("tier", "b")], &[], false);
    plain.label_scope = LabelScope::MetadataOnly;
    assert!(
        with(own, plain).is_err(),
        "labels of the same kind share one entry"
    );
}

#[test]
fn components_may_be_missing_where_the_application_says_so() {
    let source = |ignore_missing_components| KustomizeSource {
        components: vec!["../parts/none".to_owned(), "../parts/extra".to_owned()],
        ignore_missing_components,
        ..KustomizeSource::default()
    };
    assert!(with(PLAIN, source(false)).is_err());
    assert_has(
        &with(PLAIN, source(true)).expect("it builds"),
        "name: web-extra\n",
        1,
    );
}

#[test]
fn directories_are_read_as_their_options_say() {
    let files = [
        (
            "app/a.yaml",
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n",
        ),
        (
            "app/b.manifest",
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: b}\n",
        ),
        (
            "app/sub/c.yml",
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\n",
        ),
    ];
    let names = |directory: Directory| -> Vec<String> {
        let options = SourceOptions {
            directory: Some(directory),
            kustomize: None,
        };
        let text = built(&files, &options).expect("it reads");
        text.lines()
            .filter_map(|line| line.strip_prefix("  name: ").map(ToOwned::to_owned))
            .collect()
    };
    let plain = Directory::default;
    assert_eq!(names(plain()), ["a"]);
    let recurse = || Directory {
        recurse: Recurse::Yes,
        ..plain()
    };
    assert_eq!(names(recurse()), ["a", "c"]);
    assert_eq!(
        names(Directory {
            any_extension: true,
            ..recurse()
        }),
        ["a", "b", "c"]
    );
    assert_eq!(
        names(Directory {
            include: "sub/*".to_owned(),
            ..recurse()
        }),
        ["c"]
    );
    assert_eq!(
        names(Directory {
            exclude: "{a,sub/c}.y*ml".to_owned(),
            ..recurse()
        }),
        [""; 0]
    );
}
