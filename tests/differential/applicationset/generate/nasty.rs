//! Texts written to go wrong, and whole cases around them.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{Case, Cluster};

/// For the language that only replaces names.
pub const FAST: &[&str] = &[
    "{{",
    "}}",
    "{{}}",
    "{{ }}",
    "{{{name}}}",
    "{{name}",
    "{name}}",
    "{{na\nme}}",
    "{{ name }}-{{k",
    "{{{{name}}}}",
    "}}{{name}}{{",
    "x{{name}}}y",
    "{{name}}{{name}}",
    "{{ name}}{{k }}",
    "{{.name}}",
    "{{ .name | upper }}",
    "{{name}}\n{{k",
    "{{\nname\n}}",
    "a {{ b\n c }} {{name}}",
    "{{name}} {{",
    "{{ {{name}} }}",
    "{{name }}}}",
    "{{\u{a0}name}}",
    "{{index .path.segments 1}}",
    "{{ \"{{name}}\" }}",
    "{{/* x */}}",
    "{{name:upper}}",
    "\\{{name}}",
    "{{NAME}}",
    "{{ name\t}}",
    "%7B%7Bname%7D%7D",
];

/// For Go's language.
pub const GO: &[&str] = &[
    "{{",
    "}}",
    "{{}}",
    "{{ }}",
    "{{ .name",
    "{{ .name }",
    "{{name}}",
    "{{ .name }}{{",
    "{{/* comment */}}",
    "{{- /* c */ -}} x",
    "a {{- .name -}} b",
    "{{ \"}}\" }}",
    "{{ `a\nb` }}",
    "{{ 'a' }}",
    "{{ .name | }}",
    "{{ | .name }}",
    "{{ .name.first }}",
    "{{ .none.first }}",
    "{{ $.name }}",
    "{{ $x }}",
    "{{ $x := 1 }}{{ $x = 2 }}{{ $x }}",
    "{{ range .none }}x{{ end }}",
    "{{ range .name }}x{{ end }}",
    "{{ range 3 }}{{ . }}{{ end }}",
    "{{ range $i := until 3 }}{{ if eq $i 1 }}{{ continue }}{{ end }}{{ $i }}{{ end }}",
    "{{ range until 9 }}{{ if gt . 2 }}{{ break }}{{ end }}{{ . }}{{ end }}",
    "{{ break }}",
    "{{ define \"t\" }}<{{ . }}>{{ end }}{{ template \"t\" .name }}",
    "{{ template \"none\" }}",
    "{{ block \"b\" .name }}[{{ . }}]{{ end }}",
    "{{ if .name }}a{{ else if .k }}b{{ else }}c{{ end }}",
    "{{ with .none }}x{{ else with .name }}{{ . }}{{ end }}",
    "{{ if }}x{{ end }}",
    "{{ end }}",
    "{{ else }}",
    "{{ nil }}",
    "{{ true }}",
    "{{ 1 }}",
    "{{ 1.0 }}",
    "{{ 1e3 }}",
    "{{ 0x1F }}",
    "{{ 1_000 }}",
    "{{ 'x' | printf \"%c\" }}",
    "{{ \"a\" \"b\" }}",
    "{{ 1 2 }}",
    "{{ .name \"x\" }}",
    "{{ .name | upper | }}",
    "{{ (.name) }}",
    "{{ ((.name)) }}",
    "{{ (dict \"a\" 1).a }}",
    "{{ (index . \"name\") }}",
    "{{ index . \"none\" }}",
    "{{ . }}",
    "{{ .. }}",
    "{{ .name. }}",
    "{{ .Name }}",
    "{{ .na-me }}",
    "{{ ._x }}",
    "{{ call .name }}",
    "{{ len nil }}",
    "{{ len .none }}",
    "{{ not }}",
    "{{ and }}",
    "{{ eq 1 }}",
    "{{ printf }}",
    "{{ print }}",
    "{{ printf \"%!\" }}",
    "{{ printf \"%d %s\" 1 }}",
    "{{ printf \"%[2]d %[1]d\" 1 2 }}",
    "{{ printf \"%*d\" 5 1 }}",
    "{{ printf \"%v\" nil }}",
    "{{ printf \"%z\" 1 }}",
    "{{ $x := .name }}{{ with dict \"name\" \"in\" }}{{ .name }}{{ $x }}{{ $.name }}{{ end }}",
    "{{ range $k, $v := dict \"b\" 1 \"a\" 2 }}{{ $k }}{{ $v }}{{ end }}",
    "{{ \"\\u00e9\\t\\x41\" }}",
    "{{ \"unterminated }}",
    "{{\"{{\"}}",
    "{{ .name }}}}",
    "{{{ .name }}}",
    "{{ `{{` }}",
    "{{-}}",
    "{{- }}",
    "{{ -}}",
    "{{ -1 }}",
    "{{ - 1 }}",
    "{{\n.name\n}}",
    "{{ $ }}",
    "{{ $.none }}",
    "{{ eq .name .name .k }}",
    "{{ lt 1 2.0 }}",
    "{{ eq .none nil }}",
    "{{ or nil \"\" 0 \"x\" }}",
    "{{ and 1 0 (fail \"lazy\") }}",
    "{{ or 1 (fail \"lazy\") }}",
    "{{ if and .none .none.x }}a{{ else }}b{{ end }}",
    "{{ html \"<a href='x'>\" }}",
    "{{ js \"it's <b>\" }}",
    "{{ urlquery \"a b&c\" }}",
    "{{ slice \"abc\" 1 2 }}",
    "{{ $a, $b := .name }}",
    "{{ range $a, $b, $c := .name }}{{ end }}",
    "{{ true | not | not }}",
    "{{ break",
    "{{ comment",
    "{{ .name /* c */ }}",
    "{{/* a }}",
    "{{ \"a\" | printf \"%s %s\" \"b\" }}",
    "{{ toYaml . }}",
    "{{ toJson . }}",
    "{{ keys . | sortAlpha | join \",\" }}",
    "{{ unset . \"name\" | toJson }}",
    "{{ $_ := set . \"x\" \"y\" }}{{ .x }}",
    "{{ dict \"a\" }}",
    "{{ dict 1 2 | toJson }}",
    "{{ list nil true 1.0 | toJson }}",
    "{{ 9223372036854775807 }}",
    "{{ 9223372036854775808 }}",
    "{{ 18446744073709551615 | toJson }}",
    "{{ add 9223372036854775807 1 }}",
    "{{ mul 4611686018427387904 4 }}",
    "{{ eq (list) (list) }}",
    "{{ eq nil nil }}",
    "{{ template \"base\" . }}",
    "{{ define \"base\" }}x{{ end }}y",
    "{{ define \"x\" }}",
    "{{ $x := 1 }}{{ if true }}{{ $x := 2 }}{{ end }}{{ $x }}",
    "{{ $x := 1 }}{{ if true }}{{ $x = 2 }}{{ end }}{{ $x }}",
    "{{ range $i, $e := list \"a\" \"b\" }}{{ $i }}{{ end }}{{ $i }}",
    "{{ with $x := 1 }}{{ $x }}{{ end }}",
    "{{ if $x := \"v\" }}{{ $x }}{{ end }}",
    "{{ range (list) }}a{{ else }}empty{{ end }}",
    "{{ printf \"%s\" (list \"a\" 1) }}",
    "{{ printf \"%v\" (dict \"a\" (list 1 nil)) }}",
    "{{ printf \"%q\" (list \"a\") }}",
    "{{ printf \"%05d|%-5d|%+.1e\" 42 42 1234.5 }}",
    "{{ printf \"%t %v\" true false }}",
    "{{ printf \"%s\" nil }}",
    "{{ printf \"%d\" \"x\" }}",
    "{{ printf \"%x %X\" \"hi\" 255 }}",
    "{{ printf \"%10.3s|\" \"abcdef\" }}",
    "{{ print 1 2 \"a\" \"b\" 3 }}",
    "{{ println \"a\" 1 }}",
];

