//! The fields of a kustomization that change objects.

use rand::Rng as _;
use rand::rngs::StdRng;

use super::objects::{self, IMAGES, Identity, NAMES, pick};
use super::text::Y;
use super::{Dir, generators, patches, references, scalars};
use crate::random::one_in;

/// Adds one field.
type Field = fn(&mut StdRng, &mut Dir);

/// Adds a random selection of fields.
pub fn add(rng: &mut StdRng, dir: &mut Dir) {
    let all: &[(u32, Field)] = &[
        (5, prefix),
        (8, suffix),
        (5, namespace),
        (10, common_labels),
        (6, labels),
        (8, annotations),
        (6, images),
        (10, replicas),
        (4, patches::patches),
        (9, patches::strategic_merge),
        (12, patches::json6902),
        (6, generators::config_maps),
        (9, generators::secrets),
        (12, generators::options),
        (9, references::replacements),
        (12, references::vars),
        (20, sort_options),
        (12, build_metadata),
        (14, references::configurations),
        (10, transformers),
        (30, generators::plugins),
        (40, references::crds),
        (15, references::openapi),
    ];
    for (odds, field) in all {
        if one_in(rng, *odds) {
            field(rng, dir);
        }
    }
}

fn prefix(rng: &mut StdRng, dir: &mut Dir) {
    let text = pick(rng, &["p-", "a-", "x", "'1-'"]);
    dir.set("namePrefix", Y::raw(text));
}

fn suffix(rng: &mut StdRng, dir: &mut Dir) {
    let text = pick(rng, &["-s", "-v2", "x"]);
    dir.set("nameSuffix", Y::raw(text));
}

fn namespace(rng: &mut StdRng, dir: &mut Dir) {
    let text = pick(rng, &["prod", "dev", "default", "other"]);
    dir.set("namespace", Y::raw(text));
}

fn common_labels(rng: &mut StdRng, dir: &mut Dir) {
    let pairs = objects::texts(rng, false);
    dir.set("commonLabels", pairs);
}

fn labels(rng: &mut StdRng, dir: &mut Dir) {
    let count = rng.random_range(1..3);
    let entries = (0..count).map(|_| {
        let mut entry = Y::map([("pairs", objects::texts(rng, false))]);
        if one_in(rng, 2) {
            entry.push("includeSelectors", Y::raw(pick(rng, &["true", "false"])));
        }
        if one_in(rng, 3) {
            entry.push("includeTemplates", Y::raw(pick(rng, &["true", "false"])));
        }
        if one_in(rng, 5) {
            entry.push("fields", Y::List(vec![field_spec(rng)]));
        }
        entry
    });
    let entries = entries.collect();
    dir.set("labels", Y::List(entries));
}

fn annotations(rng: &mut StdRng, dir: &mut Dir) {
    let pairs = objects::texts(rng, true);
    dir.set("commonAnnotations", pairs);
}

fn images(rng: &mut StdRng, dir: &mut Dir) {
    let count = rng.random_range(1..3);
    let entries = (0..count).map(|_| image(rng)).collect();
    dir.set("images", Y::List(entries));
}

fn image(rng: &mut StdRng) -> Y {
    let name = if one_in(rng, 2) {
        pick(
            rng,
            &[
                "nginx",
                "app",
                "busybox",
                "registry.io/team/app",
                "registry.io:5000/team/app",
                "localhost:5000/nginx",
            ],
        )
    } else {
        pick(rng, IMAGES)
    };
    let mut entry = Y::map([("name", Y::raw(name))]);
    if one_in(rng, 2) {
        entry.push(
            "newName",
            Y::raw(pick(
                rng,
                &["other", "mirror.io/nginx", "mirror.io:5000/x/y"],
            )),
        );
    }
    if one_in(rng, 2) {
        entry.push(
            "newTag",
            Y::raw(pick(rng, &["v2", "'1.10'", "latest", "\"\""])),
        );
    }
    if one_in(rng, 6) {
        entry.push("digest", Y::raw("sha256:1234"));
    }
    if one_in(rng, 12) {
        entry.push("tagSuffix", Y::raw("-alpine"));
    }
    entry
}

fn replicas(rng: &mut StdRng, dir: &mut Dir) {
    let scaled = |o: &Identity| matches!(o.kind.kind, "Deployment" | "StatefulSet" | "ReplicaSet");
    let Some(name) = dir
        .objects
        .iter()
        .find(|o| scaled(o))
        .map(|o| o.name.clone())
    else {
        return;
    };
    let name = if one_in(rng, 30) {
        pick(rng, NAMES)
    } else {
        name
    };
    let count = pick(rng, &["0", "2", "10"]);
    dir.set(
        "replicas",
        Y::List(vec![Y::map([
            ("name", Y::raw(name)),
            ("count", Y::raw(count)),
        ])]),
    );
}

fn sort_options(rng: &mut StdRng, dir: &mut Dir) {
    let order = pick(rng, &["legacy", "fifo"]);
    let mut options = Y::map([("order", Y::raw(&*order))]);
    if order == "legacy" && one_in(rng, 2) {
        let kinds = |all: &[&str]| Y::List(all.iter().map(|k| Y::raw(*k)).collect());
        options.push(
            "legacySortOptions",
            Y::map([
                ("orderFirst", kinds(&["Deployment", "Namespace"])),
                ("orderLast", kinds(&["ConfigMap", "Secret"])),
            ]),
        );
    }
    dir.set("sortOptions", options);
}

