//! Texts and values to try the reader and the writer on.

#![allow(dead_code, reason = "each test uses a part")]

use std::path::{Path, PathBuf};

use muster_model::{Map, Node, Number, Value, node::NumberValue};

/// A small generator of numbers (xorshift64*): the same seed gives the same texts.
pub(crate) struct Rng(u64);

impl Rng {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    pub(crate) fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.next() >> 33).expect("64 bits") % limit.max(1)
    }

    pub(crate) fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[self.below(from.len())]
    }

    pub(crate) fn chance(&mut self, one_in: usize) -> bool {
        self.below(one_in) == 0
    }
}

const WORDS: &[&str] = &[
    "a",
    "b",
    "c",
    "name",
    "x-1",
    "yes",
    "no",
    "on",
    "true",
    "False",
    "null",
    "~",
    "0",
    "1",
    "-1",
    "0644",
    "0o17",
    "0x1F",
    "1e3",
    "1.10",
    "1_000",
    ".5",
    "5.",
    "-.5",
    "+1",
    "2001-01-01",
    "2001-1-2 3:4:5",
    "2001-01-01T00:00:00Z",
    "2001-12-14t21:59:43.10-05:00",
    "12:30:45",
    "a:b",
    "a#b",
    "http://x/y?z#q",
    "-x",
    "?x",
    ":x",
    "é",
    "日本",
    "😀",
    "x y",
    "x  y",
    "it's",
    "18446744073709551615",
    "9223372036854775808",
    "123456789012345678901",
    "1.5e-7",
    "0b11",
    "0908",
    "- 1",
    "<<",
    "=",
    ".",
    "..",
    "...",
    "---",
    "--",
    "0b-11",
    "0o-7",
    "1e400",
    "x\\y",
    "*",
    "a\u{2028}b",
    "n",
    "y",
    "0.0",
    "-0",
    "-0.0",
    "1e21",
    "1e20",
    "0x",
    "0xFFFFFFFFFFFFFFFF",
    "-0x10",
    "1__0",
    "1e+3",
    "1E5",
];

const PIECES: &[&str] = &[
    "a: 1\n",
    "b: x\n",
    "- ",
    "-",
    "? ",
    ": ",
    ":",
    "a",
    "b",
    "1",
    "'",
    "\"",
    "x y",
    "\n",
    "\n\n",
    " ",
    "  ",
    "\t",
    "#",
    " # c\n",
    "|\n",
    ">\n",
    "|-\n  x\n",
    ">+\n  x\n\n",
    "|2\n   x\n",
    "[",
    "]",
    "{",
    "}",
    ",",
    "[a, b]",
    "{a: 1}",
    "&x ",
    "*x",
    "!!str ",
    "!!int ",
    "!t ",
    "! ",
    "<<: ",
    "<<: *x\n",
    "---\n",
    "...\n",
    "--- ",
    "key: ",
    "\\n",
    "\\",
    "é",
    "\r\n",
    "\r",
    "\u{85}",
    "\u{2028}",
    "  - a\n",
    "  b: c\n",
    "a:\n",
    "- a\n",
    "- b: 1\n",
    "- - x\n",
    "%",
    "@",
    "`",
    "null",
    "~",
    "true",
    "''",
    "\"\"",
    "#c\n",
    "key:\n  ",
    "key: |\n  text\n  more\n",
    "key: >\n  text\n  more\n\n   indented\n",
    "'a\n b'",
    "\"a\\\n  b\"",
    "a\n  b",
];

/// A text that is often YAML.
pub(crate) fn document(rng: &mut Rng) -> String {
    let mut out = String::new();
    match rng.below(4) {
        0 => {
            for _ in 0..rng.below(14) + 1 {
                out.push_str(rng.pick(PIECES));
            }
        }
        1 => {
            out.push_str("a: ");
            for _ in 0..rng.below(6) + 1 {
                out.push_str(rng.pick(PIECES));
            }
        }
        _ => {
            for index in 0..rng.below(2) + 1 {
                if index > 0 {
                    out.push_str(rng.pick(&["---\n", "---\n", "--- # c\n", "...\n---\n"]));
                }
                block(rng, 0, 3, &mut out);
            }
        }
    }
    out
}

fn block(rng: &mut Rng, indent: usize, depth: usize, out: &mut String) {
    if rng.chance(2) {
        for index in 0..rng.below(4) + 1 {
            comment(rng, out);
            pad(indent, out);
            if rng.chance(12) {
                out.push_str("<<: ");
            } else {
                if rng.chance(30) {
                    out.push_str("? ");
                }
                if rng.chance(4) {
                    scalar(rng, indent, out);
                } else {
                    out.push_str(&format!("k{index}"));
                }
                out.push_str(rng.pick(&[":", ":", ":", ": ", " :"]));
            }
            child(rng, indent, depth, out);
        }
    } else {
        for _ in 0..rng.below(4) + 1 {
            comment(rng, out);
            pad(indent, out);
            out.push('-');
            if rng.chance(4) && depth > 0 {
                out.push(' ');
                let mut inner = String::new();
                block(rng, indent + 2, depth - 1, &mut inner);
                out.push_str(inner.trim_start_matches(' '));
            } else {
                child(rng, indent, depth, out);
            }
        }
    }
}

