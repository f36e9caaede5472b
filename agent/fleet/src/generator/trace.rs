//! Why a generator gives, or does not give, parameters for one cluster: evidence for people.

use muster_model::{Location, Node, Problem, Tree};

use super::{Generated, Generator, GitSource, Kind, Scene, clusters};
use crate::applicationset::ApplicationSet;
use crate::failure::Failure;
use crate::fleet::Cluster;
use crate::hub::Hub;
use crate::params::{self, Params};
use crate::selector::{Selector, Unmet};
use crate::template::Renderer;

/// One generator, with one cluster in mind.
#[derive(Debug, Clone, PartialEq)]
pub struct Trace {
    /// The word of the file.
    pub kind: &'static str,
    /// Where it is.
    pub at: Location,
    /// For a cluster generator: what of its selector the cluster does not fulfil; nothing when it is selected.
    pub unmet: Option<Vec<Unmet>>,
    /// The generators inside.
    pub children: Vec<Trace>,
}

/// What an entry of `generators` gives for one cluster.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// The generators of the entry.
    pub traces: Vec<Trace>,
    /// Sets of parameters in all.
    pub produced: usize,
    /// Those of them that name the cluster.
    pub here: usize,
    /// Those that name the cluster and that the entry's own selector drops, with what they do not fulfil.
    pub dropped: Vec<Vec<Unmet>>,
    /// The Applications' names for the cluster, or why the template fails for it.
    pub rendered: Vec<Result<String, Problem>>,
    /// Why nothing is generated.
    pub failed: Vec<Problem>,
}

/// Follows every generator of a set.
///
/// # Errors
/// Only when something is not fetched yet: what is wrong is part of the answer.
pub fn trace(
    hub: &Hub,
    set: &ApplicationSet,
    cluster: &Cluster,
    tree: &dyn Tree,
) -> Result<Vec<Entry>, Failure> {
    let mut renderer = Renderer::new();
    let entries = set.generators.iter();
    entries
        .map(|generator| entry(hub, set, cluster, tree, generator, &mut renderer))
        .collect()
}

fn entry(
    hub: &Hub,
    set: &ApplicationSet,
    cluster: &Cluster,
    tree: &dyn Tree,
    generator: &Generator,
    renderer: &mut Renderer,
) -> Result<Entry, Failure> {
    let mut entry = Entry {
        traces: generator.traces(&set.origin.file, cluster),
        produced: 0,
        here: 0,
        dropped: Vec::new(),
        rendered: Vec::new(),
        failed: Vec::new(),
    };
    let mut scene = Scene {
        members: &hub.members,
        git: GitSource::Hub {
            tree,
            fleet: &hub.fleet,
        },
        language: set.language,
        renderer,
    };
    let unfiltered = Generator {
        selector: None,
        ..generator.clone()
    };
    let generated = match unfiltered.transform(&mut scene) {
        Ok(generated) => generated,
        Err(Failure::Refused(problems)) => {
            entry.failed = problems;
            return Ok(entry);
        }
        Err(failure) => return Err(failure),
    };
    for found in generated {
        entry.add(set, generator, cluster, &found, renderer);
    }
    Ok(entry)
}

impl Entry {
    fn add(
        &mut self,
        set: &ApplicationSet,
        generator: &Generator,
        cluster: &Cluster,
        found: &Generated<'_>,
        renderer: &mut Renderer,
    ) {
        let template = set.template_for(found);
        for params in found.params.iter() {
            let flat = clusters::shown(params::flatten(&params));
            let unmet = generator.selector.as_ref().map(|s| s.unmet(&flat));
            let kept = unmet.as_ref().is_none_or(Vec::is_empty);
            self.produced += usize::from(kept);
            if !names(cluster, &params) {
                continue;
            }
            if !kept {
                self.dropped.extend(unmet);
                continue;
            }
            self.here += 1;
            self.rendered.push(name(set, &template, &params, renderer));
        }
    }
}

/// True when parameters are about the cluster: by its name, or its server.
fn names(cluster: &Cluster, params: &Params) -> bool {
    let flat = params::flatten(params);
    let own_server = clusters::sentinel(cluster.name.as_str());
    flat.values().any(|value| {
        value == cluster.argo_name()
            || value == cluster.name.as_str()
            || *value == own_server
            || cluster.server.as_ref() == Some(value)
    })
}

fn name(
    set: &ApplicationSet,
    template: &Node,
    params: &Params,
    renderer: &mut Renderer,
) -> Result<String, Problem> {
    let rendered = renderer.node(set.language, template, params);
    let node = rendered.map_err(|error| {
        let line = template.span.line;
        let place = Location::line(&*set.origin.file, line);
        Problem::new(muster_model::Reason::TemplateFailed, error.to_string())
            .at(place)
            .field("spec.template")
    })?;
    Ok(node
        .str_at(&["metadata", "name"])
        .unwrap_or_default()
        .to_owned())
}

impl Generator {
    fn traces(&self, file: &str, cluster: &Cluster) -> Vec<Trace> {
        let trace = |kind: &Kind| {
            let node = self.node.get(kind.name());
            let line = node.map_or(self.node.span.line, |node| node.span.line);
            let (unmet, children) = match kind {
                Kind::Clusters(found) => {
                    let unmet = unmet(&found.selector, cluster);
                    (Some(unmet), Vec::new())
                }
                Kind::List(_) | Kind::Git(_) => (None, Vec::new()),
                Kind::Matrix(found) => (None, inner(&found.generators, file, cluster)),
                Kind::Merge(found) => (None, inner(&found.generators, file, cluster)),
            };
            let line = node
                .and_then(|node| node.get("selector"))
                .map_or(line, |selector| selector.span.line);
            Trace {
                kind: kind.name(),
                at: Location::line(file, line),
                unmet,
                children,
            }
        };
        self.kinds.iter().map(trace).collect()
    }
}

fn inner(generators: &[Generator], file: &str, cluster: &Cluster) -> Vec<Trace> {
    generators
        .iter()
        .flat_map(|generator| generator.traces(file, cluster))
        .collect()
}

fn unmet(selector: &Selector, cluster: &Cluster) -> Vec<Unmet> {
    let mut labels = cluster.labels.to_map();
    labels.insert(clusters::SECRET_TYPE.to_owned(), "cluster".to_owned());
    selector.unmet(&labels)
}
