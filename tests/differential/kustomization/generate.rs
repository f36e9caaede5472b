//! Random trees of kustomizations: bases, overlays, components, and everything they may say.

mod bodies;
mod fields;
mod generators;
mod objects;
mod patches;
mod references;
mod scalars;
mod text;

use std::collections::BTreeMap;

use rand::Rng as _;
use rand::rngs::StdRng;
use serde::{Deserialize, Serialize};

use crate::random::{self, one_in};
use objects::{Identity, pick};
use text::Y;

/// A tree and the directory to build.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Case {
    /// Texts by path.
    pub files: BTreeMap<String, String>,
    /// The arguments of `kustomize build`.
    pub args: Vec<String>,
}

/// The tree of a seed and a number.
pub fn case(seed: u64, number: u64) -> Case {
    let mut rng = random::of(seed, number);
    let mut world = World::default();
    for index in 0..rng.random_range(1..3) {
        world.directory(&mut rng, &format!("base{index}"), false);
        if index == 0 && one_in(&mut rng, 4) {
            world.directory(&mut rng, "component", true);
        }
    }
    for index in 0..rng.random_range(0..3) {
        world.directory(&mut rng, &format!("overlays/{index}"), false);
    }
    let last = world.last.clone();
    let mut args = vec![format!("/{last}")];
    if one_in(&mut rng, 5) {
        args.push("--reorder=none".to_owned());
    }
    Case {
        files: world.files,
        args,
    }
}

/// What was generated so far.
#[derive(Debug, Default)]
struct World {
    files: BTreeMap<String, String>,
    /// Directories with a kustomization that nothing builds on yet, and the objects they give.
    open: Vec<(String, Vec<Identity>)>,
    /// Directories that something builds on already.
    used: Vec<(String, Vec<Identity>)>,
    component: Option<String>,
    /// The directory made last.
    last: String,
}

/// A directory on its way.
struct Dir {
    path: String,
    /// The objects that its transformers see, under the names they were written with.
    objects: Vec<Identity>,
    files: Vec<(String, String)>,
    kustomization: Y,
}

impl Dir {
    /// Writes a file beside the kustomization.
    fn write(&mut self, name: &str, text: String) {
        self.files.push((name.to_owned(), text));
    }

    /// An object of this directory, or one that does not exist.
    fn object(&self, rng: &mut StdRng) -> Identity {
        use rand::seq::IndexedRandom as _;
        if one_in(rng, 40) {
            return Identity::random(rng);
        }
        let Some(found) = self.objects.choose(rng) else {
            return Identity::random(rng);
        };
        found.clone()
    }

    /// A configuration of a generator or transformer: in a file of its own, or where it is named.
    fn configuration(&mut self, rng: &mut StdRng, name: &str, config: &Y) -> Y {
        let text = config.print(rng);
        if one_in(rng, 2) {
            self.write(name, text);
            Y::raw(name)
        } else {
            Y::Block("|-", text.lines().map(str::to_owned).collect())
        }
    }

    fn set(&mut self, field: &str, value: Y) {
        self.kustomization.push(field, value);
    }
}

impl World {
    fn directory(&mut self, rng: &mut StdRng, path: &str, component: bool) {
        let mut dir = Dir {
            path: path.to_owned(),
            objects: Vec::new(),
            files: Vec::new(),
            kustomization: Y::map([]),
        };
        self.head(rng, &mut dir, component);
        self.resources(rng, &mut dir, component);
        if component {
            // Its patches are for objects of whoever uses it.
            dir.objects
                .extend(self.open.iter().flat_map(|(_, ids)| ids.clone()));
        }
        fields::add(rng, &mut dir);
        let name = if one_in(rng, 10) {
            "kustomization.yml"
        } else {
            "kustomization.yaml"
        };
        let text = dir.kustomization.print(rng);
        dir.write(name, text);
        for (name, text) in dir.files {
            self.files.insert(format!("{path}/{name}"), text);
        }
        if component {
            self.component = Some(path.to_owned());
        } else {
            self.last = path.to_owned();
            self.open.push((path.to_owned(), dir.objects));
        }
    }

    fn head(&self, rng: &mut StdRng, dir: &mut Dir, component: bool) {
        if component {
            dir.set("apiVersion", Y::raw("kustomize.config.k8s.io/v1alpha1"));
            dir.set("kind", Y::raw("Component"));
        } else if one_in(rng, 2) {
            dir.set("apiVersion", Y::raw("kustomize.config.k8s.io/v1beta1"));
            dir.set("kind", Y::raw("Kustomization"));
        }
    }

    fn resources(&mut self, rng: &mut StdRng, dir: &mut Dir, component: bool) {
        let mut entries = Vec::new();
        if dir.path.starts_with("overlays") {
            for (path, objects) in std::mem::take(&mut self.open) {
                if one_in(rng, 6) {
                    self.open.push((path, objects));
                    continue;
                }
                entries.push(Y::raw(format!("../../{path}")));
                dir.objects.extend(objects.clone());
                self.used.push((path, objects));
            }
            if one_in(rng, 20)
                && let Some((path, objects)) = self.used.first()
            {
                entries.push(Y::raw(format!("../../{path}")));
                dir.objects.extend(objects.clone());
            }
        }
        let own = if dir.path.starts_with("base") {
            rng.random_range(1..4)
        } else {
            rng.random_range(0..2)
        };
        for index in 0..own {
            let name = format!("r{index}.yaml");
            let text = file_of_objects(rng, dir);
            dir.write(&name, text);
            entries.push(Y::raw(pick(rng, &[&name, &format!("./{name}")])));
        }
        let field = if one_in(rng, 15) && !component && dir.path.starts_with("overlays") {
            "bases"
        } else {
            "resources"
        };
        if !entries.is_empty() || one_in(rng, 4) {
            let field = if own > 0 { "resources" } else { field };
            dir.set(field, Y::List(entries));
        }
        let up = "../".repeat(dir.path.split('/').count());
        let up = up.trim_end_matches('/');
        if let Some(used) = self.component.clone()
            && !component
            && one_in(rng, 2)
        {
            dir.set("components", Y::List(vec![Y::raw(format!("{up}/{used}"))]));
        }
    }
}

/// Several documents, or a list.
fn file_of_objects(rng: &mut StdRng, dir: &mut Dir) -> String {
    let mut documents = Vec::new();
    for _ in 0..rng.random_range(1..4) {
        let identity = Identity::random(rng);
        let taken = dir.objects.iter().any(|o| {
            o.kind.kind == identity.kind.kind
                && o.name == identity.name
                && o.namespace == identity.namespace
        });
        if taken && !one_in(rng, 30) {
            continue;
        }
        documents.push(objects::object(rng, &identity));
        dir.objects.push(identity);
    }
    if one_in(rng, 12) {
        let kind = pick(rng, &["List", "ConfigMapList", "DeploymentList"]);
        let list = Y::map([
            ("apiVersion", Y::raw("v1")),
            ("kind", Y::raw(kind)),
            ("items", Y::List(documents)),
        ]);
        return list.print(rng);
    }
    let texts: Vec<_> = documents.iter().map(|d| d.print(rng)).collect();
    let mut out = String::new();
    for (index, text) in texts.iter().enumerate() {
        if index > 0 && !text.starts_with("---") {
            out.push_str("---\n");
        }
        out.push_str(text);
    }
    out
}
