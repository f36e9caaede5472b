//! Patches of every kind.

use rand::Rng as _;
use rand::rngs::StdRng;

use super::objects::{self, Identity, pick};
use super::text::Y;
use super::{Dir, bodies, scalars};
use crate::random::one_in;

/// `patches`.
pub fn patches(rng: &mut StdRng, dir: &mut Dir) {
    let count = rng.random_range(1..4);
    let entries = (0..count)
        .map(|index| {
            let mut entry = Y::map([]);
            let object = dir.object(rng);
            let json = one_in(rng, 3);
            let text = if json {
                json_patch(rng, &object)
            } else {
                merge_patches(rng, dir, &object)
            };
            let several = text.lines().skip(1).any(|l| l == "---");
            give(rng, dir, &mut entry, &format!("patch{index}.yaml"), text);
            if json || (!several && one_in(rng, 3)) {
                entry.push("target", target(rng, &object));
            }
            if one_in(rng, 8) {
                let options = [
                    ("allowNameChange", Y::raw("true")),
                    ("allowKindChange", Y::raw(pick(rng, &["true", "false"]))),
                ];
                entry.push("options", Y::map(options));
            }
            entry
        })
        .collect();
    dir.set("patches", Y::List(entries));
}

/// `patchesStrategicMerge`.
pub fn strategic_merge(rng: &mut StdRng, dir: &mut Dir) {
    let object = dir.object(rng);
    let text = merge_patches(rng, dir, &object);
    let entry = if one_in(rng, 2) {
        dir.write("sm.yaml", text);
        Y::raw("sm.yaml")
    } else {
        inline(&text)
    };
    dir.set("patchesStrategicMerge", Y::List(vec![entry]));
}

/// `patchesJson6902`.
pub fn json6902(rng: &mut StdRng, dir: &mut Dir) {
    let object = dir.object(rng);
    let text = json_patch(rng, &object);
    let mut entry = Y::map([("target", exact(&object))]);
    give(rng, dir, &mut entry, "json.yaml", text);
    dir.set("patchesJson6902", Y::List(vec![entry]));
}

/// The fields of a PatchTransformer.
pub fn into_transformer(rng: &mut StdRng, dir: &mut Dir, config: &mut Y) {
    let object = dir.object(rng);
    let json = one_in(rng, 3);
    let text = if json {
        json_patch(rng, &object)
    } else {
        merge_patches(rng, dir, &object)
    };
    give(rng, dir, config, "tp.yaml", text);
    if json || one_in(rng, 3) {
        config.push("target", target(rng, &object));
    }
}

/// The fields of a PatchJson6902Transformer.
pub fn into_json6902(rng: &mut StdRng, dir: &mut Dir, config: &mut Y) {
    let object = dir.object(rng);
    config.push("target", exact(&object));
    let text = json_patch(rng, &object);
    config.push("jsonOp", inline(&text));
}

/// The fields of a PatchStrategicMergeTransformer.
pub fn into_strategic_merge(rng: &mut StdRng, dir: &mut Dir, config: &mut Y) {
    let object = dir.object(rng);
    let text = merge_patches(rng, dir, &object);
    config.push("patches", inline(&text));
}

fn inline(text: &str) -> Y {
    Y::Block("|-", text.lines().map(str::to_owned).collect())
}

fn give(rng: &mut StdRng, dir: &mut Dir, entry: &mut Y, file: &str, text: String) {
    if one_in(rng, 2) {
        dir.write(file, text);
        entry.push("path", Y::raw(file));
    } else {
        entry.push("patch", inline(&text));
    }
}

/// Selects an object, or many by a regular expression.
pub fn target(rng: &mut StdRng, object: &Identity) -> Y {
    let mut target = Y::map([]);
    if !one_in(rng, 5) {
        let kind = if one_in(rng, 6) {
            "Deployment|StatefulSet|ConfigMap"
        } else {
            object.kind.kind
        };
        target.push("kind", Y::raw(kind));
    }
    if one_in(rng, 2) {
        let name = match rng.random_range(0..4) {
            0 => "w.*".to_owned(),
            1 => "'.*'".to_owned(),
            2 => "web|db".to_owned(),
            _ => object.name.clone(),
        };
        target.push("name", Y::raw(name));
    }
    if one_in(rng, 6) {
        target.push(
            "labelSelector",
            Y::raw(pick(
                rng,
                &[
                    "app=web",
                    "'app!=web'",
                    "app",
                    "'!app'",
                    "'app in (web, db)'",
                    "app=web,tier",
                ],
            )),
        );
    }
    if one_in(rng, 10) {
        target.push("annotationSelector", Y::raw(pick(rng, &["x=a", "team"])));
    }
    if one_in(rng, 6) {
        target.push(
            "namespace",
            Y::raw(pick(rng, &["prod", "dev", "default", "'.*'"])),
        );
    }
    if one_in(rng, 6) {
        let (group, version) = object
            .kind
            .version
            .split_once('/')
            .unwrap_or(("", object.kind.version));
        target.push(
            "group",
            Y::raw(if group.is_empty() { "\"\"" } else { group }),
        );
        target.push("version", Y::raw(version));
    }
    target
}

