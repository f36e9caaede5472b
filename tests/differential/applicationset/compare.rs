//! One ApplicationSet, both evaluations.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use muster_fleet::applicationset::{ApplicationSet, Element};
use muster_fleet::failure::Failure;
use muster_fleet::generator::{Generated, Generator, GitSource, Member, Members, Scene};
use muster_fleet::hub::{self, Hub};
use muster_fleet::params;
use muster_fleet::template::Renderer;
use muster_model::{MemoryTree, Node, RepoPath, json as model_json};
use serde_json::{Value, json};

use super::answer::{self, Answer};
use super::generate::{Case, Cluster};
use crate::process::Oracle;
use crate::run::Verdict;

/// What comparing a case came to.
#[derive(Debug)]
pub struct Compared {
    pub verdict: Verdict,
    /// Both answers where they differ.
    pub details: String,
    /// Sets of parameters that were equal.
    pub parameter_sets: u64,
    /// Applications that were equal.
    pub applications: u64,
}

impl Compared {
    fn of(verdict: Verdict, details: impl Into<String>) -> Self {
        Self {
            verdict,
            details: details.into(),
            parameter_sets: 0,
            applications: 0,
        }
    }

    fn refusals(ours: &str, theirs: &str) -> Self {
        let details = format!("--- argo: {theirs}\n--- muster: {ours}\n");
        Self::of(refusal(ours, theirs), details)
    }
}

/// Evaluates the case with both.
pub fn compare(oracle: &mut Oracle, case: &Case) -> Compared {
    oracle.send(&case.request());
    let ours = catch_unwind(AssertUnwindSafe(|| Ours::of(case)));
    let theirs: Answer = oracle.receive();
    match ours {
        Ok(Ok(ours)) => entries(&ours, &theirs, case),
        Ok(Err(why)) => match theirs.first_error() {
            Some(error) => Compared::of(Verdict::BothRefuse, error),
            None if theirs.is_empty() => Compared::of(Verdict::Documented(EARLY), why),
            None => Compared::refusals(&why, "accepted"),
        },
        Err(_) => Compared::of(Verdict::Panicked, ""),
    }
}

/// What an evaluation that only one of them refuses comes to; an empty text is no refusal.
fn refusal(ours: &str, theirs: &str) -> Verdict {
    let named = |list: &[(&str, &'static str)], text: &str| {
        let found = list.iter().find(|(part, _)| text.contains(part));
        found.map(|(_, why)| *why)
    };
    if ours.is_empty() {
        return named(BROKEN, theirs).map_or(Verdict::OnlyMuster, Verdict::Broken);
    }
    named(DOCUMENTED, ours).map_or(Verdict::OnlyOther, Verdict::Documented)
}

/// Argo CD looks at a template once there are parameters for it.
const EARLY: &str = "mistakes that Argo CD finds once there is an Application";

/// What muster refuses although Argo CD's generators and templates do not: part of the message, and why.
const DOCUMENTED: &[(&str, &str)] = &[
    (
        "a plan is a function of the commit",
        "clock, randomness, keys",
    ),
    (
        "a plan reads Git only",
        "generators that ask something else",
    ),
    ("is a range of versions", "semver ranges"),
    ("unknown sync option", "sync options that are none"),
    (
        "leaves the repository",
        "paths that Argo CD refuses once it reads them",
    ),
    (
        "is not a plain relative path",
        "paths that Argo CD refuses once it reads them",
    ),
    (
        "is no label value",
        "labels that the API server would refuse",
    ),
    (
        "cannot change a parameter in place",
        "parameters changed in place",
    ),
    ("is there twice, first on line", "a key twice in a file"),
    ("unknown field", "fields that are none"),
    (
        "is no directive of a strategic merge patch",
        "directives that do nothing here",
    ),
    ("`name` is empty", "an Application without a name"),
    (
        "is no DNS subdomain",
        "an Application's name that the API server would refuse",
    ),
];

/// Where Argo CD fails although it should not: part of the message, and why.
const BROKEN: &[(&str, &str)] = &[
    (
        "got map[string]string",
        "functions over mappings that take no labels, annotations and values",
    ),
    (
        "is map[string]string, not map[string]interface",
        "functions over mappings that take no labels, annotations and values",
    ),
    (
        "is not assignable to type string",
        "labels completed with what is no text crash it",
    ),
    (
        "expected int; got int64",
        "one kind of integers is not the other",
    ),
];

/// Our own evaluation.
struct Ours {
    set: ApplicationSet,
    hub: Hub,
    members: Members,
    tree: MemoryTree,
}

impl Ours {
    /// Reads the set; the error is for people.
    fn of(case: &Case) -> Result<Self, String> {
        let text = case.set.to_string();
        let files = [(FLEET_FILE, FLEET), ("set.yaml", text.as_str())];
        let path = RepoPath::new(FLEET_FILE).expect("a path");
        let hub = hub::load(&MemoryTree::of(files), &path).map_err(|failure| explain(&failure))?;
        let mut broken = hub.broken.sets.values().flatten();
        if let Some(problem) = broken.next() {
            return Err(problem.to_string());
        }
        let set = hub.sets.values().next().ok_or("there is no set")?.clone();
        let files = case.files.iter();
        Ok(Self {
            set,
            hub,
            members: Members::given(case.clusters.iter().map(member).collect(), true),
            tree: MemoryTree::of(files.map(|(path, text)| (&**path, &**text))),
        })
    }

    fn transform(
        &self,
        generator: &Generator,
        renderer: &mut Renderer,
    ) -> Result<Vec<Generated<'_>>, Failure> {
        generator.transform(&mut Scene {
            members: &self.members,
            git: GitSource::Hub {
                tree: &self.tree,
                fleet: &self.hub.fleet,
            },
            language: self.set.language,
            renderer,
        })
    }
}

