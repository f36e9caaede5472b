//! Random generators, and the parameters that each is known to give.

use rand::Rng as _;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use serde_json::{Map, Value, json};

use super::words::{self, pick};
use super::{Known, Shape, World, templates};
use crate::random::one_in;

const URL: &str = "https://git.example.com/hub.git";

/// An entry of `generators`. `given` are the parameters of a matrix' first child.
pub fn entry(rng: &mut StdRng, world: &World, depth: u32, given: &[Known]) -> (Value, Vec<Known>) {
    let kind = rng.random_range(0..if depth < 2 { 10 } else { 7 });
    let (mut entry, known) = match kind {
        0..=2 => list(rng, world, given),
        3 | 4 => clusters(rng, world, given),
        5 => directories(rng, world, given),
        6 => files(rng, world, given),
        7 | 8 => matrix(rng, world, depth, given),
        _ => merge(rng, world, depth, given),
    };
    if one_in(rng, if depth == 0 { 5 } else { 8 }) {
        entry["selector"] = selector(rng, world, &known);
    }
    if one_in(rng, 60) {
        let (other, _) = list(rng, world, given);
        entry["list"] = other["list"].clone();
    }
    (entry, known)
}

/// Gives one of an entry's generators a template of its own.
pub fn maybe_template(rng: &mut StdRng, world: &World, entry: &mut Value, known: &[Known]) {
    if !one_in(rng, 6) {
        return;
    }
    let template = templates::partial(rng, world, known);
    if let Some(kind) = entry.as_object_mut().and_then(|map| {
        map.iter_mut()
            .find(|(key, _)| *key != "selector")
            .map(|(_, kind)| kind)
    }) {
        kind["template"] = template;
    }
}

fn name(world: &World, path: &str) -> String {
    if world.go {
        format!(".{path}")
    } else {
        path.to_owned()
    }
}

fn known(world: &World, found: &[(&str, Shape)]) -> Vec<Known> {
    found
        .iter()
        .map(|(path, shape)| Known {
            name: name(world, path),
            shape: *shape,
        })
        .collect()
}

fn list(rng: &mut StdRng, world: &World, given: &[Known]) -> (Value, Vec<Known>) {
    let mut shapes: Vec<(&str, Shape)> = vec![("name", Shape::Text)];
    for candidate in [
        ("k", Shape::Text),
        ("env", Shape::Text),
        ("n", Shape::Number),
        ("flag", Shape::Bool),
        ("nothing", Shape::Null),
        ("list", Shape::List),
        ("nested", Shape::Map),
        ("values", Shape::Map),
        ("dotted.key", Shape::Text),
        ("path", Shape::Text),
    ] {
        let text = candidate.1 == Shape::Text || candidate.0 == "values";
        if one_in(rng, if text || world.go { 3 } else { 40 }) {
            shapes.push(candidate);
        }
    }
    let mut elements = Vec::new();
    for index in 0..rng.random_range(0..5) {
        elements.push(element(rng, world, &shapes, index, given));
    }
    let mut found = Map::new();
    if one_in(rng, 8) {
        found.insert(
            "elementsYaml".into(),
            elements_yaml(rng, world, &elements, given).into(),
        );
        if one_in(rng, 2) {
            elements.truncate(1);
        }
    }
    if !elements.is_empty() || one_in(rng, 2) {
        found.insert("elements".into(), elements.into());
    }
    let names = known(world, &shapes);
    let names = names
        .into_iter()
        .filter(|k| !k.name.contains("dotted") || !world.go);
    let mut names: Vec<Known> = names.collect();
    if !world.go {
        for one in &mut names {
            if one.name == "values" {
                *one = Known {
                    name: "values.a".into(),
                    shape: Shape::Text,
                };
            }
        }
    }
    (json!({"list": found}), names)
}

