//! Replacements, variables, and configurations that say where names and images stand.

use rand::Rng as _;
use rand::rngs::StdRng;

use super::Dir;
use super::objects::{Identity, NAMES, pick};
use super::text::Y;
use crate::random::one_in;

/// Fields that objects of a kind may have.
fn paths(kind: &str) -> &'static [&'static str] {
    match kind {
        "Deployment" | "StatefulSet" | "DaemonSet" | "ReplicaSet" | "Job" => &[
            "metadata.name",
            "spec.template.spec.containers.0.name",
            "spec.template.spec.containers.0",
            "spec.template",
            "spec.template.spec.containers.0.image",
            "spec.template.spec.containers.[name=app].name",
            "spec.template.spec.containers.*.image",
            "spec.template.spec.containers.[name=app].env.[name=A].value",
            "spec.template.spec.containers.0.args.0",
            "spec.template.spec.containers.-.image",
            "metadata.labels.app",
        ],
        "Service" => &[
            "metadata.name",
            "spec.ports.0.port",
            "spec.ports.[name=http].port",
            "spec.selector",
            "spec.ports",
            "spec.ports.*.name",
        ],
        "ConfigMap" | "Secret" => &[
            "metadata.name",
            "data.a",
            "data.[b.txt]",
            "data.config\\.yaml",
            "data.config\\.yaml.a",
            "data",
            "metadata.labels.[app.kubernetes.io/name]",
        ],
        "Ingress" => &[
            "metadata.name",
            "spec.rules.0.host",
            "spec.rules.*.host",
            "spec.tls.0.secretName",
        ],
        "Widget" | "Gadget" => &[
            "metadata.name",
            "spec.a",
            "spec",
            "spec.items.[name=web].value",
            "spec.a1",
            "spec.x_y",
            "spec.[key.with/slash]",
        ],
        _ => &[
            "metadata.name",
            "metadata.namespace",
            "metadata.labels.app",
            "metadata.annotations.x",
            "kind",
            "metadata",
        ],
    }
}

/// `replacements`.
pub fn replacements(rng: &mut StdRng, dir: &mut Dir) {
    let count = rng.random_range(1..3);
    let mut entries = Vec::new();
    for index in 0..count {
        let entry = replacement(rng, dir);
        if one_in(rng, 4) {
            let name = format!("replacement{index}.yaml");
            let text = entry.print(rng);
            dir.write(&name, text);
            entries.push(Y::map([("path", Y::raw(name))]));
        } else {
            entries.push(entry);
        }
    }
    dir.set("replacements", Y::List(entries));
}

/// One replacement.
pub fn replacement(rng: &mut StdRng, dir: &Dir) -> Y {
    let mut out = Y::map([]);
    if one_in(rng, 8) {
        out.push(
            "sourceValue",
            Y::raw(pick(rng, &["a", "shop", "x-1", "'a b'", "\"q:r\""])),
        );
    } else {
        let object = dir.object(rng);
        let mut source = select(rng, &object);
        if one_in(rng, 2) {
            let path = if one_in(rng, 3) {
                "metadata.name".to_owned()
            } else {
                pick(rng, paths(object.kind.kind))
            };
            source.push("fieldPath", Y::raw(format!("'{path}'")));
        }
        options(rng, &mut source, false);
        out.push("source", source);
    }
    let count = rng.random_range(1..3);
    let targets = (0..count).map(|_| {
        let object = dir.object(rng);
        let mut selected = select(rng, &object);
        if one_in(rng, 10) {
            selected.push("labelSelector", Y::raw("app=web"));
        }
        let mut target = Y::map([("select", selected)]);
        if one_in(rng, 6) {
            let rejected = dir.object(rng);
            target.push("reject", Y::List(vec![select(rng, &rejected)]));
        }
        if !one_in(rng, 10) {
            let paths = (0..rng.random_range(1..3))
                .map(|_| Y::raw(format!("'{}'", pick(rng, paths(object.kind.kind)))))
                .collect();
            target.push("fieldPaths", Y::List(paths));
        }
        options(rng, &mut target, true);
        target
    });
    let targets = targets.collect();
    out.push("targets", Y::List(targets));
    out
}

fn select(rng: &mut StdRng, object: &Identity) -> Y {
    let mut select = Y::map([]);
    if !one_in(rng, 20) {
        select.push("kind", Y::raw(object.kind.kind));
    }
    if !one_in(rng, 8) {
        select.push("name", Y::raw(&*object.name));
    }
    if !object.namespace.is_empty() && one_in(rng, 2) {
        select.push("namespace", Y::raw(&*object.namespace));
    }
    select
}

fn options(rng: &mut StdRng, to: &mut Y, target: bool) {
    if !one_in(rng, if target { 2 } else { 6 }) {
        return;
    }
    let mut options = Y::map([]);
    if one_in(rng, 6) {
        options.push("delimiter", Y::raw(pick(rng, &["':'", "/", "'.'", "'-'"])));
    }
    if one_in(rng, 6) {
        options.push("index", Y::raw(pick(rng, &["0", "0", "0", "1", "-1", "9"])));
    }
    if target && !one_in(rng, 4) {
        options.push("create", Y::raw("true"));
    }
    if one_in(rng, 8) {
        options.push("encoding", Y::raw("base64"));
    }
    to.push("options", options);
}

