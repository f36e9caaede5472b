//! Generators the plain way, everything made at once: what [`ParameterSets`] has to equal.

use std::collections::BTreeMap;

use gotmpl::MissingKey;
use muster_model::{Budgets, Map, Node, json, yaml};
use proptest::prelude::*;

use super::*;
use crate::decode::Strings;
use crate::template::normalise;
use crate::text_map::TextMap;

type Made = Result<Vec<Params>, ()>;

/// One entry of `generators`, without its own template.
fn entry(generator: &Generator, scene: &mut Scene<'_, '_>) -> Made {
    let [kind] = generator.kinds.as_slice() else {
        return Err(());
    };
    let mut sets = match kind {
        Kind::List(list) => list.generate(scene).map_err(drop)?,
        Kind::Git(git) => git.generate(scene).map_err(drop)?,
        Kind::Clusters(_) => clusters(&generator.node, scene)?,
        Kind::Matrix(found) => matrix(&found.generators, scene)?,
        Kind::Merge(found) => merge(&generator.node, &found.generators, scene)?,
    };
    if let Some(selector) = &generator.selector {
        sets.retain(|set| selector.matches(&params::flatten(set)));
    }
    Ok(sets)
}

fn clusters(node: &Node, scene: &mut Scene<'_, '_>) -> Made {
    let node = node.get("clusters").ok_or(())?;
    let wanted = node.at_path(&["selector", "matchLabels"]);
    let wanted = wanted.and_then(Node::as_map).cloned().unwrap_or_default();
    let mut made = Vec::new();
    for member in MEMBERS {
        let labels = BTreeMap::from([("env", member.1), ("tier", member.2)]);
        let has = |(key, value): (&str, &Node)| labels.get(key).copied() == value.as_str();
        if !wanted.iter().all(has) {
            continue;
        }
        let mut set = plain(member, scene.language.is_go());
        let seen = params::map(set.clone());
        let values = node.get("values").and_then(Node::as_map);
        let mut own = Params::new();
        for (key, value) in values.into_iter().flat_map(Map::iter) {
            let template = value.as_str().ok_or(())?;
            let text = scene.renderer.text(scene.language, template, &seen);
            own.insert(key.into(), params::text(&text.map_err(drop)?));
        }
        if scene.language.is_go() && !own.is_empty() {
            params::merge_over(
                &mut set,
                &Params::from([("values".into(), params::map(own))]),
            );
        } else {
            set.extend(
                own.into_iter()
                    .map(|(k, v)| (format!("values.{k}").into(), v)),
            );
        }
        made.push(set);
    }
    Ok(made)
}

/// Name, labels `env` and `tier`, and a value `own`.
const MEMBERS: [(&str, &str, &str); 4] = [
    ("east", "prod", "gold"),
    ("West_1", "dev", "gold"),
    ("north", "prod", "iron"),
    ("lab", "dev", ""),
];

fn plain((name, env, tier): (&str, &str, &str), go: bool) -> Params {
    let server = format!("https://{name}.example.com");
    let text = if go {
        format!(
            r#"{{"name":"{name}","nameNormalized":"{}","server":"{server}","project":"","metadata":{{"labels":{{"env":"{env}","tier":"{tier}"}}}},"values":{{"own":"{name}"}}}}"#,
            normalise(name)
        )
    } else {
        format!(
            r#"{{"name":"{name}","nameNormalized":"{}","server":"{server}","project":"","metadata.labels.env":"{env}","metadata.labels.tier":"{tier}","values.own":"{name}"}}"#,
            normalise(name)
        )
    };
    let node = json::from_slice(text.as_bytes()).expect("JSON");
    params::from_map(node.as_map().expect("a mapping"))
}

fn members() -> Members {
    let member = |(name, env, tier): &(&str, &str, &str)| Member {
        name: (*name).into(),
        server: format!("https://{name}.example.com").into(),
        labels: texts(&[("env", env), ("tier", tier)]),
        values: texts(&[("own", name)]),
        ..Member::default()
    };
    Members::given(MEMBERS.iter().map(member).collect(), false)
}