const FLEET_FILE: &str = "fleet.yaml";
const FLEET: &str = "\
apiVersion: muster.dev/v1alpha1
kind: Fleet
metadata: {name: random}
spec:
  clusters: [{name: east}]
  repositories: [{url: 'https://git.example.com/hub.git', self: true}]
  resources: [set.yaml]
";

fn member(cluster: &Cluster) -> Member {
    let mut labels = cluster.labels.clone();
    labels.insert(
        muster_fleet::generator::SECRET_TYPE.to_owned(),
        "cluster".to_owned(),
    );
    Member {
        name: cluster.name.as_str().into(),
        server: cluster.server.as_str().into(),
        project: cluster.project.as_deref().unwrap_or_default().into(),
        labels: labels.into(),
        annotations: cluster.annotations.clone().into(),
        ..Member::default()
    }
}

fn explain(failure: &Failure) -> String {
    match failure {
        Failure::NotFetched(_) => "blobs are missing in memory".to_owned(),
        Failure::Refused(problems) => problems
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join("; "),
    }
}

fn entries(ours: &Ours, theirs: &Answer, case: &Case) -> Compared {
    if !theirs.error.is_empty() {
        return Compared::refusals("", &theirs.error);
    }
    let mut whole = Compared::of(Verdict::Same, "");
    let mut renderer = Renderer::new();
    for (index, (generator, theirs)) in ours.set.generators.iter().zip(&theirs.entries).enumerate()
    {
        let ordered = is_ordered(&case.set["spec"]["generators"][index]);
        let found = ours.transform(generator, &mut renderer);
        let one = match (found, theirs.error.as_str()) {
            (Err(failure), "") => Compared::refusals(&explain(&failure), "accepted"),
            (Err(failure), error) => Compared::of(
                Verdict::BothRefuse,
                format!("{} / {error}", explain(&failure)),
            ),
            (Ok(_), error) if !error.is_empty() => Compared::refusals("", error),
            (Ok(found), _) => {
                let theirs = theirs.results.as_deref().unwrap_or_default();
                results(ours, &found, theirs, ordered, &mut renderer)
            }
        };
        whole.parameter_sets += one.parameter_sets;
        whole.applications += one.applications;
        if one.verdict > whole.verdict {
            (whole.verdict, whole.details) = (one.verdict, one.details);
        }
    }
    whole
}

/// True when Argo CD's own order is not that of a Go map.
fn is_ordered(generator: &Value) -> bool {
    match generator {
        Value::Object(map) => map
            .iter()
            .all(|(key, value)| !matches!(key.as_str(), "clusters" | "merge") && is_ordered(value)),
        Value::Array(items) => items.iter().all(is_ordered),
        _ => true,
    }
}

/// One set of parameters and what became of it.
struct Item {
    params: String,
    application: Result<String, String>,
}