fn element(
    rng: &mut StdRng,
    world: &World,
    shapes: &[(&str, Shape)],
    index: u32,
    given: &[Known],
) -> Value {
    let mut element = Map::new();
    for (key, shape) in shapes {
        let value = match shape {
            Shape::Text if *key == "name" && !one_in(rng, 8) => {
                json!(format!("{}-{index}", words::text(rng)))
            }
            Shape::Text if !given.is_empty() && one_in(rng, 2) => {
                templates::text(rng, world, given).into()
            }
            Shape::Text => words::text(rng).into(),
            Shape::Number => words::number(rng),
            Shape::Bool => one_in(rng, 2).into(),
            Shape::Null => Value::Null,
            Shape::List => words::list(rng, 1),
            Shape::Map if world.go => words::map(rng, 2),
            Shape::Map => json!({"a": words::text(rng), "b": words::text(rng)}),
        };
        element.insert((*key).to_owned(), value);
    }
    if one_in(rng, 15) {
        let keys: Vec<String> = element.keys().cloned().collect();
        if let Some(key) = keys.choose(rng) {
            element.remove(key);
        }
    }
    if one_in(rng, 60) {
        element.insert(
            pick(rng, &["n", "k", "values"]).into(),
            words::value(rng, 1),
        );
    }
    element.into()
}

fn elements_yaml(rng: &mut StdRng, world: &World, elements: &[Value], given: &[Known]) -> String {
    if !given.is_empty() && world.go && one_in(rng, 3) {
        return pick(
            rng,
            &[
                "{{ .list | toJson }}",
                "{{ .nested | toYaml }}",
                "- {k: '{{ .name }}'}",
                "{{ toJson (list .) }}",
            ],
        )
        .to_owned();
    }
    if one_in(rng, 6) {
        return pick(
            rng,
            &[
                "[]",
                "{}",
                "x",
                "null",
                "- 1",
                "- null\n- {a: b}",
                "[",
                "- {n: 1, m: 1.5, t: yes}",
            ],
        )
        .to_owned();
    }
    Value::from(elements.to_vec()).to_string()
}

fn clusters(rng: &mut StdRng, world: &World, given: &[Known]) -> (Value, Vec<Known>) {
    let mut found = Map::new();
    let mut names = known(
        world,
        &[
            ("name", Shape::Text),
            ("nameNormalized", Shape::Text),
            ("server", Shape::Text),
            ("project", Shape::Text),
            ("metadata.labels.env", Shape::Text),
            ("metadata.labels.tier", Shape::Text),
            ("metadata.annotations.note", Shape::Text),
        ],
    );
    if world.go {
        names.extend(known(
            world,
            &[("metadata.labels", Shape::Map), ("metadata", Shape::Map)],
        ));
    }
    if one_in(rng, 2) {
        found.insert("selector".into(), label_selector(rng, world, given));
    }
    if one_in(rng, 3) {
        let own = values(rng, world, &names, given);
        names.extend(value_names(world, &own));
        found.insert("values".into(), own);
    }
    if one_in(rng, 12) {
        found.insert("flatList".into(), true.into());
        names = known(world, &[("clusters", Shape::Null)]);
    }
    (json!({"clusters": found}), names)
}

fn label_selector(rng: &mut StdRng, world: &World, given: &[Known]) -> Value {
    let value = |rng: &mut StdRng| match given.is_empty() || one_in(rng, 2) {
        true => pick(rng, &["prod", "dev", "gold", "", "true"]).to_owned(),
        false => templates::text(rng, world, given),
    };
    match rng.random_range(0..4) {
        0 | 1 => json!({"matchLabels": {(pick(rng, &["env", "tier"])): value(rng)}}),
        2 => {
            json!({"matchExpressions": [expression(rng, &["env", "tier", "region", "team.example.com/name"])]})
        }
        _ => json!({
            "matchLabels": {"env": value(rng)},
            "matchExpressions": [expression(rng, &["tier", "region"])],
        }),
    }
}

