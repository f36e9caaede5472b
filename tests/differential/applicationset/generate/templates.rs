//! Random templates: of Applications, of single texts, and of patches.

use rand::Rng as _;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use serde_json::{Map, Value, json};

use super::words::{self, one_in, pick};
use super::{Known, Shape, World};

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

/// Text to text, for chains.
const KEEP_TEXT: &[&str] = &[
    "@ | upper",
    "@ | lower",
    "@ | trunc 5",
    "@ | trunc -4",
    "trimSuffix \"t\" @",
    "trimPrefix \"e\" @",
    "replace \"a\" \"-\" @",
    "@ | normalize",
    "@ | slugify",
    "@ | trim",
    "@ | nospace",
    "default \"dflt\" @",
    "printf \"%s-x\" @",
    "print @",
    "@ | toString",
    "trimAll \"d\" @",
    "@ | swapcase",
    "cat @ \"z\"",
    "@ | kebabcase",
    "@ | snakecase",
    "@ | camelcase",
    "@ | untitle",
    "@ | title",
    "regexReplaceAll \"[0-9]+\" @ \"N\"",
    "splitList \"-\" @ | first",
    "splitList \"-\" @ | join \"+\"",
    "@ | quote",
    "@ | repeat 2",
];

const TEXT: &[&str] = &[
    "@ | squote",
    "slugify 4 true @",
    "slugify 6 false @",
    "slugify 10 @",
    "@ | b64enc",
    "@ | b64enc | b64dec",
    "@ | b64dec",
    "@ | b32enc",
    "@ | b32dec",
    "@ | sha256sum | trunc 8",
    "@ | sha1sum",
    "@ | sha512sum | trunc 6",
    "@ | adler32sum",
    "@ | initials",
    "abbrev 5 @",
    "abbrevboth 2 6 @",
    "@ | indent 2",
    "@ | nindent 2",
    "wrap 4 @",
    "wrapWith 3 \"|\" @",
    "contains \"a\" @",
    "hasPrefix \"e\" @",
    "hasSuffix \"t\" @",
    "splitList \"-\" @ | last",
    "(split \"-\" @)._0",
    "(splitn \"-\" 2 @)._1",
    "split \"-\" @ | toJson",
    "regexMatch \"^[a-z]+$\" @",
    "regexFind \"[a-z]+\" @",
    "regexFindAll \"[a-z]\" @ 2 | join \",\"",
    "regexSplit \"-\" @ -1 | toJson",
    "regexReplaceAll \"(.)a\" @ \"${1}b\"",
    "regexReplaceAllLiteral \"a\" @ \"${1}\"",
    "regexQuoteMeta @",
    "substr 0 2 @",
    "substr 1 -1 @",
    "substr -1 3 @",
    "coalesce \"\" @ \"x\"",
    "ternary \"y\" \"n\" (eq @ \"prod\")",
    "eq @ \"prod\" | ternary \"y\" \"n\"",
    "printf \"%s-%d\" @ 3",
    "printf \"%q\" @",
    "printf \"%6s|%-6s|\" @ @",
    "printf \"%x\" @",
    "printf \"%v %T\" @ @",
    "printf \"%d\" @",
    "printf \"%s\"",
    "printf \"%s\" @ 1",
    "printf \"%.2s\" @",
    "printf \"%%\"",
    "printf \"%5t\" true",
    "printf \"%c\" 65",
    "printf \"%U\" 65",
    "printf \"%08.3f\" 3.14159",
    "printf \"%+d\" 5",
    "printf \"%e\" 12345.678",
    "printf \"%g\" 1e21",
    "printf \"%x\" 255",
    "printf \"%#x\" 255",
    "printf \"%o\" 8",
    "printf \"%b\" 5",
    "len @",
    "eq @ \"prod\"",
    "ne @ \"dev\"",
    "lt @ \"m\"",
    "ge @ \"m\"",
    "eq @ \"a\" \"b\" \"prod\"",
    "and @ \"x\"",
    "or @ \"x\"",
    "not @",
    "@ | atoi",
    "@ | int",
    "@ | int64",
    "@ | float64",
    "@ | toDecimal",
    "@ | toJson",
    "@ | toRawJson",
    "@ | toPrettyJson",
    "@ | toYaml",
    "@ | fromYaml | toJson",
    "@ | fromJson | toJson",
    "fromYamlArray @ | toJson",
    "base @",
    "dir @",
    "ext @",
    "clean @",
    "isAbs @",
    "osBase @",
    "urlquery @",
    "html @",
    "js @",
    "print 1 2 @",
    "print @ @",
    "println @",
    "plural \"one\" \"many\" (len @)",
    "kindOf @",
    "typeOf @",
    "kindIs \"string\" @",
    "typeIs \"string\" @",
    "list @ \"x\" | join \",\"",
    "dict \"k\" @ | toJson",
    "dict @ | toJson",
    "dict @ 1 | toYaml",
    "index @ 0",
    "slice @ 0 1",
    "@ | mustRegexMatch \"[\"",
    "semver \"1.2.3-beta.1+b\" | toJson",
    "semverCompare \"^1.2\" \"1.3.0\"",
    "semverCompare \">=1.0.0-0\" \"1.0.0-rc1\"",
    "seq 1 3",
    "seq 5",
    "seq 0 2 6",
    "urlParse \"https://host:8/p?q=1#f\" | toJson",
    "urlJoin (dict \"scheme\" \"http\" \"host\" \"h\" \"path\" \"/p\")",
    "toStrings (list 1 @) | toJson",
    "duration 95",
    "durationRound \"2h10m5s\"",
    "@ | hello",
    "fail @",
    "required @",
    "include @ .",
    "tpl @ .",
    "lookup @",
    "now | date \"2006\"",
    "randAlpha 5",
    "env \"HOME\"",
    "uuidv4",
    "@ | htpasswd \"x\"",
    "@ | toString | len | add 1",
    "mustToJson @",
    "concat (list @) (list 1) | toJson",
    "has @ (list \"prod\" \"dev\")",
    "without (list \"prod\" \"dev\") @ | toJson",
    "@ | ext | trimPrefix \".\"",
    "@ | splitList \"/\" | rest | join \"/\"",
    "trunc 0 @",
    "trunc 100 @",
    "repeat 0 @",
    "nindent 0 @",
    "any @ false",
    "all @ true",
    "empty @",
    "default @ \"\"",
    "biggest 1 2",
    "max 1 2.5",
    "min 3 1",
    "regexFindAll \"z\" @ -1 | toJson",
    "atoi \"12x\"",
    "int \"0x1f\"",
    "int \"010\"",
    "int64 \"1.0\"",
    "int \"1.5\"",
    "float64 \"1e3\"",
    "add \"1\" 2",
    "add1 @",
    "sub 5 @",
    "toDecimal \"755\"",
    "cat 1 @ nil true",
    "initials @",
    "camelcase \"foo_bar-baz qux\"",
    "snakecase \"FooBarBAZ9x\"",
    "kebabcase \"fooBar_baz\"",
    "title \"hello wORLD it's\"",
    "untitle \"Hello World\"",
    "swapcase \"aB\"",
    "trimall \"a\" @",
    "title @",
];