fn build_metadata(rng: &mut StdRng, dir: &mut Dir) {
    let all = [
        "managedByLabel",
        "originAnnotations",
        "transformerAnnotations",
    ];
    let chosen = all
        .iter()
        .filter(|_| one_in(rng, 2))
        .map(|o| Y::raw(*o))
        .collect();
    dir.set("buildMetadata", Y::List(chosen));
}

/// A field specification, of a field that exists or may be made.
pub fn field_spec(rng: &mut StdRng) -> Y {
    let path = pick(
        rng,
        &[
            "metadata/labels",
            "spec/template/metadata/labels",
            "spec/selector",
            "spec/items/name",
            "spec/x/y",
            "metadata/name",
            "spec/template/spec/containers[]/image",
            "spec/template/spec/containers/name",
            "spec/a",
            "data/a",
            "spec/template/spec/volumes/configMap/name",
            "spec/key.with\\/slash",
        ],
    );
    let mut spec = Y::map([("path", Y::raw(path))]);
    if one_in(rng, 2) {
        spec.push("create", Y::raw(pick(rng, &["true", "false"])));
    }
    if one_in(rng, 3) {
        spec.push(
            "kind",
            Y::raw(pick(rng, &["Deployment", "Widget", "ConfigMap"])),
        );
    }
    if one_in(rng, 8) {
        spec.push("group", Y::raw(pick(rng, &["apps", "example.com"])));
    }
    spec
}

/// A built-in transformer, inline or in a file.
fn transformers(rng: &mut StdRng, dir: &mut Dir) {
    let mut config = transformer(rng, dir);
    if one_in(rng, 3) {
        config
            .child("metadata")
            .push("annotations", objects::texts(rng, false));
    }
    let field = if one_in(rng, 12) {
        "validators"
    } else {
        "transformers"
    };
    let entry = dir.configuration(rng, "transformer.yaml", &config);
    dir.set(field, Y::List(vec![entry]));
}

fn transformer(rng: &mut StdRng, dir: &mut Dir) -> Y {
    let kinds: &[&str] = &[
        "PrefixTransformer",
        "SuffixTransformer",
        "LabelTransformer",
        "AnnotationsTransformer",
        "NamespaceTransformer",
        "ImageTagTransformer",
        "ReplicaCountTransformer",
        "PatchTransformer",
        "ValueAddTransformer",
        "PatchJson6902Transformer",
        "PatchStrategicMergeTransformer",
        "HashTransformer",
        "ReplacementTransformer",
    ];
    let kind = pick(rng, kinds);
    let mut config = Y::map([
        ("apiVersion", Y::raw("builtin")),
        ("kind", Y::raw(&*kind)),
        ("metadata", Y::map([("name", Y::raw("t"))])),
    ]);
    arguments(rng, dir, &kind, &mut config);
    if !kind.starts_with("Patch")
        && !kind.starts_with("Hash")
        && !kind.starts_with("Replacement")
        && kind != "ValueAddTransformer"
        && !one_in(rng, 5)
    {
        config.push("fieldSpecs", Y::List(vec![field_spec(rng)]));
    }
    config
}

/// What each transformer takes.
fn arguments(rng: &mut StdRng, dir: &mut Dir, kind: &str, config: &mut Y) {
    match kind {
        "PrefixTransformer" => config.push("prefix", Y::raw("tp-")),
        "SuffixTransformer" => config.push("suffix", Y::raw("-ts")),
        "LabelTransformer" => config.push("labels", objects::texts(rng, false)),
        "AnnotationsTransformer" => config.push("annotations", objects::texts(rng, true)),
        "NamespaceTransformer" => {
            config.child("metadata").push("namespace", Y::raw("trans"));
            if one_in(rng, 2) {
                config.push("unsetOnly", Y::raw("true"));
            }
            if one_in(rng, 2) {
                config.push(
                    "setRoleBindingSubjects",
                    Y::raw(pick(rng, &["none", "allServiceAccounts", "defaultOnly"])),
                );
            }
        }
        "ImageTagTransformer" => config.push("imageTag", image(rng)),
        "ReplicaCountTransformer" => {
            let name = dir
                .objects
                .iter()
                .find(|o| o.kind.kind == "Deployment")
                .map_or("web".to_owned(), |o| o.name.clone());
            config.push(
                "replica",
                Y::map([("name", Y::raw(name)), ("count", Y::raw("7"))]),
            );
        }
        "PatchTransformer" => patches::into_transformer(rng, dir, config),
        "ValueAddTransformer" => {
            config.push("value", scalars::plain(rng));
            let path = pick(rng, &["spec/a", "metadata/name", "spec/x/y"]);
            config.push(
                "targets",
                Y::List(vec![Y::map([("fieldPath", Y::raw(path))])]),
            );
        }
        "PatchJson6902Transformer" => patches::into_json6902(rng, dir, config),
        "PatchStrategicMergeTransformer" => patches::into_strategic_merge(rng, dir, config),
        "ReplacementTransformer" => {
            let replacement = references::replacement(rng, dir);
            config.push("replacements", Y::List(vec![replacement]));
        }
        _ => {}
    }
}
