//! Random templates: of Applications, of single texts, and of patches.

use rand::Rng as _;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use serde_json::{Map, Value, json};

use super::expressions::{ANY, KEEP_TEXT, LIST, MAP, NUMBER, TEXT};
use super::words::{self, pick};
use super::{Known, Shape, World};
use crate::random::one_in;

/// The set's own template.
pub fn whole(rng: &mut StdRng, world: &World, known: &[Known]) -> Value {
    let mut metadata = json!({"name": name(rng, world, known)});
    for field in ["labels", "annotations"] {
        if one_in(rng, 2) {
            metadata[field] = text_map(rng, world, known);
        }
    }
    if one_in(rng, 10) {
        metadata["finalizers"] = json!(["resources-finalizer.argocd.argoproj.io"]);
    }
    let mut spec = json!({
        "project": match rng.random_range(0..6) {
            0 => "team".to_owned(),
            1 => placeholder(rng, world, known),
            _ => "default".to_owned(),
        },
        "source": source(rng, world, known),
        "destination": destination(rng, world, known),
    });
    if one_in(rng, 3) {
        spec["syncPolicy"] = sync_policy(rng, world, known);
    }
    if one_in(rng, 8) {
        spec["ignoreDifferences"] = json!([{
            "group": "apps",
            "kind": "Deployment",
            "name": text(rng, world, known),
            "jsonPointers": ["/spec/replicas"],
        }]);
    }
    json!({"metadata": metadata, "spec": spec})
}

/// A generator's template, which overrides parts of the set's.
pub fn partial(rng: &mut StdRng, world: &World, known: &[Known]) -> Value {
    let mut whole = whole(rng, world, known);
    let metadata = whole["metadata"].as_object_mut().into_iter();
    for map in metadata {
        map.retain(|_, _| one_in(rng, 2));
    }
    if let Some(map) = whole["spec"].as_object_mut() {
        map.retain(|_, _| one_in(rng, 2));
    }
    if one_in(rng, 3) {
        whole["spec"]["source"] = json!({"path": text(rng, world, known)});
    }
    // Argo CD's schema asks for a project and a destination.
    whole["spec"]["project"] = json!(pick(rng, &["", "", "team"]));
    if whole["spec"]["destination"].is_null() {
        whole["spec"]["destination"] = json!({});
    }
    whole
}

fn name(rng: &mut StdRng, world: &World, known: &[Known]) -> String {
    if one_in(rng, 5) {
        return text(rng, world, known);
    }
    let start = pick(rng, &["app-", "x", "web-"]);
    if world.go {
        let of = expression(rng, known, Shape::Text);
        let made = pick(
            rng,
            &[
                "| normalize",
                "| slugify",
                "| toString | sha256sum | trunc 8",
                "| toString | lower | b32enc | lower | replace \"=\" \"\"",
            ],
        );
        let made = if made.contains("toString") {
            made.to_owned()
        } else {
            format!("| toString {made}")
        };
        format!("{start}{{{{ {of} {made} }}}}0")
    } else {
        let normal = known
            .iter()
            .filter(|one| one.name.contains("ormalized"))
            .collect::<Vec<_>>();
        match normal.choose(rng) {
            Some(one) if !one_in(rng, 3) => format!("{start}{{{{{}}}}}0", one.name),
            _ => format!("{start}{}0", placeholder(rng, world, known)),
        }
    }
}

fn text_map(rng: &mut StdRng, world: &World, known: &[Known]) -> Value {
    let mut found = Map::new();
    for key in ["a", "team.example.com/b", "c"] {
        if one_in(rng, 2) {
            found.insert(key.to_owned(), text(rng, world, known).into());
        }
    }
    if one_in(rng, 6) {
        let key = text(rng, world, known);
        found.insert(key, "x".into());
    }
    found.into()
}

fn source(rng: &mut StdRng, world: &World, known: &[Known]) -> Value {
    let mut source = json!({
        "repoURL": "https://git.example.com/hub.git",
        "path": match one_in(rng, 2) { true => text(rng, world, known), false => "apps/web".to_owned() },
        "targetRevision": "main",
    });
    if one_in(rng, 6) {
        source["targetRevision"] = text(rng, world, known).into();
    }
    if one_in(rng, 6) {
        source["directory"] =
            json!({"recurse": one_in(rng, 2), "include": text(rng, world, known)});
    } else if one_in(rng, 6) {
        source["kustomize"] = json!({
            "namePrefix": text(rng, world, known),
            "commonLabels": text_map(rng, world, known),
            "images": [text(rng, world, known)],
        });
    }
    source
}

fn destination(rng: &mut StdRng, world: &World, known: &[Known]) -> Value {
    let has = |wanted: &str| {
        known
            .iter()
            .any(|one| one.name.trim_start_matches('.') == wanted)
    };
    let dot = if world.go { "." } else { "" };
    let mut destination = match has("server") && !one_in(rng, 3) {
        true => json!({"server": format!("{{{{{dot}server}}}}")}),
        false => json!({"name": text(rng, world, known)}),
    };
    if !one_in(rng, 3) {
        destination["namespace"] = text(rng, world, known).into();
    }
    destination
}

