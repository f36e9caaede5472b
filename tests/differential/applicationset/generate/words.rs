//! Chances, and words to choose from.

use rand::Rng as _;
use rand::rngs::StdRng;
use serde_json::{Value, json};

use crate::random::one_in;

/// One of them.
pub fn pick<'w>(rng: &mut StdRng, words: &[&'w str]) -> &'w str {
    words[rng.random_range(0..words.len())]
}

/// A plain text, most of them fit for a name.
pub fn text(rng: &mut StdRng) -> &'static str {
    const PLAIN: &[&str] = &[
        "prod",
        "dev",
        "east",
        "gold",
        "a-b",
        "x1",
        "web",
        "api",
        "eu-west-1",
        "team",
    ];
    const ODD: &[&str] = &[
        "",
        " ",
        "Upper Case",
        "under_score",
        "a.b.c",
        "1",
        "007",
        "1.50",
        "true",
        "null",
        "~",
        "ü-ß",
        "日本",
        "a\nb",
        "tab\there",
        "\"quoted\"",
        "it's",
        "<b>&amp;</b>",
        "a: b",
        "- x",
        "{x}",
        "[1, 2]",
        "#c",
        "a#b",
        "trailing ",
        "%d",
        "\\n",
        "a/b/c.yaml",
        "../up",
        "/abs",
        "1e3",
        "0x1F",
        "foo-bar-baz_qux",
        "CamelCaseWord",
        "a--b..c",
        "-dash-",
        "🙂",
        "yes",
        "2024-01-02",
        "feature/long-branch-name-that-goes-on-and-on-and-on-for-ever-more",
    ];
    if one_in(rng, 3) {
        pick(rng, ODD)
    } else {
        pick(rng, PLAIN)
    }
}

/// A number as JSON has it.
pub fn number(rng: &mut StdRng) -> Value {
    let numbers = [
        json!(0),
        json!(1),
        json!(3),
        json!(-2),
        json!(10),
        json!(1.5),
        json!(0.1),
        json!(1e6),
        json!(1_000_000),
        json!(123_456_789),
        json!(1e21),
        json!(1e-7),
        json!(12_345_678_901_234_567_u64),
        json!(2.0),
        json!(-0.5),
        json!(100),
        json!(999_999),
        json!(1e20),
        json!(0.000_012),
    ];
    numbers[rng.random_range(0..numbers.len())].clone()
}

/// Any value.
pub fn value(rng: &mut StdRng, depth: u32) -> Value {
    match rng.random_range(0..if depth == 0 { 6 } else { 10 }) {
        0..=2 => text(rng).into(),
        3 => number(rng),
        4 => one_in(rng, 2).into(),
        5 => Value::Null,
        6 | 7 => list(rng, depth - 1),
        _ => map(rng, depth - 1),
    }
}

pub fn list(rng: &mut StdRng, depth: u32) -> Value {
    let plain = one_in(rng, 2);
    let count = rng.random_range(0..4);
    let item = |_| match plain {
        true => Value::from(text(rng)),
        false => value(rng, depth),
    };
    (0..count).map(item).collect()
}

pub fn map(rng: &mut StdRng, depth: u32) -> Value {
    let mut found = serde_json::Map::new();
    for key in ["a", "b", "c d", "e.f", "g"] {
        if !one_in(rng, 2) {
            found.insert(key.to_owned(), value(rng, depth));
        }
    }
    found.into()
}