const NUMBER: &[&str] = &[
    "@ | int",
    "add @ 1",
    "add 1 @ 2",
    "add1 @",
    "sub @ 1",
    "mul @ 2",
    "div @ 2",
    "mod @ 2",
    "max @ 2",
    "min @ 2",
    "maxf @ 2.5",
    "minf @ 2.5",
    "addf @ 1.5",
    "subf @ 1",
    "mulf @ 1.5",
    "divf @ 3",
    "floor @",
    "ceil @",
    "round @ 1",
    "round @ 0 0.4",
    "toString @",
    "@ | quote",
    "printf \"%v\" @",
    "printf \"%d\" (int @)",
    "printf \"%.2f\" @",
    "printf \"%d\" @",
    "printf \"%s\" @",
    "printf \"%g\" @",
    "printf \"%f\" @",
    "printf \"%e\" @",
    "printf \"%08.1f\" @",
    "printf \"%6.2f|%-8v|\" @ @",
    "printf \"%T\" @",
    "eq @ 3.0",
    "eq @ 3",
    "eq (int @) 3",
    "gt @ 1.0",
    "lt (int @) 2",
    "ne @ 1.0",
    "until (int @) | toJson",
    "untilStep 0 (int @) 2 | toJson",
    "seq (int @)",
    "@ | toJson",
    "@ | toYaml",
    "@ | int64 | toString",
    "@ | float64",
    "kindOf @",
    "typeOf @",
    "kindOf (int @)",
    "typeOf (int64 @)",
    "len @",
    "not @",
    "and @ 1",
    "or @ 5",
    "default 7 @",
    "empty @",
    "print @ 1",
    "print @ @ \"x\"",
    "list @ 1 | join \"-\"",
    "list @ | toJson",
    "dict \"n\" @ | toYaml",
    "ternary 1 2 (eq (int @) 0)",
    "coalesce @ 9",
    "@ | atoi",
    "trunc @ \"abc\"",
    "trunc (int @) \"abcdef\"",
    "repeat (int @ | min 3) \"x\"",
    "index (list 1 2 3) (int @ | min 2 | int)",
    "has @ (list 1 3)",
    "deepEqual @ 3",
    "deepEqual @ 3.0",
    "@ | sha256sum",
    "biggest @ 3",
    "@ | toRawJson",
    "toPrettyJson @",
    "html @",
    "urlquery @",
    "durationRound @",
    "duration @",
    "toStrings (list @ 1) | toJson",
    "1 | add @",
    "(printf \"%v\" @) | atoi",
    "lt @ 1e3",
    "le 1 2 ",
    "eq 1 1.0",
    "eq 1 \"1\"",
    "div @ 0",
    "mod 5 0",
    "divf 1 0",
    "toDecimal @",
    "mul @ 1.5 2",
    "round 2.675 2",
    "round -1.5 0",
    "floor \"2.7\"",
    "ceil -0.5",
];