fn results(
    ours: &Ours,
    found: &[Generated<'_>],
    theirs: &[answer::Generated],
    ordered: bool,
    renderer: &mut Renderer,
) -> Compared {
    let mut whole = Compared::of(Verdict::Same, "");
    if found.len() != theirs.len() {
        let details = format!("{} and {} kinds", found.len(), theirs.len());
        return Compared::of(Verdict::Differs("parameters"), details);
    }
    for (found, theirs) in found.iter().zip(theirs) {
        let template = ours.set.template_for(found);
        let mine = found.params.iter().map(|params| Item {
            params: canonical(to_json(&params::to_node(&params::map(params.clone())))),
            application: application(&ours.set, &template, params, renderer),
        });
        let argo = theirs.params.iter().zip(&theirs.applications);
        let argo = argo.map(|(params, rendered)| Item {
            // An element that holds nothing is no mapping there.
            params: canonical(match params {
                Value::Null => json!({}),
                params => params.clone(),
            }),
            application: match rendered.error.as_str() {
                "" => Ok(pruned(&rendered.application)),
                error => Err(error.to_owned()),
            },
        });
        let one = items(mine.collect(), argo.collect(), ordered);
        whole.parameter_sets += one.parameter_sets;
        whole.applications += one.applications;
        if one.verdict > whole.verdict {
            (whole.verdict, whole.details) = (one.verdict, one.details);
        }
    }
    whole
}

fn application(
    set: &ApplicationSet,
    template: &Node,
    params: params::Params,
    renderer: &mut Renderer,
) -> Result<String, String> {
    let whole = Element::new(set, template, params).whole(renderer);
    let whole = whole.map_err(|failure| explain(&failure))?;
    set.check(&whole).map_err(|failure| explain(&failure))?;
    Ok(pruned(&to_json(&whole)))
}

fn items(mut mine: Vec<Item>, mut argo: Vec<Item>, ordered: bool) -> Compared {
    let texts =
        |items: &[Item]| -> Vec<String> { items.iter().map(|item| item.params.clone()).collect() };
    let same_order = texts(&mine) == texts(&argo);
    mine.sort_by(|one, other| one.params.cmp(&other.params));
    argo.sort_by(|one, other| one.params.cmp(&other.params));
    let (ours, theirs) = (texts(&mine), texts(&argo));
    let details = || {
        let (ours, theirs) = (ours.join("\n  "), theirs.join("\n  "));
        format!("--- argo:\n  {theirs}\n--- muster:\n  {ours}\n")
    };
    if ours != theirs {
        return Compared::of(Verdict::Differs("parameters"), details());
    }
    if ordered && !same_order {
        return Compared::of(Verdict::Differs("order of parameters"), details());
    }
    let mut whole = Compared::of(Verdict::Same, "");
    whole.parameter_sets = mine.len() as u64;
    for (mine, argo) in mine.iter().zip(&argo) {
        let one = match (&mine.application, &argo.application) {
            (Ok(mine), Ok(argo)) if mine == argo => {
                whole.applications += 1;
                continue;
            }
            (Ok(mine), Ok(argo)) => Compared::of(
                Verdict::Differs("Applications"),
                format!("--- argo:\n  {argo}\n--- muster:\n  {mine}\n"),
            ),
            (Err(mine), Err(argo)) => Compared::of(Verdict::BothRefuse, format!("{mine} / {argo}")),
            (Ok(_), Err(argo)) => Compared::refusals("", argo),
            (Err(mine), Ok(argo)) => Compared::refusals(mine, argo),
        };
        if one.verdict > whole.verdict {
            (whole.verdict, whole.details) = (one.verdict, one.details);
        }
    }
    whole
}

fn to_json(node: &Node) -> Value {
    serde_json::from_str(&model_json::to_canonical(node)).expect("JSON")
}

/// A value as text: numbers as floats, the clusters of `flatList` in order of their text.
fn canonical(value: Value) -> String {
    floats(value).to_string()
}

fn floats(value: Value) -> Value {
    match value {
        Value::Number(number) => number.as_f64().map_or(Value::Null, Value::from),
        Value::Array(items) => Value::Array(items.into_iter().map(floats).collect()),
        Value::Object(map) => {
            let sorted = |(key, value): (String, Value)| {
                let mut value = floats(value);
                if key == "clusters" && value.is_null() {
                    value = json!([]);
                }
                if let (true, Value::Array(items)) = (key == "clusters", &mut value) {
                    items.sort_by_key(Value::to_string);
                }
                (key, value)
            };
            // The order of a map is nobody's.
            let map: BTreeMap<_, _> = map.into_iter().map(sorted).collect();
            Value::Object(map.into_iter().collect())
        }
        other => other,
    }
}

/// An Application without what says nothing: empty fields, and what Argo CD adds to every one.
fn pruned(application: &Value) -> String {
    let mut application = application.clone();
    if let Some(metadata) = application["metadata"].as_object_mut() {
        metadata.remove("namespace");
        if let Some(Value::Array(finalizers)) = metadata.get_mut("finalizers") {
            finalizers.retain(|text| text != "resources-finalizer.argocd.argoproj.io");
        }
    }
    let application = without_empty(floats(application), "");
    application.unwrap_or_default().to_string()
}

fn without_empty(value: Value, key: &str) -> Option<Value> {
    match value {
        Value::Null | Value::Bool(false) => None,
        Value::String(text) if text.is_empty() => None,
        Value::Number(number) if number.as_f64() == Some(0.0) => None,
        Value::Array(items) if items.is_empty() => None,
        Value::Array(items) => Some(Value::Array(items)),
        Value::Object(map) => {
            let members = map.into_iter().filter_map(|(key, value)| {
                let value = without_empty(value, &key)?;
                Some((key, value))
            });
            let map: serde_json::Map<_, _> = members.collect();
            // `automated: {}` means something.
            (!map.is_empty() || key == "automated").then_some(Value::Object(map))
        }
        other => Some(other),
    }
}