fn texts(pairs: &[(&str, &str)]) -> TextMap {
    let own = |(key, text): &(&str, &str)| ((*key).to_owned(), (*text).to_owned());
    let map: BTreeMap<_, _> = pairs.iter().map(own).collect();
    map.into()
}

fn matrix(generators: &[Generator], scene: &mut Scene<'_, '_>) -> Made {
    let [first, second] = generators else {
        return Err(());
    };
    let mut made = Vec::new();
    for one in entry(first, scene)? {
        let second = second.interpolated(scene, &one).map_err(drop)?;
        for mut other in entry(&second, scene)? {
            if scene.language.is_go() {
                params::merge_over(&mut other, &one);
            } else {
                let same = |(key, value)| other.get(key).is_none_or(|other| other == value);
                if !one.iter().all(same) {
                    return Err(());
                }
                other.extend(one.clone());
            }
            made.push(other);
        }
    }
    Ok(made)
}

fn merge(node: &Node, generators: &[Generator], scene: &mut Scene<'_, '_>) -> Made {
    let keys = node
        .at_path(&["merge", "mergeKeys"])
        .and_then(Node::as_list);
    let keys: Vec<&str> = keys.ok_or(())?.iter().filter_map(Node::as_str).collect();
    let key = |set: &Params| -> Vec<Option<String>> {
        let of = |key: &&str| set.get(*key).map(params::to_json);
        keys.iter().map(of).collect()
    };
    let mut all = generators.iter().map(|generator| entry(generator, scene));
    let mut all = all.by_ref().collect::<Result<Vec<_>, _>>()?;
    for sets in &all {
        let unique: std::collections::BTreeSet<_> = sets.iter().map(key).collect();
        if unique.len() != sets.len() {
            return Err(());
        }
    }
    let base = all.remove(0);
    let keyed: Vec<_> = base.iter().map(key).collect();
    let mut made = base;
    for (set, wanted) in made.iter_mut().zip(keyed) {
        for with in all.iter().flatten().filter(|with| key(with) == wanted) {
            if scene.language.is_go() {
                params::merge_over(set, with);
            } else {
                set.extend(with.clone());
            }
        }
    }
    Ok(made)
}

/// Placeholders of both languages; each run uses one.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("prod".to_owned()),
        Just("dev".to_owned()),
        Just("east".to_owned()),
        Just("@name@".to_owned()),
        Just("@metadata.labels.env@".to_owned()),
        Just("x-@k@".to_owned()),
    ]
}

fn list() -> impl Strategy<Value = String> {
    let element = (text(), text(), 0..4).prop_map(|(k, v, which)| match which {
        0 => format!("{{k: '{k}'}}"),
        1 => format!("{{name: '{k}', v: '{v}'}}"),
        2 => format!("{{k: '{k}', values: {{own: '{v}'}}}}"),
        _ => format!("{{k: '{k}', v: '{v}'}}"),
    });
    proptest::collection::vec(element, 0..4)
        .prop_map(|elements| format!("list: {{elements: [{}]}}", elements.join(", ")))
}

fn some_clusters() -> impl Strategy<Value = String> {
    let selector = prop_oneof![
        Just(String::new()),
        Just("selector: {matchLabels: {env: prod}}".to_owned()),
        Just("selector: {matchLabels: {env: '@k@'}}".to_owned()),
        Just("selector: {matchLabels: {env: dev, tier: gold}}".to_owned()),
    ];
    let values = prop_oneof![
        Just(String::new()),
        text().prop_map(|text| format!("values: {{k: '{text}', own: fixed}}")),
    ];
    (selector, values).prop_map(|(selector, values)| {
        let both = [selector, values];
        let both: Vec<_> = both.into_iter().filter(|part| !part.is_empty()).collect();
        format!("clusters: {{{}}}", both.join(", "))
    })
}