/// A case for each text: in a label, beside the elements of a list.
pub fn cases() -> Vec<Case> {
    let go = GO.iter().flat_map(|text| {
        ["error", "default", "zero"].map(|option| case(text, true, &format!("missingkey={option}")))
    });
    let fast = FAST
        .iter()
        .map(|text| case(text, false, "missingkey=error"));
    fast.chain(go).chain(whole()).collect()
}

fn case(text: &str, go: bool, option: &str) -> Case {
    let (open, close) = if go { ("{{ .", " }}") } else { ("{{", "}}") };
    let elements = json!([{"name": "one", "k": "v"}, {"name": "two", "k": ""}]);
    set(
        json!({
            "goTemplate": go,
            "goTemplateOptions": [option],
            "generators": [{"list": {"elements": elements}}],
            "template": application(&format!("{open}name{close}"), json!({"text": text})),
        }),
        Vec::new(),
    )
}

fn application(name: &str, labels: Value) -> Value {
    json!({
        "metadata": {"name": name, "labels": labels},
        "spec": {
            "project": "default",
            "source": {"repoURL": "https://git.example.com/hub.git", "path": "apps", "targetRevision": "main"},
            "destination": {"name": "east", "namespace": "apps"},
        },
    })
}

fn set(spec: Value, clusters: Vec<Cluster>) -> Case {
    Case {
        set: json!({
            "apiVersion": "argoproj.io/v1alpha1",
            "kind": "ApplicationSet",
            "metadata": {"name": "nasty"},
            "spec": spec,
        }),
        clusters,
        files: BTreeMap::new(),
    }
}

