//! A source directory to objects, decided as Argo CD decides: kustomization, or plain manifests; nothing else.

mod directory;
mod kustomize_source;

use muster_model::tree::EntryKind;
use muster_model::{Location, Node, Problem, Reason, RepoPath, Tree};

use crate::build;
use crate::explain::Explained;
use crate::failure::{Failure, Step};
use crate::kustomization::FILE_NAMES;
use crate::options::Options;
use crate::rendered::Rendered;
use crate::session::Session;
use crate::target::Target;

pub use directory::{Directory, Recurse};
pub use kustomize_source::{KustomizeSource, LabelScope};

/// What an Application's source says about how its directory is rendered.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SourceOptions {
    /// `spec.source.directory`; set, the directory is plain manifests whatever lies in it.
    pub directory: Option<Directory>,
    /// `spec.source.kustomize`; set, the directory must have a kustomization.
    pub kustomize: Option<KustomizeSource>,
}

/// What a directory is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Kustomization,
    Chart,
    Manifests,
}

/// Renders a source directory completely, or not at all.
///
/// # Errors
/// [`Failure::NotFetched`] with every blob that is known to be needed; [`Failure::Refused`] when the source is wrong,
/// is a Helm chart, or renders what Kubernetes cannot be given.
pub fn render(
    tree: &dyn Tree,
    dir: &RepoPath,
    source: &SourceOptions,
    options: &Options,
) -> Result<Rendered, Failure> {
    let built = build::run(tree, options, |session| objects(session, dir, source))?;
    Rendered::check(built, &options.budgets).map_err(Failure::Refused)
}

/// Renders a source directory as [`render`] does, and says of each object where its fields come from.
///
/// # Errors
/// As [`render`].
pub fn explain_source(
    tree: &dyn Tree,
    dir: &RepoPath,
    source: &SourceOptions,
    options: &Options,
) -> Result<Vec<Explained>, Failure> {
    let mut explained = Vec::new();
    build::run(tree, options, |session| {
        session.explains = true;
        let objects = objects(session, dir, source)?;
        explained = std::mem::take(&mut session.explained);
        Ok(objects)
    })?;
    Ok(explained)
}

fn objects(session: &mut Session<'_>, dir: &RepoPath, source: &SourceOptions) -> Step<Vec<Node>> {
    refuse_overrides(session, dir)?;
    match kind_of(session, dir, source)? {
        Kind::Chart => Err(Problem::new(
            Reason::HelmNotSupported,
            format!("{dir} is a Helm chart"),
        )
        .at(Location::file(dir.child("Chart.yaml").to_string()))
        .into()),
        Kind::Manifests => {
            directory::read(session, dir, &source.directory.clone().unwrap_or_default())
        }
        Kind::Kustomization => {
            let mut target = Target::root(session, dir)?;
            if let Some(kustomize) = &source.kustomize {
                let kustomize = present(session, dir, kustomize)?;
                kustomize.apply(&mut target.kustomization)?;
            }
            build::build_target(session, target)
        }
    }
}

/// The options without components that are not there, where they may be missing.
fn present(
    session: &mut Session<'_>,
    dir: &RepoPath,
    source: &KustomizeSource,
) -> Step<KustomizeSource> {
    let mut source = source.clone();
    if source.ignore_missing_components {
        let mut there = Vec::new();
        for component in std::mem::take(&mut source.components) {
            let found = match dir.join(&component) {
                Ok(path) => session.kind_at(&path)?,
                Err(_) => None,
            };
            if found.is_some() {
                there.push(component);
            }
        }
        source.components = there;
    }
    Ok(source)
}

fn kind_of(session: &mut Session<'_>, dir: &RepoPath, source: &SourceOptions) -> Step<Kind> {
    match session.kind_at(dir)? {
        Some(EntryKind::Tree) => {}
        Some(_) => {
            return Err(Problem::new(
                Reason::PathNotFound,
                format!("{dir} is a file, not a directory"),
            )
            .into());
        }
        None => {
            return Err(
                Problem::new(Reason::PathNotFound, format!("there is no directory {dir}")).into(),
            );
        }
    }
    let mut has = |name: &str| -> Step<bool> {
        Ok(matches!(
            session.kind_at(&dir.child(name))?,
            Some(EntryKind::Blob)
        ))
    };
    if source.directory.is_some() {
        return Ok(Kind::Manifests);
    }
    for name in FILE_NAMES {
        if has(name)? {
            return Ok(Kind::Kustomization);
        }
    }
    if source.kustomize.is_some() {
        let message =
            format!("the Application sets spec.source.kustomize, but {dir} has no kustomization");
        return Err(Problem::new(Reason::PathNotFound, message)
            .field("spec.source.kustomize")
            .into());
    }
    Ok(if has("Chart.yaml")? {
        Kind::Chart
    } else {
        Kind::Manifests
    })
}

/// Files by which Argo CD lets a repository change its own Application.
fn refuse_overrides(session: &mut Session<'_>, dir: &RepoPath) -> Step<()> {
    let Some(EntryKind::Tree) = session.kind_at(dir)? else {
        return Ok(());
    };
    for (name, _) in session.list(dir)? {
        if name.starts_with(".argocd-source") && name.ends_with(".yaml") {
            return Err(Problem::new(
                Reason::NotSupported,
                "parameter overrides in the source are not supported",
            )
            .at(Location::file(dir.child(&name).to_string()))
            .remedy("put the parameters into the Application, and remove the file")
            .into());
        }
    }
    Ok(())
}