fn exact(object: &Identity) -> Y {
    let (group, version) = object
        .kind
        .version
        .split_once('/')
        .unwrap_or(("", object.kind.version));
    let mut target = Y::map([
        ("version", Y::raw(version)),
        ("kind", Y::raw(object.kind.kind)),
        ("name", Y::raw(&*object.name)),
    ]);
    if !group.is_empty() {
        target.push("group", Y::raw(group));
    }
    if !object.namespace.is_empty() {
        target.push("namespace", Y::raw(&*object.namespace));
    }
    target
}

fn merge_patches(rng: &mut StdRng, dir: &Dir, object: &Identity) -> String {
    let mut text = merge_patch(rng, object).print(rng);
    while one_in(rng, 5) {
        let other = dir.object(rng);
        let more = merge_patch(rng, &other).print(rng);
        if !more.starts_with("---") {
            text.push_str("---\n");
        }
        text.push_str(&more);
    }
    text
}

fn merge_patch(rng: &mut StdRng, object: &Identity) -> Y {
    let mut patch = object.head();
    if one_in(rng, 10) {
        patch.push("$patch", Y::raw(pick(rng, &["delete", "replace", "merge"])));
        return patch;
    }
    if one_in(rng, 12) {
        let Y::Map(pairs) = patch.child("metadata") else {
            return patch;
        };
        pairs[0].1 = Y::raw("renamed");
    }
    if one_in(rng, 3) {
        let key = pick(rng, &["labels", "annotations"]);
        let mut pairs = objects::texts(rng, key == "annotations");
        if one_in(rng, 4) {
            pairs.push("app", Y::raw("null"));
        }
        patch.child("metadata").push(&key, pairs);
    }
    match object.kind.kind {
        "ConfigMap" => patch.push("data", scalars_map(rng)),
        "Service" => {
            let ports = directed(rng, bodies::port);
            patch.push("spec", Y::map([("ports", ports)]));
        }
        "Deployment" | "StatefulSet" | "DaemonSet" | "ReplicaSet" | "Job" => {
            workload_patch(rng, &mut patch)
        }
        "Widget" | "Gadget" if one_in(rng, 2) => {
            let item = |rng: &mut StdRng| {
                Y::map([
                    ("name", Y::raw(pick(rng, objects::NAMES))),
                    ("value", scalars::scalar(rng).tame()),
                ])
            };
            let items = directed(rng, item);
            patch.push("spec", Y::map([("items", items)]));
        }
        _ if one_in(rng, 2) => patch.push("spec", scalars::map(rng, 3).tame()),
        _ => {}
    }
    patch
}

fn scalars_map(rng: &mut StdRng) -> Y {
    let mut map = Y::map([]);
    for key in ["a", "b.txt", "new"] {
        if one_in(rng, 2) {
            let value = if one_in(rng, 4) {
                Y::raw("null")
            } else {
                scalars::text(rng).tame()
            };
            map.push(key, value);
        }
    }
    map
}

fn workload_patch(rng: &mut StdRng, patch: &mut Y) {
    if one_in(rng, 3) {
        let value = scalars::scalar(rng).tame();
        patch
            .child("spec")
            .push(if one_in(rng, 2) { "replicas" } else { "paused" }, value);
    }
    let pod = patch.child("spec").child("template").child("spec");
    if one_in(rng, 2) {
        let mut container = bodies::container(rng).tame();
        if one_in(rng, 5) {
            container.push("$patch", Y::raw(pick(rng, &["delete", "replace"])));
        }
        if one_in(rng, 6) {
            container.push("command", Y::raw("null"));
        }
        let list = match rng.random_range(0..8) {
            0 => vec![container, Y::map([("$patch", Y::raw("replace"))])],
            1 => vec![Y::map([("$patch", Y::raw("replace"))]), container],
            2 => vec![container, bodies::container(rng).tame()],
            _ => vec![container],
        };
        pod.push("containers", Y::List(list));
    }
    if one_in(rng, 5) {
        pod.push(
            "volumes",
            Y::raw(pick(
                rng,
                &[
                    "null",
                    "[]",
                    "[{name: config, $patch: delete}]",
                    "[{name: tmp, emptyDir: {medium: Memory}}]",
                ],
            )),
        );
    }
    if one_in(rng, 6) {
        pod.push(
            "tolerations",
            Y::List(vec![Y::map([
                ("key", Y::raw("b")),
                ("value", scalars::scalar(rng).tame()),
            ])]),
        );
    }
    if one_in(rng, 8) {
        pod.push(
            "nodeSelector",
            Y::raw(pick(
                rng,
                &["{a: b}", "{$patch: replace, c: d}", "null", "{}"],
            )),
        );
    }
}