const LIST: &[&str] = &[
    "join \",\" @",
    "@ | first",
    "@ | last",
    "@ | rest | toJson",
    "@ | initial | toJson",
    "len @",
    "has \"a\" @",
    "@ | uniq | toJson",
    "@ | sortAlpha | join \",\"",
    "@ | reverse | toJson",
    "@ | compact | toJson",
    "without @ \"a\" | toJson",
    "@ | toJson",
    "@ | toYaml",
    "index @ 0",
    "index @ 9",
    "slice @ 0 1 | toJson",
    "slice @ 1 | toJson",
    "append @ \"z\" | toJson",
    "prepend @ \"y\" | toJson",
    "concat @ (list 9) | join \"+\"",
    "chunk 2 @ | toJson",
    "toString @",
    "@ | toPrettyJson",
    "@ | toRawJson",
    "kindOf @",
    "typeOf @",
    "kindIs \"slice\" @",
    "empty @",
    "not @",
    "default \"none\" @",
    "printf \"%v\" @",
    "printf \"%s\" @",
    "printf \"%d\" @",
    "printf \"%q\" @",
    "print @",
    "@ | toStrings | toJson",
    "list @ @ | toJson",
    "dict \"l\" @ | toYaml",
    "ternary \"y\" \"n\" (has \"b\" @)",
    "coalesce @ 1 | toJson",
    "quote @",
    "squote @",
    "cat @",
    "@ | join \"-\" | upper",
    "@ | mustUniq | len",
    "@ | first | default \"d\"",
    "(index @ 0)",
    "deepEqual @ (list)",
    "@ | html",
    "max @",
    "tuple @ 1 | toJson",
    "first (rest @)",
    "@ | len | add 1",
    "upper @",
    "and @ \"x\"",
    "or @ \"x\"",
    "eq @ @",
    "mustFirst @",
    "mustSlice @ 0 2 | toJson",
    "nindent 2 (toYaml @)",
    "toYaml @ | indent 4",
    "push @ 1 | last",
    "index @ \"a\"",
    "slice @ 2 1",
];