fn expression(rng: &mut StdRng, keys: &[&str]) -> Value {
    let key = pick(rng, keys);
    let operator = pick(rng, &["In", "NotIn", "Exists", "DoesNotExist"]);
    let needs = operator.ends_with("In");
    if needs == one_in(rng, 25) {
        return json!({"key": key, "operator": operator});
    }
    let values = match one_in(rng, 2) {
        true => json!(["prod", "gold"]),
        false => json!([pick(rng, &["dev", "true", "", "1"])]),
    };
    json!({"key": key, "operator": operator, "values": values})
}

fn values(rng: &mut StdRng, world: &World, own: &[Known], given: &[Known]) -> Value {
    let mut found = Map::new();
    for key in ["k", "own", "dash-ed", "dot.ted"] {
        if one_in(rng, 2) {
            let known = if given.is_empty() || one_in(rng, 2) {
                own
            } else {
                given
            };
            found.insert(key.to_owned(), templates::text(rng, world, known).into());
        }
    }
    found.into()
}

fn value_names(world: &World, own: &Value) -> Vec<Known> {
    let keys = own.as_object().into_iter().flat_map(Map::keys);
    keys.filter(|key| !world.go || !key.contains(['-', '.']))
        .map(|key| Known {
            name: name(world, &format!("values.{key}")),
            shape: Shape::Text,
        })
        .collect()
}

fn git(
    rng: &mut StdRng,
    world: &World,
    given: &[Known],
    mut names: Vec<Known>,
    what: (&str, Value),
) -> (Value, Vec<Known>) {
    let mut found = Map::from_iter([
        ("repoURL".into(), json!(URL)),
        ("revision".into(), json!("HEAD")),
    ]);
    found.insert(what.0.into(), what.1);
    let prefix = one_in(rng, 5).then(|| pick(rng, &["first", "repo"]));
    if let Some(prefix) = prefix {
        found.insert("pathParamPrefix".into(), json!(prefix));
    }
    let path = prefix.map_or("path".to_owned(), |prefix| format!("{prefix}.path"));
    let mut parts = vec![
        format!("{path}.basename"),
        format!("{path}.basenameNormalized"),
    ];
    parts.push(if world.go {
        format!("{path}.path")
    } else {
        path.clone()
    });
    if what.0 == "files" {
        parts.extend([
            format!("{path}.filename"),
            format!("{path}.filenameNormalized"),
        ]);
    }
    if !world.go {
        parts.extend([format!("{path}[0]"), format!("{path}[1]")]);
    }
    names.extend(parts.iter().map(|part| Known {
        name: name(world, part),
        shape: Shape::Text,
    }));
    if world.go {
        names.push(Known {
            name: name(world, &format!("{path}.segments")),
            shape: Shape::List,
        });
    }
    if one_in(rng, 3) {
        let own = values(rng, world, &names, given);
        names.extend(value_names(world, &own));
        found.insert("values".into(), own);
    }
    (json!({"git": found}), names)
}

fn patterns(rng: &mut StdRng, world: &World, given: &[Known], patterns: &[&str]) -> Value {
    let mut found = Vec::new();
    for index in 0..rng.random_range(1..4) {
        let mut pattern = pick(rng, patterns).to_owned();
        if !given.is_empty() && one_in(rng, 3) {
            pattern = format!("*/{}*", templates::text(rng, world, given));
        }
        found.push(match index > 0 && one_in(rng, 2) {
            true => json!({"path": pattern, "exclude": true}),
            false => json!({"path": pattern}),
        });
    }
    found.into()
}

fn directories(rng: &mut StdRng, world: &World, given: &[Known]) -> (Value, Vec<Known>) {
    const PATTERNS: &[&str] = &[
        "apps/*",
        "apps/*",
        "*",
        "*/*",
        "envs/*/*",
        "envs/*/eu",
        "apps/[a-w]*",
        "apps/web",
        "apps/we?",
        ".*",
        "apps/",
        "**",
        "[",
        "infra/*/zone",
        "apps/{web,api}",
        "a*",
        "./apps/*",
        "apps/[^w]*",
        "with space/*",
        "a\\-b",
        "apps/[!w]*",
        "*/[]a]*",
    ];
    let found = patterns(rng, world, given, PATTERNS);
    git(rng, world, given, Vec::new(), ("directories", found))
}

