//! A whole build: from a directory with a kustomization to objects in their final order.

use std::collections::BTreeMap;

use muster_model::{BlobId, Node, Problem, Reason, RepoPath, Tree, yaml};

use crate::failure::{Failure, Step, Stop};
use crate::field_spec::FieldSpec;
use crate::id::Gvk;
use crate::options::Options;
use crate::resmap::ResMap;
use crate::resource::written;
use crate::session::Session;
use crate::target::{Accumulator, Target};
use crate::transform::{annotations, hash, name_reference, sort, vars};

/// What `kustomize build` prints, as objects. kustomize lets pass what Kubernetes would not; nothing was checked.
#[derive(Debug, Clone, Default)]
pub struct Built {
    nodes: Vec<Node>,
    inputs: Vec<(RepoPath, BlobId)>,
}

impl Built {
    /// The objects in output order.
    #[must_use]
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// The objects, by value.
    #[must_use]
    pub fn into_nodes(self) -> Vec<Node> {
        self.nodes
    }

    /// Exactly what `kustomize build` prints.
    #[must_use]
    pub fn to_yaml(&self) -> String {
        yaml::write_documents(&self.nodes)
    }

    /// Blobs and directories that were read, by path.
    #[must_use]
    pub fn inputs(&self) -> &[(RepoPath, BlobId)] {
        &self.inputs
    }

    pub(crate) fn from_parts(nodes: Vec<Node>, inputs: Vec<(RepoPath, BlobId)>) -> Self {
        Self { nodes, inputs }
    }

    pub(crate) fn into_parts(self) -> (Vec<Node>, Vec<(RepoPath, BlobId)>) {
        (self.nodes, self.inputs)
    }
}

/// Builds the directory as `kustomize build` 5.8.1 does.
///
/// # Errors
/// [`Failure::NotFetched`] with every blob that is known to be needed; [`Failure::Refused`] when the source is wrong or
/// asks for what is not allowed.
pub fn build(tree: &dyn Tree, dir: &RepoPath, options: &Options) -> Result<Built, Failure> {
    run(tree, options, |session| build_in(session, dir))
}

/// Runs one build in a session of its own.
pub(crate) fn run(
    tree: &dyn Tree,
    options: &Options,
    work: impl FnOnce(&mut Session<'_>) -> Step<Vec<Node>>,
) -> Result<Built, Failure> {
    let mut session = Session::new(tree, options);
    match work(&mut session) {
        Ok(_) | Err(Stop::Missing) if session.is_missing() => {
            Err(Failure::NotFetched(session.missing()))
        }
        Ok(nodes) => Ok(Built::from_parts(nodes, session.into_inputs())),
        Err(Stop::Missing) => Err(Failure::NotFetched(session.missing())),
        Err(Stop::Refused(problem)) => Err(Failure::Refused(*problem)),
    }
}

/// Builds a directory within a session.
pub(crate) fn build_in(session: &mut Session<'_>, dir: &RepoPath) -> Step<Vec<Node>> {
    let target = Target::root(session, dir)?;
    build_target(session, target)
}

/// Builds a kustomization that was read.
pub(crate) fn build_target(session: &mut Session<'_>, mut target: Target) -> Step<Vec<Node>> {
    target.set_schema(session)?;
    let wants = |option: &str| target.kustomization.wants(option);
    let (managed, origins, transformations) = (
        wants("managedByLabel"),
        wants("originAnnotations"),
        wants("transformerAnnotations"),
    );
    let sort_options = target.kustomization.sort_options.take();
    let mut all = target.accumulate(session, Accumulator::default())?;
    finish_names(&mut all)?;
    let mut map = all.map;
    drop_local(&mut map)?;
    sort::sort(&mut map, sort_options.as_ref(), session.options.reorder)?;
    if managed {
        let label = BTreeMap::from([(
            "app.kubernetes.io/managed-by".to_owned(),
            "kustomize-v5.8.1".to_owned(),
        )]);
        annotations::set_entries(
            &mut map,
            &label,
            &[FieldSpec::new(Gvk::default(), "metadata/labels", true)],
        )?;
    }
    let mut list = map.into_list();
    for resource in &mut list {
        resource.finish_annotations(origins, transformations);
    }
    Ok(list.into_iter().map(|r| r.node).collect())
}

/// Names are final only when all objects are known.
fn finish_names(all: &mut Accumulator) -> Step<()> {
    hash::add_to_names(&mut all.map)?;
    let config = all.config();
    name_reference::transform(&mut all.map, &config.name_reference)?;
    vars::resolve(&mut all.map, &all.vars, &config.var_reference)
}

/// Takes out objects that are only for the build itself; the others must have kept a kind and a name.
fn drop_local(map: &mut ResMap) -> Step<()> {
    let is_local = |node: &Node| {
        node.at_path(&[
            "metadata",
            "annotations",
            "config.kubernetes.io/local-config",
        ])
        .is_some_and(|value| written(value) != "false")
    };
    for resource in map.list() {
        let kind = resource.kind();
        if kind.is_empty() || (!kind.ends_with("List") && resource.name().is_empty()) {
            let message = format!("{} lost its kind or name", resource.original_id());
            let mut problem = Problem::new(Reason::InvalidObject, message).field("metadata.name");
            problem.at = resource.location();
            return Err(problem.into());
        }
    }
    if map.list().iter().any(|r| is_local(&r.node)) {
        map.list_mut().retain(|r| !is_local(&r.node));
    }
    Ok(())
}