const MAP: &[&str] = &[
    "keys @ | sortAlpha | join \",\"",
    "@ | toYaml",
    "@ | toJson",
    "@ | toPrettyJson",
    "get @ \"a\"",
    "get @ \"none\"",
    "hasKey @ \"a\"",
    "dig \"a\" \"d\" @",
    "dig \"a\" \"b\" \"d\" @",
    "omit @ \"a\" | toJson",
    "pick @ \"a\" \"b\" | toJson",
    "merge (dict \"a\" \"9\") @ | toJson",
    "mergeOverwrite (dict \"a\" \"9\" \"z\" 1) @ | toJson",
    "values @ | len",
    "len @",
    "index @ \"a\"",
    "index @ \"none\"",
    "index @ \"a\" \"b\"",
    "pluck \"a\" @ | toJson",
    "toString @",
    "kindOf @",
    "typeOf @",
    "kindIs \"map\" @",
    "empty @",
    "not @",
    "default \"none\" @",
    "printf \"%v\" @",
    "printf \"%s\" @",
    "print @",
    "quote @",
    "deepCopy @ | toJson",
    "dict \"m\" @ | toYaml",
    "list @ | toJson",
    "@ | toYaml | nindent 2",
    "set @ \"a\" 1 | toJson",
    "unset @ \"a\" | toJson",
    "coalesce @ 1 | toJson",
    "fromYaml (toYaml @) | toJson",
    "fromJson (toJson @) | toJson",
    "keys @ | len",
    "hasKey @ 1",
    "ternary @ 1 true | toJson",
    "deepEqual @ @",
    "eq @ @",
    "@ | toRawJson",
    "(@).a",
    "set (deepCopy @) \"z\" \"q\" | toJson",
    "merge (dict) @ (dict \"y\" 1) | toJson",
    "values @ | sortAlpha | join \",\"",
];

const ANY: &[&str] = &[
    "@ | toJson",
    "@ | toYaml",
    "@ | toString",
    "@ | quote",
    "@ | squote",
    "kindOf @",
    "typeOf @",
    "empty @",
    "not @",
    "default \"d\" @",
    "coalesce @ \"c\"",
    "printf \"%v\" @",
    "printf \"%t\" @",
    "printf \"%T\" @",
    "print @",
    "println @",
    "ternary \"y\" \"n\" (not @)",
    "and @ 1",
    "or @ 1",
    "list @ | toJson",
    "list @ nil | join \",\"",
    "dict \"x\" @ | toYaml",
    "eq @ true",
    "eq @ nil",
    "@ | int",
    "@ | upper",
    "@ | len",
    "deepEqual @ nil",
    "has @ (list true nil \"\")",
    "cat @ \"x\"",
    "@ | b64enc",
    "@ | sha256sum",
    "html @",
    "js @",
    "urlquery @",
    "kindIs \"bool\" @",
    "@ | ternary \"t\" \"f\"",
    "@ | default true | toString",
    "all @ 1",
    "any @ 0",
    "toRawJson @",
    "toPrettyJson @",
    "trim @",
    "compact (list @ 1) | toJson",
    "uniq (list @ @) | len",
    "index @ 0",
    "first @",
    "join \"-\" @",
    "keys @",
    "get @ \"a\"",
    "fromYaml @",
];

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