fn child(rng: &mut Rng, indent: usize, depth: usize, out: &mut String) {
    if rng.chance(8) {
        out.push(' ');
        out.push_str(rng.pick(&[
            "&x", "&y", "!!str", "!!int", "!!float", "!custom", "!", "!!map", "!!seq", "!!bool",
            "!!null", "!!binary",
        ]));
    }
    if depth > 0 && rng.chance(3) {
        out.push_str(rng.pick(&["\n", "\n", " # c\n"]));
        let deeper = indent + rng.below(3);
        block(rng, deeper, depth - 1, out);
        return;
    }
    out.push(' ');
    match rng.below(12) {
        0 => flow(rng, indent, 3, out),
        1 => literal(rng, indent, out),
        2 => out.push_str(rng.pick(&["*x", "*y", "[*x, *y]"])),
        3 => {}
        _ => scalar(rng, indent, out),
    }
    out.push_str(rng.pick(&["\n", "\n", "\n", " # c\n", "  \n", "\n\n", "\r\n"]));
}

fn flow(rng: &mut Rng, indent: usize, depth: usize, out: &mut String) {
    let is_map = rng.chance(2);
    out.push(if is_map { '{' } else { '[' });
    for index in 0..rng.below(4) {
        if index > 0 {
            out.push_str(rng.pick(&[",", ", ", ",\n    ", " , "]));
        }
        if is_map || rng.chance(8) {
            match rng.below(6) {
                0 => scalar(rng, indent, out),
                1 => out.push_str(&format!("\"q{index}\"")),
                _ => out.push_str(&format!("f{index}")),
            }
            out.push_str(rng.pick(&[": ", ": ", ": ", ":", ""]));
        }
        if depth > 0 && rng.chance(4) {
            flow(rng, indent, depth - 1, out);
        } else if !rng.chance(8) {
            scalar(rng, indent, out);
        }
    }
    out.push_str(if rng.chance(10) { "," } else { "" });
    out.push(if is_map { '}' } else { ']' });
}

fn literal(rng: &mut Rng, indent: usize, out: &mut String) {
    out.push_str(rng.pick(&["|", ">"]));
    out.push_str(rng.pick(&["", "", "-", "+", "2", "1-", "+3", "-2"]));
    out.push_str(rng.pick(&["", "", " # c", "  "]));
    out.push('\n');
    for _ in 0..rng.below(5) {
        if rng.chance(4) {
            out.push_str(rng.pick(&["\n", "  \n", "      \n"]));
        }
        pad(indent + rng.below(4), out);
        out.push_str(rng.pick(WORDS));
        out.push_str(rng.pick(&["\n", "\n", " \n", "\r\n", "\n\n"]));
    }
}

fn scalar(rng: &mut Rng, indent: usize, out: &mut String) {
    let more = |rng: &mut Rng| {
        let mut text = rng.pick(WORDS).to_owned();
        for _ in 0..rng.below(3) {
            if rng.chance(6) {
                text.push_str(rng.pick(&["\n", "\n\n", " \n", "\\\n"]));
                pad(indent + rng.below(3), &mut text);
            } else {
                text.push_str(rng.pick(&[" ", "  ", "", "\t"]));
            }
            text.push_str(rng.pick(WORDS));
        }
        text
    };
    match rng.below(6) {
        0 => out.push_str(&format!("'{}'", more(rng).replace('\'', "''"))),
        1 => {
            let text = more(rng).replace('"', "\\\"");
            let escape = rng.pick(&[
                "",
                "",
                "\\n",
                "\\t",
                "\\u00e9",
                "\\x41",
                "\\U0001F600",
                "\\/",
                "\\e",
                "\\ ",
                "\\ud800",
            ]);
            out.push_str(&format!("\"{text}{escape}\""));
        }
        2 => out.push_str(&more(rng)),
        _ => out.push_str(rng.pick(WORDS)),
    }
}

fn comment(rng: &mut Rng, out: &mut String) {
    if rng.chance(8) {
        pad(rng.below(4), out);
        out.push_str(rng.pick(&["# c\n", "#\n", "# a: b\n\n", "#c\n\t# d\n"]));
    }
}

fn pad(indent: usize, out: &mut String) {
    out.extend(std::iter::repeat_n(' ', indent));
}