/// Whole sets that no single text says.
fn whole() -> Vec<Case> {
    let mut found = combinations();
    found.extend(labels());
    found
}

fn east() -> Cluster {
    Cluster {
        name: "east".to_owned(),
        server: "https://east.example.com".to_owned(),
        project: None,
        labels: BTreeMap::from([("env".to_owned(), "prod".to_owned())]),
        annotations: BTreeMap::new(),
    }
}

/// A cluster completed with what has other types, or nothing in it.
fn combinations() -> Vec<Case> {
    let clusters_and = |other: Value, kind: &str| {
        let mut combination = json!({"generators": [{"clusters": {}}, other]});
        if kind == "merge" {
            combination["mergeKeys"] = json!(["name"]);
        }
        json!([{kind: combination}])
    };
    let label = json!({"env": "{{ .metadata.labels.env }}", "none": "{{ .metadata.labels.none }}", "own": "{{ .values.own }}"});
    let mut found = Vec::new();
    for kind in ["matrix", "merge"] {
        for (own, option) in [
            ("", "error"),
            ("", "zero"),
            ("new", "zero"),
            ("{{ .name }}", "default"),
        ] {
            let element = json!({
                "name": "east",
                "server": own,
                "metadata": {"labels": {"env": own, "more": "x"}},
                "values": {"own": own},
                "empty": {}, "nothing": null, "list": [], "zero": 0, "no": false,
            });
            found.push(set(
                json!({
                    "goTemplate": true,
                    "goTemplateOptions": [format!("missingkey={option}")],
                    "generators": clusters_and(json!({"list": {"elements": [element]}}), kind),
                    "template": application("{{ .name }}", label.clone()),
                }),
                vec![east()],
            ));
        }
    }
    found
}

/// What templates do with labels and values, which are mappings of texts for Go.
fn labels() -> Vec<Case> {
    let mut found = Vec::new();
    for option in ["default", "zero", "error"] {
        let texts = json!({
            "index": "{{ index .metadata.labels \"none\" }}",
            "field": "{{ .metadata.labels.none }}",
            "has": "{{ hasKey .metadata.labels \"env\" }}",
            "dig": "{{ dig \"labels\" \"env\" \"d\" .metadata }}",
            "get": "{{ get .values \"own\" }}",
            "kind": "{{ typeOf .values }} {{ typeOf .metadata }} {{ typeOf .metadata.labels }}",
            "default": "{{ default \"d\" .metadata.labels.none }}",
            "range": "{{ range $k, $v := .metadata.labels }}{{ $k }}={{ $v }};{{ end }}",
        });
        for (key, text) in texts.as_object().into_iter().flatten() {
            found.push(set(
                json!({
                    "goTemplate": true,
                    "goTemplateOptions": [format!("missingkey={option}")],
                    "generators": [{"clusters": {"selector": {"matchLabels": {"env": "prod"}}, "values": {"own": "v"}}}],
                    "template": application("{{ .name }}", json!({(key.as_str()): text})),
                }),
                vec![east()],
            ));
        }
    }
    found
}
