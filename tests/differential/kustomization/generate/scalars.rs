//! Scalars that YAML readers disagree about.

use rand::Rng as _;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;

use super::text::Y;

/// Written forms of every type and of texts that look like another type.
const NASTY: &[&str] = &[
    "yes",
    "No",
    "on",
    "off",
    "y",
    "n",
    "true",
    "True",
    "TRUE",
    "false",
    "null",
    "Null",
    "~",
    "",
    "0",
    "-0",
    "+1",
    "007",
    "0644",
    "0o17",
    "0x1F",
    "0b11",
    "1_000",
    "1e3",
    "1E+3",
    "1.0",
    "1.50",
    ".5",
    "5.",
    "1.10",
    "12345678901234567890",
    "9223372036854775808",
    "-9223372036854775809",
    "0.1",
    "1e-7",
    "123456789.123456789",
    "1e21",
    "100000000000000000000",
    "2001-01-01",
    "2001-01-01T00:00:00Z",
    "2001-12-14 21:59:43.10 -5",
    "12:30:45",
    "190:20:30",
    "=",
    "a=b",
    "-x",
    "--flag=1",
    "'a: b'",
    "\"a: b\"",
    "a #b",
    "'a #b'",
    "a:b",
    "'@x'",
    "'`x`'",
    "'!x'",
    "'&a'",
    "'*a'",
    "? x",
    "'? x'",
    "'|'",
    "'['",
    "{}",
    "'{}'",
    "[]",
    "'[]'",
    "'yes'",
    "\"no\"",
    "'1'",
    "\"1.0\"",
    "'null'",
    "\"~\"",
    "''",
    "\"\"",
    "' lead'",
    "\"trail \"",
    "\"a\\nb\"",
    "\"a\\tb\"",
    "'it''s'",
    "\"say \\\"x\\\"\"",
    "\"\\u00e9\"",
    "é",
    "日本語",
    "\"\\u0007\"",
    "\"\\x00\"",
    "\"\\u200b\"",
    "\"\\ufeff\"",
    "😀",
    "\"\\U0001F600\"",
    "a  b",
    "\"a\\\\b\"",
    "a\\b",
    "$(VAR)",
    "$$(VAR)",
    "${X}",
    "http://x.y/z?a=1&b=2",
    "a,b",
    "x'y",
    "x\"y",
    "'x\"y'",
    "!!str 12",
    "!!int \"3\"",
    "!!binary aGVsbG8=",
    "!!float 3",
    "0x",
    "0o8",
    "08",
    "1e",
    "e3",
    "1.2.3",
    "v1.2",
    "1:2",
    "'<<'",
    ".",
    "..",
    "'-'",
    "'---'",
    "a-",
    "\"\\r\"",
    "\"a\\r\\nb\"",
    "\" \"",
    "\"\\n\"",
    "\"a\\n\"",
    "\"a\\n\\n\"",
    "'#'",
    "a\u{a0}b",
    "0xG",
    "NaN",
    "Infinity",
    "1,000",
    "0.0",
    "-0.0",
    "1e400",
    "00",
    "-01",
    "+0x1",
    "the quick brown fox jumps over the lazy dog and then it runs on and on for very many more words than fit",
];

/// Written forms that are no scalars, or no YAML.
const BROKEN: &[&str] = &[
    "- x", "a: b", "@x", "`x`", "%x", "!x", "&a", "*a", "?", "? x", "|", ">", "[", "]", "<<",
    "---", "...", "-", "!!int x", "'open",
];

const BLOCKS: &[(&str, &[&str])] = &[
    ("|", &["one", "two"]),
    ("|-", &["key: value", "list:", "- a"]),
    ("|+", &["keep", "", ""]),
    (">", &["folded", "text", "", "more"]),
    (">-", &["folded", "  indented", "text"]),
    (
        "|",
        &["#!/bin/sh", "set -e", "", "echo \"$X\" # no comment"],
    ),
    ("|", &["trailing ", "tab\there"]),
    ("|", &["{\"a\": [1, 2]}"]),
    ("|", &["a: 1", "b:", "  c: x", "  d: \"y\""]),
    (
        ">",
        &[
            "the quick brown fox jumps over the lazy dog and then it runs on and on for very many more words",
        ],
    ),
    ("|", &["", "first is empty"]),
    ("|2", &["  two more", "x"]),
];

const PLAIN: &[&str] = &["a", "b", "web", "value", "x-1", "10", "3", "true", "nginx"];

/// A scalar, plain more often than not.
pub fn scalar(rng: &mut StdRng) -> Y {
    match rng.random_range(0..10) {
        0..=4 => plain(rng),
        5..=8 if rng.random_ratio(1, 100) => Y::raw(*BROKEN.choose(rng).unwrap_or(&"x")),
        5..=8 => Y::raw(*NASTY.choose(rng).unwrap_or(&"x")),
        _ => block(rng),
    }
}

/// A scalar without surprises.
pub fn plain(rng: &mut StdRng) -> Y {
    Y::raw(*PLAIN.choose(rng).unwrap_or(&"x"))
}

/// A scalar that is certainly a text.
pub fn text(rng: &mut StdRng) -> Y {
    match rng.random_range(0..8) {
        0 => block(rng),
        1..=2 => {
            let nasty = NASTY.choose(rng).unwrap_or(&"x");
            if nasty.starts_with(['\'', '"']) {
                Y::raw(*nasty)
            } else {
                Y::raw(format!("'{}'", nasty.replace('\'', "''")))
            }
        }
        _ => Y::raw(
            *["a", "b", "web", "value", "x-1", "nginx"]
                .choose(rng)
                .unwrap_or(&"x"),
        ),
    }
}

fn block(rng: &mut StdRng) -> Y {
    let (header, lines) = BLOCKS.choose(rng).unwrap_or(&BLOCKS[0]);
    Y::Block(header, lines.iter().map(|l| (*l).to_owned()).collect())
}

/// Any value, at most `depth` deep.
pub fn value(rng: &mut StdRng, depth: usize) -> Y {
    match rng.random_range(0..8) {
        0 if depth > 0 => {
            let count = rng.random_range(0..4);
            Y::List((0..count).map(|_| value(rng, depth - 1)).collect())
        }
        1 if depth > 0 => map(rng, depth - 1),
        _ => scalar(rng),
    }
}

/// A mapping of any values; the keys sort in more than one way.
pub fn map(rng: &mut StdRng, depth: usize) -> Y {
    const KEYS: &[&str] = &[
        "a",
        "A",
        "a1",
        "a2",
        "a10",
        "b",
        "name",
        "key.with/slash",
        "x_y",
        "'quoted key'",
        "'10'",
        "'9'",
        "'true'",
        "\"'\"",
        "é",
        "-d",
        "z",
    ];
    let count = rng.random_range(0..5);
    if rng.random_ratio(1, 200) {
        return Y::map([("10", plain(rng)), ("true", plain(rng))]);
    }
    let keys: Vec<_> = KEYS.choose_multiple(rng, count).copied().collect();
    Y::Map(
        keys.into_iter()
            .map(|k| (k.to_owned(), value(rng, depth)))
            .collect(),
    )
}