/// A list of one or two items, or one with a directive.
fn directed(rng: &mut StdRng, item: impl Fn(&mut StdRng) -> Y) -> Y {
    let mut first = item(rng);
    if one_in(rng, 5) {
        first.push("$patch", Y::raw(pick(rng, &["delete", "replace", "merge"])));
    }
    let mut items = vec![first];
    if one_in(rng, 3) {
        items.push(item(rng));
    }
    Y::List(items)
}

fn json_patch(rng: &mut StdRng, object: &Identity) -> String {
    let count = rng.random_range(1..4);
    let steps: Vec<_> = (0..count).map(|_| json_step(rng, object)).collect();
    if one_in(rng, 4) {
        return format!(
            "[{}]\n",
            steps.iter().map(json_object).collect::<Vec<_>>().join(", ")
        );
    }
    Y::List(steps).print(rng)
}

/// The step as JSON; values that are no JSON stay as they are, and are refused by both.
fn json_object(step: &Y) -> String {
    let Y::Map(pairs) = step else {
        return String::new();
    };
    let pairs = pairs.iter().map(|(key, value)| match value {
        Y::Raw(text) if key == "value" => format!("\"{key}\": {text}"),
        Y::Raw(text) => format!("\"{key}\": \"{text}\""),
        _ => format!("\"{key}\": 1"),
    });
    format!("{{{}}}", pairs.collect::<Vec<_>>().join(", "))
}

fn json_step(rng: &mut StdRng, object: &Identity) -> Y {
    // Paths that are likely there, and paths that may be added.
    let (there, new): (&[&str], &[&str]) = match object.kind.kind {
        "Deployment" | "StatefulSet" | "DaemonSet" | "ReplicaSet" | "Job" => (
            &[
                "/spec/template/spec/containers/0/name",
                "/spec/template/spec/containers/0",
                "/spec/template/spec",
                "/spec",
            ],
            &[
                "/spec/template/spec/containers/-",
                "/spec/template/spec/containers/0/env",
                "/spec/replicas",
                "/spec/template/spec/containers/0",
                "/spec/template/spec/volumes",
                "/spec/template/spec/containers/0/image",
            ],
        ),
        "Service" => (
            &["/spec/ports/0/name", "/spec/ports/0", "/spec/selector"],
            &["/spec/ports/-", "/spec/type", "/spec/ports/0/port"],
        ),
        "ConfigMap" | "Secret" => (
            &["/data", "/metadata/name"],
            &["/data/a", "/data/b.txt", "/data/x~1y"],
        ),
        "Widget" | "Gadget" => (
            &["/spec", "/kind"],
            &["/spec/a", "/spec/items", "/spec/a~1b"],
        ),
        _ => (
            &["/metadata/name", "/metadata"],
            &[
                "/metadata/labels",
                "/metadata/annotations",
                "/metadata/namespace",
                "/new",
            ],
        ),
    };
    let op = pick(
        rng,
        &[
            "add", "add", "add", "add", "replace", "replace", "remove", "copy", "move", "test",
        ],
    );
    let odd = one_in(rng, 40);
    let path = match &*op {
        "add" | "copy" | "move" if !odd => pick(rng, new),
        _ => pick(rng, there),
    };
    let mut step = Y::map([("op", Y::raw(&*op)), ("path", Y::raw(path))]);
    match &*op {
        // Copies of `/metadata` have kustomize's own bookkeeping in them.
        "copy" | "move" => step.push("from", Y::raw(pick(rng, &there[..there.len() - 1]))),
        "remove" => {}
        "test" => step.push("value", Y::raw(&*object.name)),
        _ => step.push("value", scalars::value(rng, 2)),
    }
    step
}