fn files(rng: &mut StdRng, world: &World, given: &[Known]) -> (Value, Vec<Known>) {
    const PATTERNS: &[&str] = &[
        "**/config.json",
        "**/config.json",
        "apps/*/config.json",
        "*.yaml",
        "apps",
        "apps/",
        "config.json",
        "*",
        "envs/**/config.*",
        "apps/[a-w]*/config.json",
        "*/values.yaml",
        "**/values.yaml",
        "./apps/web",
        "nothing",
        "*.json",
        "apps/we?/*.json",
        ".",
        "./*",
        "apps//web",
        "envs/*/config.json",
        "[",
        "apps/*.yaml",
    ];
    let found = patterns(rng, world, given, PATTERNS);
    let mut names = known(world, &[("k", Shape::Text), ("env", Shape::Text)]);
    if one_in(rng, 2) {
        names.extend(known(
            world,
            if world.go {
                &[
                    ("n", Shape::Number),
                    ("flag", Shape::Bool),
                    ("list", Shape::List),
                    ("nested", Shape::Map),
                ]
            } else {
                &[
                    ("n", Shape::Number),
                    ("flag", Shape::Bool),
                    ("list.0", Shape::Text),
                    ("nested.a", Shape::Text),
                ]
            },
        ));
    }
    git(rng, world, given, names, ("files", found))
}

fn matrix(rng: &mut StdRng, world: &World, depth: u32, given: &[Known]) -> (Value, Vec<Known>) {
    let (first, mut names) = entry(rng, world, depth + 1, given);
    let (second, more) = entry(rng, world, depth + 1, &names);
    names.extend(more);
    let mut children = vec![first, second];
    if one_in(rng, 40) {
        children.truncate(1);
    }
    (json!({"matrix": {"generators": children}}), names)
}

fn merge(rng: &mut StdRng, world: &World, depth: u32, given: &[Known]) -> (Value, Vec<Known>) {
    let (first, mut names) = entry(rng, world, depth + 1, given);
    let mut children = vec![first];
    for _ in 0..rng.random_range(1..3) {
        // Mostly something that shares its names.
        let (child, more) = match one_in(rng, 2) {
            true => list(rng, world, given),
            false => entry(rng, world, depth + 1, given),
        };
        names.extend(more);
        children.push(child);
    }
    let keys = match rng.random_range(0..10) {
        0 => json!(["name", "env"]),
        1 => json!(["k"]),
        2 => json!(["values.k"]),
        3 => json!(["none"]),
        4 if one_in(rng, 3) => json!([]),
        5 => json!(["n", "name", "name"]),
        _ => json!(["name"]),
    };
    (
        json!({"merge": {"mergeKeys": keys, "generators": children}}),
        names,
    )
}

/// A selector of parameters.
fn selector(rng: &mut StdRng, world: &World, known: &[Known]) -> Value {
    let names: Vec<&str> = known
        .iter()
        .map(|one| one.name.trim_start_matches('.'))
        .filter(|name| world.go || !name.contains('['))
        .collect();
    let key = |rng: &mut StdRng| match names.choose(rng) {
        Some(name) if !one_in(rng, 5) => (*name).to_owned(),
        _ => pick(
            rng,
            &[
                "none",
                "env",
                "n",
                "list.0",
                "nested.a",
                "flag",
                "nothing",
                "path.segments",
                "path.segments.0",
            ],
        )
        .to_owned(),
    };
    match rng.random_range(0..4) {
        0 => {
            json!({"matchLabels": {(key(rng)): pick(rng, &["prod", "dev", "1", "true", "https://0.example.com"])}})
        }
        1 if one_in(rng, 4) => json!({}),
        1 | 2 => {
            let key = key(rng);
            json!({"matchExpressions": [expression(rng, &[&key])]})
        }
        _ => {
            let (one, two) = (key(rng), key(rng));
            json!({
                "matchExpressions": [expression(rng, &[&one]), expression(rng, &[&two])],
            })
        }
    }
}