/// `vars`.
pub fn vars(rng: &mut StdRng, dir: &mut Dir) {
    let names: &[&str] = if one_in(rng, 2) {
        &["NAME"]
    } else {
        &["NAME", "OTHER"]
    };
    let entries = names.iter().map(|name| {
        let object = dir.object(rng);
        let mut reference = Y::map([
            ("apiVersion", Y::raw(object.kind.version)),
            ("kind", Y::raw(object.kind.kind)),
            ("name", Y::raw(&*object.name)),
        ]);
        if !object.namespace.is_empty() && !one_in(rng, 8) {
            reference.push("namespace", Y::raw(&*object.namespace));
        }
        let mut var = Y::map([("name", Y::raw(*name)), ("objref", reference)]);
        if one_in(rng, 4) {
            let path = pick(
                rng,
                &[
                    "metadata.name",
                    "metadata.name",
                    "kind",
                    "metadata.namespace",
                    "spec.replicas",
                    "data.a",
                    "spec.template.spec.containers[0].image",
                    "metadata.labels.app",
                ],
            );
            var.push("fieldref", Y::map([("fieldpath", Y::raw(path))]));
        }
        var
    });
    let entries = entries.collect();
    dir.set("vars", Y::List(entries));
}

/// `configurations`.
pub fn configurations(rng: &mut StdRng, dir: &mut Dir) {
    let mut config = Y::map([]);
    let spec = |path: &str, kind: &str, create: bool| {
        let mut spec = Y::map([("path", Y::raw(path)), ("kind", Y::raw(kind))]);
        if create {
            spec.push("create", Y::raw("true"));
        }
        spec
    };
    if one_in(rng, 2) {
        let to = Y::map([
            (
                "kind",
                Y::raw(pick(rng, &["ConfigMap", "Secret", "Deployment"])),
            ),
            ("version", Y::raw("v1")),
            (
                "fieldSpecs",
                Y::List(vec![spec(
                    &pick(rng, &["spec/a", "spec/items/name", "spec/name"]),
                    "Widget",
                    false,
                )]),
            ),
        ]);
        config.push("nameReference", Y::List(vec![to]));
    }
    for field in [
        "varReference",
        "namePrefix",
        "nameSuffix",
        "namespace",
        "commonLabels",
        "commonAnnotations",
        "images",
        "replicas",
    ] {
        if one_in(rng, 6) {
            let path = pick(
                rng,
                &[
                    "spec/a",
                    "spec/items/name",
                    "spec/items/value",
                    "spec/x/y",
                    "spec/name",
                ],
            );
            let create = one_in(rng, 3);
            config.push(field, Y::List(vec![spec(&path, "Widget", create)]));
        }
    }
    let text = config.print(rng);
    dir.write("config.cfg", text);
    dir.set("configurations", Y::List(vec![Y::raw("config.cfg")]));
}

/// `crds`: an OpenAPI document that says which fields hold names.
pub fn crds(rng: &mut StdRng, dir: &mut Dir) {
    let kind = pick(rng, &["ConfigMap", "Secret", "Service"]);
    let name = pick(rng, NAMES);
    let text = format!(
        r#"{{"github.com/example/Widget": {{"Schema": {{"description": "about {name}", "properties": {{
  "apiVersion": {{"type": "string"}}, "kind": {{"type": "string"}}, "metadata": {{"$ref": "k8s.io/ObjectMeta"}},
  "spec": {{"$ref": "github.com/example/WidgetSpec"}}}}}}, "Dependencies": ["github.com/example/WidgetSpec"]}},
"github.com/example/WidgetSpec": {{"Schema": {{"properties": {{
  "a": {{"x-kubernetes-object-ref-api-version": "v1", "x-kubernetes-object-ref-kind": "{kind}"}},
  "name": {{"x-kubernetes-identity": "", "type": "string"}},
  "x_y": {{"x-kubernetes-annotation": "", "x-kubernetes-label-selector": ""}}}}}}}}}}
"#
    );
    dir.write("crd.json", text);
    dir.set("crds", Y::List(vec![Y::raw("crd.json")]));
}

/// `openapi`: a document that says how the lists of a custom kind are merged.
pub fn openapi(rng: &mut StdRng, dir: &mut Dir) {
    if one_in(rng, 6) {
        dir.set("openapi", Y::map([("version", Y::raw("v1.21.2"))]));
        return;
    }
    let key = pick(rng, &["name", "name", "value"]);
    let strategy = pick(rng, &["merge", "merge", "replace", "merge,retainKeys"]);
    let version = pick(rng, &["v1", "v1", "v2"]);
    let text = format!(
        r##"{{"definitions": {{
"com.example.Widget": {{"x-kubernetes-group-version-kind": [{{"group": "example.com", "kind": "Widget", "version": "{version}"}}],
  "properties": {{"apiVersion": {{"type": "string"}}, "kind": {{"type": "string"}},
    "metadata": {{"$ref": "#/definitions/io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"}},
    "spec": {{"$ref": "#/definitions/com.example.WidgetSpec"}}}}}},
"com.example.WidgetSpec": {{"properties": {{
  "a": {{"type": "object", "additionalProperties": {{"type": "string"}}}},
  "items": {{"type": "array", "x-kubernetes-patch-merge-key": "{key}", "x-kubernetes-patch-strategy": "{strategy}",
    "items": {{"$ref": "#/definitions/com.example.Item"}}}}}}}},
"com.example.Item": {{"properties": {{"name": {{"type": "string"}}, "value": {{"type": "string"}}}}}}}}}}
"##
    );
    dir.write("openapi.json", text);
    dir.set("openapi", Y::map([("path", Y::raw("openapi.json"))]));
}
