//! Random ApplicationSets: every generator, both template languages, and what people write wrong.

mod expressions;
mod generators;
pub mod nasty;
mod repository;
mod templates;
mod words;

use std::collections::BTreeMap;

use rand::Rng as _;
use rand::rngs::StdRng;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::random::{self, one_in};
use words::pick;

/// An ApplicationSet and what it is evaluated against.
#[derive(Debug, Clone, Deserialize)]
pub struct Case {
    /// The whole object.
    pub set: Value,
    /// What the cluster Secrets say.
    #[serde(default)]
    pub clusters: Vec<Cluster>,
    /// The repository, texts by path.
    #[serde(default)]
    pub files: BTreeMap<String, String>,
}

/// What a cluster's Secret says.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Cluster {
    pub name: String,
    pub server: String,
    #[serde(default)]
    pub project: Option<String>,
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    #[serde(default)]
    pub annotations: BTreeMap<String, String>,
}

/// What the oracle is asked.
#[derive(Serialize)]
pub struct Request<'c> {
    set: String,
    clusters: &'c [Cluster],
    files: &'c BTreeMap<String, String>,
}

impl Case {
    pub fn request(&self) -> Request<'_> {
        Request {
            set: self.set.to_string(),
            clusters: &self.clusters,
            files: &self.files,
        }
    }

    /// For people; a line of a file of cases.
    pub fn shown(&self) -> String {
        json!({"set": self.set, "clusters": self.clusters, "files": self.files}).to_string()
    }
}

/// What kind of value a parameter is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    Text,
    Number,
    Bool,
    List,
    Map,
    Null,
}

/// A parameter that templates may name.
#[derive(Debug, Clone)]
pub struct Known {
    /// As the language names it: `values.k`, or `.values.k`.
    pub name: String,
    pub shape: Shape,
}

/// What a set is made in.
pub struct World {
    pub go: bool,
    pub clusters: Vec<Cluster>,
    pub files: BTreeMap<String, String>,
}

/// The case of a seed and a number.
pub fn case(seed: u64, number: u64) -> Case {
    let mut rng = random::of(seed, number);
    let rng = &mut rng;
    let mut world = World {
        go: !one_in(rng, 3),
        clusters: clusters(rng),
        files: BTreeMap::new(),
    };
    repository::fill(rng, &mut world);
    let mut known = Vec::new();
    let entries = if one_in(rng, 5) { 2 } else { 1 };
    let generators: Vec<Value> = (0..entries)
        .map(|_| {
            let (mut entry, found) = generators::entry(rng, &world, 0, &[]);
            if known.is_empty() || one_in(rng, 2) {
                known = found;
            }
            generators::maybe_template(rng, &world, &mut entry, &known);
            entry
        })
        .collect();
    let mut spec = Map::new();
    if world.go || one_in(rng, 4) {
        spec.insert("goTemplate".into(), world.go.into());
    }
    if one_in(rng, 2) {
        let option = pick(
            rng,
            &[
                "missingkey=error",
                "missingkey=error",
                "missingkey=zero",
                "missingkey=default",
                "missingkey=invalid",
            ],
        );
        spec.insert("goTemplateOptions".into(), json!([option]));
    }
    spec.insert("generators".into(), generators.into());
    spec.insert("template".into(), templates::whole(rng, &world, &known));
    if one_in(rng, 4) {
        let patch = templates::patch(rng, &world, &known);
        spec.insert("templatePatch".into(), patch.into());
    }
    Case {
        set: json!({
            "apiVersion": "argoproj.io/v1alpha1",
            "kind": "ApplicationSet",
            "metadata": {"name": "random"},
            "spec": spec,
        }),
        clusters: world.clusters,
        files: world.files,
    }
}

fn clusters(rng: &mut StdRng) -> Vec<Cluster> {
    const NAMES: &[&str] = &[
        "east",
        "West_1",
        "north.eu",
        "a b",
        "PROD/eu",
        "in-cluster",
        "lab",
        "-x-",
        "prod-1",
        "münchen",
    ];
    let mut found: Vec<Cluster> = Vec::new();
    for _ in 0..rng.random_range(0..5) {
        let name = pick(rng, NAMES);
        // Of two Secrets with one name, Argo CD takes the last it lists.
        if found.iter().any(|cluster| cluster.name == name) {
            continue;
        }
        let server = match name {
            "in-cluster" => "https://kubernetes.default.svc".to_owned(),
            _ => format!("https://{}.example.com", found.len()),
        };
        found.push(Cluster {
            name: name.to_owned(),
            server,
            project: one_in(rng, 3).then(|| pick(rng, &["", "team"]).to_owned()),
            labels: texts(rng, &["env", "tier", "region", "team.example.com/name"]),
            annotations: texts(rng, &["note", "team.example.com/owner", "size"]),
        });
    }
    found
}

fn texts(rng: &mut StdRng, keys: &[&str]) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for key in keys {
        if !one_in(rng, 3) {
            let value = pick(rng, &["prod", "dev", "gold", "", "true", "1", "a.b"]);
            found.insert((*key).to_owned(), value.to_owned());
        }
    }
    found
}
