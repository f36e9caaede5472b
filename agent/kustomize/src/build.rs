//! A whole build: from a directory with a kustomization to objects in their final order.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use muster_model::{BlobId, Node, Problem, Reason, RepoPath, Tree, yaml};

use crate::explain::{self, Cause};
use crate::failure::{Failure, Step, Stop};
use crate::field_spec::FieldSpec;
use crate::id::{Gvk, Id, NO_NAMESPACE};
use crate::options::Options;
use crate::resmap::ResMap;
use crate::resource::{Resource, written};
use crate::session::Session;
use crate::target::{Accumulator, Target};
use crate::transform::{annotations, hash, name_reference, sort, vars};

/// What `kustomize build` prints, as objects. kustomize lets pass what Kubernetes would not; nothing was checked.
#[derive(Debug, Clone, Default)]
pub struct Built {
    nodes: Vec<Node>,
    inputs: Vec<(RepoPath, BlobId)>,
}

/// Bytes that are written at once, at least.
const CHUNK: usize = 64 * 1024;

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

    /// Writes the same, a few objects at a time: a large build is never in memory twice.
    ///
    /// # Errors
    /// What `out` answers.
    pub fn write_yaml(&self, out: &mut impl std::io::Write) -> std::io::Result<()> {
        let mut text = String::with_capacity(2 * CHUNK);
        for (index, node) in self.nodes.iter().enumerate() {
            if index > 0 {
                text.push_str("---\n");
            }
            yaml::write(node, &mut text);
            if text.len() >= CHUNK {
                out.write_all(text.as_bytes())?;
                text.clear();
            }
        }
        out.write_all(text.as_bytes())
    }

    /// The objects as `kustomize build -o DIR` writes them: one file for each, by name.
    ///
    /// # Errors
    /// When a name would leave the directory.
    pub fn to_files(&self) -> Result<BTreeMap<String, String>, Problem> {
        let namespaces: BTreeSet<_> = self
            .nodes
            .iter()
            .map(|n| Id::of(n).effective_namespace().to_owned())
            .filter(|n| n != NO_NAMESPACE)
            .collect();
        let mut files = BTreeMap::new();
        for node in &self.nodes {
            let name = file_name(&Id::of(node), namespaces.len() > 1);
            if name.contains('/') {
                let message = format!("{name} is no file name; the object's name has a slash");
                return Err(Problem::new(Reason::PathEscapesRepo, message).field("metadata.name"));
            }
            files.insert(name, yaml::to_string(node));
        }
        Ok(files)
    }

    /// Blobs and directories that were read, by path, and what was looked for and is not there, with an empty id.
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

fn file_name(id: &Id<'_>, with_namespace: bool) -> String {
    let namespace = id.effective_namespace();
    let first = (with_namespace && namespace != NO_NAMESPACE).then_some(namespace);
    let parts = [&*id.gvk.group, &*id.gvk.version, &*id.gvk.kind].map(Some);
    let all: Vec<_> = first
        .into_iter()
        .chain(parts.into_iter().flatten().filter(|p| !p.is_empty()))
        .chain([&*id.name])
        .map(str::to_lowercase)
        .collect();
    format!("{}.yaml", all.join("_"))
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
    let file: Arc<str> = target.file().into();
    let mut all = target.accumulate(session, Accumulator::default())?;
    finish_names(session, &mut all, &file)?;
    let mut map = all.map;
    drop_local(&mut map)?;
    map.check_unique()?;
    sort::sort(&mut map, sort_options.as_ref(), session.options.reorder)?;
    if managed || session.options.managed_by_label {
        let label = BTreeMap::from([(
            "app.kubernetes.io/managed-by".to_owned(),
            "kustomize-v5.8.1".to_owned(),
        )]);
        annotations::set_entries(
            &mut map,
            &label,
            &[FieldSpec::new(Gvk::default(), "metadata/labels", true)],
        )?;
        session.note(&mut map, || Cause::new("managedByLabel", &file, 0));
    }
    for resource in map.list_mut() {
        resource.finish_annotations(origins, transformations);
    }
    if session.explains {
        explain::note(&mut map, &Cause::new("buildMetadata", &file, 0));
        session.explained = explain::finish(map.list());
    }
    let list = map.into_list();
    Ok(list.into_iter().map(|r| r.node).collect())
}

/// Names are final only when all objects are known.
fn finish_names(session: &Session<'_>, all: &mut Accumulator, file: &str) -> Step<()> {
    hash::add_to_names(&mut all.map)?;
    session.note(&mut all.map, || Cause::new("name suffix hash", file, 0));
    let config = all.config();
    name_reference::transform(&mut all.map, &config.name_reference)?;
    session.note(&mut all.map, || Cause::new("name reference", file, 0));
    vars::resolve(&mut all.map, &all.vars, &config.var_reference)?;
    all.map.settle_groups();
    session.note(&mut all.map, || Cause::new("vars", file, 0));
    Ok(())
}

/// Takes out objects that are only for the build itself.
fn drop_local(map: &mut ResMap) -> Step<()> {
    let is_local = |node: &Node| {
        node.at_path(&[
            "metadata",
            "annotations",
            "config.kubernetes.io/local-config",
        ])
        .is_some_and(|value| written(value) != "false")
    };
    map.list().iter().try_for_each(Resource::check_metadata)?;
    map.list().iter().try_for_each(Resource::check_types)?;
    if map.list().iter().any(|r| is_local(&r.node)) {
        map.list_mut().retain(|r| !is_local(&r.node));
    }
    Ok(())
}