fn sync_policy(rng: &mut StdRng, world: &World, known: &[Known]) -> Value {
    let mut policy = json!({"automated": {"prune": one_in(rng, 2), "selfHeal": one_in(rng, 2)}});
    if one_in(rng, 4) {
        policy["automated"] = json!({});
    }
    if one_in(rng, 3) {
        policy["syncOptions"] = json!(["CreateNamespace=true"]);
    }
    if one_in(rng, 4) {
        policy["retry"] = json!({"limit": 3, "backoff": {"duration": "5s", "factor": 2}});
    }
    if one_in(rng, 6) {
        policy["managedNamespaceMetadata"] = json!({"labels": text_map(rng, world, known)});
    }
    policy
}

/// Any text: words, placeholders, and mistakes.
pub fn text(rng: &mut StdRng, world: &World, known: &[Known]) -> String {
    if one_in(rng, 30) {
        return pick(
            rng,
            if world.go {
                super::nasty::GO
            } else {
                super::nasty::FAST
            },
        )
        .to_owned();
    }
    let mut out = String::new();
    for _ in 0..rng.random_range(1..4) {
        match rng.random_range(0..6) {
            0 | 1 => out.push_str(words::text(rng)),
            2 => out.push_str(pick(rng, &["-", "/", ".", " "])),
            _ => out.push_str(&placeholder(rng, world, known)),
        }
    }
    out
}

/// One placeholder of the language.
fn placeholder(rng: &mut StdRng, world: &World, known: &[Known]) -> String {
    if !world.go {
        return tag(rng, known);
    }
    let shape = *[
        Shape::Text,
        Shape::Text,
        Shape::Text,
        Shape::Number,
        Shape::List,
        Shape::Map,
        Shape::Bool,
    ]
    .choose(rng)
    .unwrap_or(&Shape::Text);
    let of = expression(rng, known, shape);
    let (open, close) = match rng.random_range(0..12) {
        0 => ("{{-", "-}}"),
        1 => ("{{-", "}}"),
        2 => ("{{", "-}}"),
        _ => ("{{", "}}"),
    };
    match rng.random_range(0..16) {
        0 => format!("{open} if {of} {close}yes{{{{ else }}}}no{{{{ end }}}}"),
        1 => format!("{open} with {of} {close}<{{{{ . }}}}>{{{{ else }}}}none{{{{ end }}}}"),
        2 => format!("{open} $x := {of} {close}{{{{ $x }}}}"),
        3 => format!(
            "{{{{ range $i, $e := {} }}}}{{{{ $i }}}}={{{{ $e }}}};{{{{ else }}}}none{{{{ end }}}}",
            expression(rng, known, Shape::List)
        ),
        4 => format!(
            "{{{{ range $k, $v := {} }}}}{{{{ $k }}}}:{{{{ $v }}}},{{{{ end }}}}",
            expression(rng, known, Shape::Map)
        ),
        _ => format!("{open} {of} {close}"),
    }
}

/// A name between braces, as the language that only replaces names has it.
fn tag(rng: &mut StdRng, known: &[Known]) -> String {
    let name = match known.choose(rng) {
        Some(one) if !one_in(rng, 8) => one.name.as_str(),
        _ => pick(
            rng,
            &[
                "none",
                "name",
                "values.k",
                "path",
                "",
                "metadata.labels.env",
                "a b",
                ".name",
            ],
        ),
    };
    let (open, close) = *[
        ("{{", "}}"),
        ("{{ ", " }}"),
        ("{{  ", "}}"),
        ("{{\t", " }}"),
        ("{{{", "}}}"),
        ("{{", "}} }}"),
    ]
    .choose(rng)
    .filter(|_| one_in(rng, 2))
    .unwrap_or(&("{{", "}}"));
    format!("{open}{name}{close}")
}

/// An expression that ends in a text, out of something of this shape.
fn expression(rng: &mut StdRng, known: &[Known], shape: Shape) -> String {
    let mut of = operand(rng, known, shape);
    for _ in 0..rng.random_range(0..3) {
        if shape == Shape::Text {
            let text = pick(rng, KEEP_TEXT).replace('@', &of);
            of = format!("({text})");
        }
    }
    if one_in(rng, 3) {
        return of;
    }
    let table = match shape {
        Shape::Text => TEXT,
        Shape::Number => NUMBER,
        Shape::List => LIST,
        Shape::Map => MAP,
        Shape::Bool | Shape::Null => ANY,
    };
    let table = if one_in(rng, 5) { ANY } else { table };
    pick(rng, table).replace('@', &of)
}