fn whole(inner: impl Strategy<Value = String>) -> impl Strategy<Value = String> {
    let selector = prop_oneof![
        3 => Just(""),
        1 => Just(", selector: {matchLabels: {k: prod}}"),
        1 => Just(", selector: {matchExpressions: [{key: metadata.labels.env, operator: NotIn, values: [dev]}]}"),
        1 => Just(", selector: {matchExpressions: [{key: values.own, operator: Exists}]}"),
    ];
    (inner, selector).prop_map(|(inner, selector)| format!("{{{inner}{selector}}}"))
}

fn leaf() -> BoxedStrategy<String> {
    whole(prop_oneof![list(), some_clusters()]).boxed()
}

fn combined(child: BoxedStrategy<String>) -> BoxedStrategy<String> {
    let matrix = (child.clone(), child.clone())
        .prop_map(|(a, b)| format!("matrix: {{generators: [{a}, {b}]}}"));
    let keys = prop_oneof![Just("[name]"), Just("[k]"), Just("[k, name]")];
    let merge = (proptest::collection::vec(child, 2..4), keys).prop_map(|(all, keys)| {
        format!(
            "merge: {{mergeKeys: {keys}, generators: [{}]}}",
            all.join(", ")
        )
    });
    whole(prop_oneof![matrix, merge]).boxed()
}

fn generator() -> impl Strategy<Value = String> {
    let one = prop_oneof![2 => leaf(), 1 => combined(leaf())].boxed();
    combined(one)
}

fn read(text: &str) -> Generator {
    let node = yaml::read(text.as_bytes(), &Budgets::default(), 0).expect("YAML");
    let mut decoder = Decoder::new("row", Reason::InvalidField).strings(Strings::Templated);
    let generator = Generator::read(&mut decoder, &node[0], "generator", Depth::Top);
    assert!(decoder.is_clean(), "{text}: {:?}", decoder.into_problems());
    generator
}

fn compare(language: Language, text: &str) -> Result<usize, TestCaseError> {
    let generator = read(text);
    let (members, mut renderer) = (members(), Renderer::new());
    let mut scene = Scene {
        members: &members,
        git: GitSource::Given(&[]),
        language,
        renderer: &mut renderer,
    };
    let expected = entry(&generator, &mut scene);
    let found = generator.transform(&mut scene);
    let found = found.map(|all| all.iter().flat_map(|g| g.params.iter()).collect::<Vec<_>>());
    let count = expected.as_ref().map_or(0, Vec::len);
    match (expected, found) {
        (Ok(expected), Ok(found)) => prop_assert_eq!(expected, found, "{}", text),
        (Err(()), Err(_)) => {}
        (expected, found) => prop_assert!(false, "{text}: {expected:?} and {found:?}"),
    }
    Ok(count)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn sets_that_are_made_one_by_one_are_those_that_are_made_at_once(text in generator()) {
        let of = |open: &str, close: &str| {
            let parts: Vec<_> = text.split('@').collect();
            let part = |(number, part): (usize, &&str)| match number % 2 {
                0 => (*part).to_owned(),
                _ => format!("{open}{part}{close}"),
            };
            parts.iter().enumerate().map(part).collect::<String>()
        };
        compare(Language::Fast, &of("{{", "}}"))?;
        compare(Language::Go(MissingKey::Error), &of("{{.", "}}"))?;
    }
}

#[test]
fn what_is_compared_is_not_nothing() {
    let text = "{matrix: {generators: [{clusters: {values: {k: '{{.name}}'}}}, {merge: {mergeKeys: [name], generators: [{clusters: {selector: {matchLabels: {env: '{{.metadata.labels.env}}'}}}}, {list: {elements: [{name: lab, v: x}]}}]}, selector: {matchExpressions: [{key: name, operator: NotIn, values: [east]}]}}]}}";
    let count = compare(Language::Go(MissingKey::Error), text).expect("equal");
    // Two clusters of prod see one beside `east`, two of dev see both.
    assert_eq!(count, 6);
}
