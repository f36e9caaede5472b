//! What the Git generator reads: directories, and files of parameters.

use rand::Rng as _;
use rand::rngs::StdRng;
use serde_json::{Value, json};

use super::World;
use super::words::{self, pick};
use crate::random::one_in;

/// Puts files into the repository.
pub fn fill(rng: &mut StdRng, world: &mut World) {
    const DIRECTORIES: &[&str] = &[
        "apps/web",
        "apps/api",
        "apps/API_v2",
        "apps",
        "infra/dns",
        "infra/dns/zone",
        "envs/prod/eu",
        "envs/prod/us",
        "envs/dev/eu",
        ".hidden/x",
        "a-b",
        "a",
        "with space/x",
        "apps/web.d",
    ];
    for directory in DIRECTORIES {
        if one_in(rng, 2) {
            world.files.insert(
                format!("{directory}/kustomization.yaml"),
                "resources: []\n".to_owned(),
            );
        }
        if one_in(rng, 3) {
            let (name, text) = file(rng, world.go);
            world.files.insert(format!("{directory}/{name}"), text);
        }
    }
    if one_in(rng, 3) {
        let (name, text) = file(rng, world.go);
        world.files.insert(name.to_owned(), text);
    }
}

/// Members that files of parameters share, so that templates find something.
fn parameters(rng: &mut StdRng) -> Value {
    let mut found = json!({"k": words::text(rng), "env": pick(rng, &["prod", "dev"])});
    let optional: [(&str, Value); 8] = [
        ("n", words::number(rng)),
        ("flag", one_in(rng, 2).into()),
        ("nothing", Value::Null),
        ("list", words::list(rng, 1)),
        ("nested", words::map(rng, 2)),
        ("values", words::map(rng, 0)),
        ("path", words::value(rng, 1)),
        ("name", words::text(rng).into()),
    ];
    for (key, value) in optional {
        if one_in(rng, 2) {
            found[key] = value;
        }
    }
    found
}

fn file(rng: &mut StdRng, go: bool) -> (&'static str, String) {
    let name = pick(
        rng,
        &[
            "config.json",
            "config.json",
            "config.yaml",
            "values.yaml",
            "Config 2.json",
        ],
    );
    if one_in(rng, 12) {
        let odd = pick(
            rng,
            &[
                "",
                "# nothing\n",
                "null\n",
                "- a\n- b\n",
                "text\n",
                "a: [\n",
                "a: 1\n---\nb: 2\n",
                "[]\n",
                "{}\n",
                "- {k: a}\n-\n- {k: b}\n",
                "1: one\ntrue: two\n2.5: three\n",
                "k: 2024-01-02\n",
                "k: 0o14\nn: 0x1f\n",
                "k: !!binary aGk=\n",
                "a: &x {b: 1}\nc: *x\nd: {<<: *x, e: 2}\n",
                "k: 1\nk: 2\n",
                "k: .inf\n",
                "k: yes\nl: off\nm: ~\n",
                "k: 1_000\nn: 010\n",
                "k: |\n  two\n  lines\n",
            ],
        );
        return (name, odd.to_owned());
    }
    let content = if one_in(rng, 4) {
        (0..rng.random_range(0..4))
            .map(|_| parameters(rng))
            .collect()
    } else {
        parameters(rng)
    };
    let text = match (name.ends_with("json"), go) {
        (true, _) => format!("{content:#}"),
        (false, _) => yaml(&content, 0),
    };
    (name, text)
}

/// Plain block style, the scalars as JSON.
fn yaml(value: &Value, depth: usize) -> String {
    let margin = "  ".repeat(depth);
    match value {
        Value::Object(map) if !map.is_empty() => map
            .iter()
            .map(|(key, value)| match is_block(value) {
                true => format!("{margin}\"{key}\":\n{}", yaml(value, depth + 1)),
                false => format!("{margin}\"{key}\": {value}\n"),
            })
            .collect(),
        Value::Array(items) if !items.is_empty() => items
            .iter()
            .map(|item| match is_block(item) {
                true => format!("{margin}-\n{}", yaml(item, depth + 1)),
                false => format!("{margin}- {item}\n"),
            })
            .collect(),
        other => format!("{margin}{other}\n"),
    }
}

fn is_block(value: &Value) -> bool {
    match value {
        Value::Object(map) => !map.is_empty(),
        Value::Array(items) => !items.is_empty(),
        _ => false,
    }
}