fn operand(rng: &mut StdRng, known: &[Known], shape: Shape) -> String {
    let fitting: Vec<&Known> = known.iter().filter(|one| one.shape == shape).collect();
    if let Some(one) = fitting.choose(rng).filter(|_| !one_in(rng, 12)) {
        return one.name.clone();
    }
    if one_in(rng, 4) {
        return pick(
            rng,
            &[
                ".none",
                ".name",
                ".values.none",
                ".nested.none",
                ".metadata.labels.none",
                ".nested.a.b",
            ],
        )
        .to_owned();
    }
    literal(rng, shape)
}

/// A value of this shape, written out.
fn literal(rng: &mut StdRng, shape: Shape) -> String {
    match shape {
        Shape::Text => format!("({})", quoted(words::text(rng))),
        Shape::Number => pick(
            rng,
            &[
                "3",
                "1.5",
                "-2",
                "0",
                "100",
                "(len \"abc\")",
                "1e3",
                "0x10",
                "(int64 7)",
                "(float64 2)",
            ],
        )
        .to_owned(),
        Shape::List => pick(
            rng,
            &[
                "(list \"b\" \"a\" \"b\")",
                "(list 1 2 3)",
                "(list)",
                "(splitList \"-\" \"x-y-z\")",
                "(until 3)",
                "(list 1 \"a\" nil)",
            ],
        )
        .to_owned(),
        Shape::Map => pick(
            rng,
            &[
                "(dict \"a\" \"1\" \"b\" 2)",
                "(dict)",
                "(dict \"a\" (dict \"b\" \"c\"))",
                "(fromYaml \"a: 1\\nb: [x, 2.5]\")",
            ],
        )
        .to_owned(),
        Shape::Bool => pick(rng, &["true", "false", "(eq \"a\" \"a\")"]).to_owned(),
        Shape::Null => "nil".to_owned(),
    }
}

/// A text as Go quotes it.
fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}

/// A patch of the Application.
pub fn patch(rng: &mut StdRng, world: &World, known: &[Known]) -> String {
    let text = |rng: &mut StdRng| text(rng, world, known).replace(['\n', '\r'], " ");
    let quoted = |rng: &mut StdRng| {
        format!(
            "'{}'",
            self::text(rng, world, known)
                .replace('\'', "")
                .replace('\n', " ")
        )
    };
    match rng.random_range(0..18) {
        0 => format!("metadata: {{labels: {{patched: {}}}}}", quoted(rng)),
        1 => format!("metadata:\n  annotations:\n    a: null\n    b: {}\n", quoted(rng)),
        2 => format!("spec:\n  source:\n    path: {}\n", quoted(rng)),
        3 => "spec:\n  syncPolicy:\n    automated:\n      prune: true\n    syncOptions: [ServerSideApply=true]\n".to_owned(),
        4 => format!("{{\"metadata\": {{\"name\": \"p-{}\"}}}}", text(rng).replace(['"', '\\'], "")),
        5 => "spec: {project: other, destination: {namespace: patched}}".to_owned(),
        6 => "spec:\n  syncPolicy:\n    $patch: delete\n".to_owned(),
        7 => "metadata: {$patch: replace, name: x}".to_owned(),
        8 => "metadata:\n  finalizers: [example.com/a]\n".to_owned(),
        9 => "spec: {syncPolicy: null, ignoreDifferences: [{kind: X, jsonPointers: [/a]}]}".to_owned(),
        10 if world.go => format!("{{{{ if {} }}}}\nmetadata: {{labels: {{is: 'so'}}}}\n{{{{ else }}}}\nmetadata: {{labels: {{not: 'so'}}}}\n{{{{ end }}}}", expression(rng, known, Shape::Text)),
        11 if world.go => format!("spec:\n  syncPolicy:\n    syncOptions:\n    {{{{- range {} }}}}\n    - {{{{ . | quote }}}}\n    {{{{- end }}}}\n", expression(rng, known, Shape::List)),
        12 => pick(rng, &["", " ", "# nothing", "{}", "null", "[]", "text", "{", "metadata: {labels: {a: 1}}", "spec: {revisionHistoryLimit: x}", "metadata: {labels: null}", "unknown: {field: 1}", "spec: {unknown: 1}", "status: {}", "operation: {}", "metadata: {namespace: other}", "spec: {source: {$patch: merge}}", "a: 1\n---\nb: 2"]).to_owned(),
        13 => "spec: {destination: {$retainKeys: [name], name: only}}".to_owned(),
        14 => "spec: {source: null, sources: [{repoURL: 'https://git.example.com/hub.git', path: a, targetRevision: main}]}".to_owned(),
        15 => "metadata: {labels: {$patch: replace, only: this}}".to_owned(),
        16 => "metadata: {$deleteFromPrimitiveList/finalizers: [resources-finalizer.argocd.argoproj.io]}".to_owned(),
        _ => format!("metadata:\n  labels:\n    {}: x\n", text(rng)),
    }
}