/// A text with a few random changes.
pub(crate) fn mutated(rng: &mut Rng, text: &str) -> String {
    let mut lines: Vec<String> = text.split_inclusive('\n').map(ToOwned::to_owned).collect();
    // Small windows find more than large ones in the same time.
    let start = rng.below(lines.len());
    let length = rng.below(30) + 1;
    lines = lines.into_iter().skip(start).take(length).collect();
    for _ in 0..rng.below(4) + 1 {
        let index = rng.below(lines.len());
        let Some(line) = lines.get_mut(index) else {
            continue;
        };
        match rng.below(6) {
            0 => {
                lines.remove(index);
            }
            1 => {
                let line = line.clone();
                lines.insert(index, line);
            }
            2 => line.insert(0, ' '),
            3 => {
                if line.starts_with(' ') {
                    line.remove(0);
                }
            }
            _ => {
                let chars: Vec<usize> = line.char_indices().map(|(at, _)| at).collect();
                let at = chars.get(rng.below(chars.len())).copied().unwrap_or(0);
                line.insert_str(at, rng.pick(PIECES));
            }
        }
    }
    lines.concat()
}

/// Every YAML file of the conformance data.
pub(crate) fn real_files() -> Vec<String> {
    let root = conformance();
    let mut found = Vec::new();
    let mut open = vec![root];
    while let Some(folder) = open.pop() {
        let Ok(entries) = std::fs::read_dir(&folder) else {
            continue;
        };
        for path in entries.flatten().map(|entry| entry.path()) {
            if path.is_dir() {
                open.push(path);
            } else if path
                .extension()
                .is_some_and(|kind| kind == "yaml" || kind == "yml")
            {
                found.push(path);
            }
        }
    }
    found.sort();
    found
        .iter()
        .filter_map(|path| std::fs::read_to_string(path).ok())
        .collect()
}

/// The folder of the conformance data, which may not be there.
pub(crate) fn conformance() -> PathBuf {
    std::env::var_os("MUSTER_CONFORMANCE").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/conformance"),
        PathBuf::from,
    )
}

// Without U+0085: kustomize itself makes a space of it on its way through JSON.
const BITS: &[&str] = &[
    "a",
    "b",
    "x y",
    " ",
    "  ",
    "\n",
    "\n\n",
    "\t",
    "'",
    "\"",
    ":",
    ": ",
    "#",
    " #",
    "-",
    "- ",
    "?",
    "---",
    "{",
    "[",
    "&",
    "*",
    "!",
    "|",
    ">",
    "%",
    "@",
    "`",
    "\\",
    "é",
    "日本語",
    "😀",
    "\u{a0}",
    "\u{2029}",
    "\u{2028}",
    "\u{feff}",
    "\r",
    "\r\n",
    "\u{1}",
    "\u{1b}",
    "0",
    "1",
    "12",
    "9",
    "long words to fill a line up to its end and beyond it ",
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    ",",
    ".",
    "=",
    "<",
    "<<",
];

fn text(rng: &mut Rng) -> String {
    if rng.chance(3) {
        return rng.pick(WORDS).to_owned();
    }
    let longest = if rng.chance(6) { 30 } else { 6 };
    (0..rng.below(longest)).map(|_| rng.pick(BITS)).collect()
}

/// A value to print.
pub(crate) fn value(rng: &mut Rng, depth: usize) -> Node {
    match rng.below(if depth == 0 { 7 } else { 10 }) {
        0 => Node::null(),
        1 => Node::bool(rng.chance(2)),
        2 => number(rng),
        3..=6 => Node::string(text(rng)),
        7 => Node::list((0..rng.below(4)).map(|_| value(rng, depth - 1)).collect()),
        _ => {
            let members: Map = (0..rng.below(6))
                .map(|_| (text(rng), value(rng, depth - 1)))
                .collect();
            Node::map(members)
        }
    }
}

fn number(rng: &mut Rng) -> Node {
    let bits = rng.next();
    let value = match rng.below(5) {
        0 => NumberValue::Int(i64::try_from(bits >> 40).unwrap_or(0) - 5_000_000),
        1 => NumberValue::Int(i64::from_ne_bytes(bits.to_ne_bytes())),
        2 => NumberValue::UInt(bits | 1 << 63),
        3 => {
            let float = f64::from_bits(bits);
            NumberValue::Float(if float.is_finite() { float } else { 0.5 })
        }
        _ => {
            let scale = [1.0, 10.0, 1e3, 1e-3, 1e-6, 1e9, 1e18][rng.below(7)];
            NumberValue::Float(f64::from(u32::try_from(bits >> 44).unwrap_or(0)) / 64.0 * scale)
        }
    };
    Node::new(Value::Number(Number { value, raw: None }))
}
