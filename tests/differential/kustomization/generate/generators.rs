//! ConfigMaps and Secrets that a kustomization makes.

use rand::Rng as _;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;

use super::objects::{self, Identity, KINDS, NAMES, pick};
use super::text::Y;
use super::{Dir, scalars};
use crate::random::one_in;

/// `configMapGenerator`.
pub fn config_maps(rng: &mut StdRng, dir: &mut Dir) {
    let entries = entries(rng, dir, "ConfigMap");
    dir.set("configMapGenerator", entries);
}

/// `secretGenerator`.
pub fn secrets(rng: &mut StdRng, dir: &mut Dir) {
    let entries = entries(rng, dir, "Secret");
    dir.set("secretGenerator", entries);
}

/// `generatorOptions`.
pub fn options(rng: &mut StdRng, dir: &mut Dir) {
    let options = generator_options(rng);
    dir.set("generatorOptions", options);
}

/// A generator by configuration.
pub fn plugins(rng: &mut StdRng, dir: &mut Dir) {
    let kind = pick(rng, &["ConfigMapGenerator", "SecretGenerator"]);
    let mut config = Y::map([
        ("apiVersion", Y::raw("builtin")),
        ("kind", Y::raw(kind)),
        ("metadata", Y::map([("name", Y::raw("made"))])),
    ]);
    sources(rng, dir, &mut config, 9);
    let entry = dir.configuration(rng, "generator.yaml", &config);
    dir.set("generators", Y::List(vec![entry]));
}

fn entries(rng: &mut StdRng, dir: &mut Dir, kind: &str) -> Y {
    let count = rng.random_range(1..3);
    let entries = (0..count).map(|index| {
        let mut entry = Y::map([]);
        let existing: Vec<_> = dir
            .objects
            .iter()
            .filter(|o| o.kind.kind == kind)
            .cloned()
            .collect();
        let merges = (!existing.is_empty() && one_in(rng, 2)) || one_in(rng, 100);
        let behavior = pick(
            rng,
            if merges {
                &["merge", "replace"]
            } else {
                &["", "create"]
            },
        );
        match existing.choose(rng).filter(|_| merges) {
            Some(object) => {
                entry.push("name", Y::raw(&*object.name));
                if !object.namespace.is_empty() {
                    entry.push("namespace", Y::raw(&*object.namespace));
                }
            }
            None if one_in(rng, 30) => entry.push("name", Y::raw(pick(rng, NAMES))),
            None => {
                let identity = Identity {
                    kind: *KINDS.iter().find(|k| k.kind == kind).unwrap_or(&KINDS[0]),
                    name: format!("made-{}-{index}", dir.path.replace('/', "-")),
                    namespace: String::new(),
                };
                entry.push("name", Y::raw(&*identity.name));
                dir.objects.push(identity);
            }
        }
        if !behavior.is_empty() {
            entry.push("behavior", Y::raw(behavior));
        }
        sources(rng, dir, &mut entry, index);
        if kind == "Secret" && one_in(rng, 4) {
            entry.push("type", Y::raw("kubernetes.io/tls"));
        }
        if one_in(rng, 4) {
            entry.push("options", generator_options(rng));
        }
        entry
    });
    Y::List(entries.collect())
}

const LITERALS: &[&str] = &[
    "a=1",
    "b=x=y",
    "'c=\"quoted\"'",
    "\"d='single'\"",
    "e=",
    "'f= lead'",
    "key.x=true",
    "\"g=a\\nb\"",
    "h=é",
    "'i=0644'",
    "'j=a: b'",
    "k=$(A)",
    "'l=#'",
    "\"m=\\x01\"",
    "'n='''''",
];
const FILES: &[(&str, &str)] = &[
    ("app.properties", "a=1\nb=2\n"),
    ("plain.txt", "no newline at end"),
    ("crlf.txt", "a\r\nb\r\n"),
    ("empty.txt", ""),
    ("tabs.txt", "a\tb\n"),
    ("trail.txt", "a \nb\n"),
    ("nl.txt", "\n\na\n"),
    ("config.yaml", "a: 1\nb: [x]\n"),
    ("utf8.txt", "é日本\n"),
    ("lead.txt", "  two\nnone\n"),
    (
        "long.txt",
        "the quick brown fox jumps over the lazy dog and then it runs on and on for very many more words\n",
    ),
    ("nul.bin", "a\u{0}b"),
    ("hash.txt", "# comment\nkey: v\n"),
    ("dos.txt", "one\rtwo\n"),
];
const ENVS: &[&str] = &[
    "A=1\nB=two words\n",
    "# comment\nC=3\n\nD=\n",
    "E=\"quoted\"\nF='x'\n",
    "  G=lead\nH = spaced\n",
    "I=a=b\nNOVALUE_SURELY_UNSET\n",
    "\u{feff}J=bom\n",
    "K=x # not a comment\n",
    "L=é\r\nM=2\r\n",
];

fn sources(rng: &mut StdRng, dir: &mut Dir, entry: &mut Y, index: usize) {
    if one_in(rng, 2) {
        let count = rng.random_range(1..4);
        let mut literals: Vec<_> = LITERALS
            .choose_multiple(rng, count)
            .map(|l| Y::raw(*l))
            .collect();
        if one_in(rng, 60) {
            literals.push(Y::raw(pick(rng, &["=x", "noequals", "a"])));
        }
        entry.push("literals", Y::List(literals));
    }
    if one_in(rng, 3) {
        let count = rng.random_range(1..3);
        let files: Vec<_> = FILES.choose_multiple(rng, count).collect();
        let mut list = Vec::new();
        for (place, (name, text)) in files.into_iter().enumerate() {
            dir.write(name, (*text).to_owned());
            list.push(Y::raw(if one_in(rng, 3) {
                format!("key.{place}={name}")
            } else {
                (*name).to_owned()
            }));
        }
        entry.push("files", Y::List(list));
    }
    if one_in(rng, 4) {
        let name = format!("env{index}.env");
        dir.write(&name, pick(rng, ENVS));
        if one_in(rng, 4) {
            entry.push("env", Y::raw(name));
        } else {
            entry.push("envs", Y::List(vec![Y::raw(name)]));
        }
    }
}

fn generator_options(rng: &mut StdRng) -> Y {
    let mut options = Y::map([]);
    if one_in(rng, 2) {
        options.push(
            "disableNameSuffixHash",
            Y::raw(pick(rng, &["true", "false"])),
        );
    }
    if one_in(rng, 4) {
        options.push("immutable", Y::raw("true"));
    }
    if one_in(rng, 3) {
        options.push("labels", objects::texts(rng, false));
    }
    if one_in(rng, 3) {
        options.push("annotations", Y::map([("note", scalars::text(rng))]));
    }
    options
}
