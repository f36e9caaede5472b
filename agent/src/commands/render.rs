//! `muster render`: a directory in, what `kustomize build` prints out.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use muster_git::{DirectoryTree, Limits};
use muster_kustomize::{Failure, LoadRestrictor, Options, Reorder, build};
use muster_model::{Problem, Reason, RepoPath, Tree};

use crate::args::{CredentialArgs, LoadRestrictorArg, RenderArgs, ReorderArg};
use crate::commands::console::Console;
use crate::commands::repository::Repository;

/// Prints or writes the render.
pub(super) fn run(args: &RenderArgs, console: &mut Console) -> Result<ExitCode, Problem> {
    let dir = absolute(&args.dir)?;
    let root = match &args.root {
        Some(root) => absolute(root)?,
        None => enclosing(&dir),
    };
    let inside = dir.strip_prefix(&root).map_err(|_| escapes(&dir, &root))?;
    let path = RepoPath::new(&inside.to_string_lossy()).map_err(|_| escapes(&dir, &root))?;
    let options = Options {
        reorder: match args.reorder {
            ReorderArg::None => Reorder::None,
            ReorderArg::Legacy => Reorder::Legacy,
        },
        load_restrictor: match args.load_restrictor {
            LoadRestrictorArg::RootOnly => LoadRestrictor::RootOnly,
            LoadRestrictorArg::None => LoadRestrictor::None,
        },
        ..Options::default()
    };
    let built = match &args.commit {
        Some(revision) => {
            let mut repository =
                Repository::open(&root.to_string_lossy(), &CredentialArgs::default())?;
            let (_, tree) = repository.commit(revision)?;
            built(&*tree, &path, &options)?
        }
        None => built(
            &DirectoryTree::open(&root, Limits::default()).map_err(|e| e.problem())?,
            &path,
            &options,
        )?,
    };
    match &args.output {
        None => console.bytes(built.to_yaml().as_bytes()),
        Some(output) if output.is_dir() => write_each(output, &built)?,
        Some(output) => write(output, built.to_yaml().as_bytes())?,
    }
    Ok(ExitCode::SUCCESS)
}

fn built(
    tree: &dyn Tree,
    path: &RepoPath,
    options: &Options,
) -> Result<muster_kustomize::Built, Problem> {
    build(tree, path, options).map_err(|failure| match failure {
        Failure::Refused(problem) => problem,
        Failure::NotFetched(blobs) => Problem::new(
            Reason::GitObjectCorrupt,
            format!("the clone lacks {} objects", blobs.len()),
        ),
    })
}

/// One file for each object, named as `kustomize build -o DIR` names them.
fn write_each(directory: &Path, built: &muster_kustomize::Built) -> Result<(), Problem> {
    for node in built.nodes() {
        let text = |path: &[&str]| node.str_at(path).unwrap_or_default().to_lowercase();
        let group = text(&["apiVersion"]).replace('/', "_");
        let namespace = text(&["metadata", "namespace"]);
        let start = if namespace.is_empty() {
            String::new()
        } else {
            format!("{namespace}_")
        };
        let name = format!(
            "{start}{group}_{}_{}.yaml",
            text(&["kind"]),
            text(&["metadata", "name"]).replace('/', "_")
        );
        write(
            &directory.join(name),
            muster_model::yaml::to_string(node).as_bytes(),
        )?;
    }
    Ok(())
}

fn write(file: &Path, bytes: &[u8]) -> Result<(), Problem> {
    std::fs::write(file, bytes).map_err(|e| {
        Problem::new(
            Reason::InternalError,
            format!("cannot write {}: {}", file.display(), e.kind()),
        )
    })
}

fn absolute(path: &Path) -> Result<PathBuf, Problem> {
    std::fs::canonicalize(path).map_err(|e| {
        Problem::new(
            Reason::PathNotFound,
            format!("{}: {}", path.display(), e.kind()),
        )
    })
}

/// The enclosing Git work tree, else the file system's root.
fn enclosing(dir: &Path) -> PathBuf {
    dir.ancestors()
        .find(|d| d.join(".git").exists())
        .unwrap_or_else(|| Path::new("/"))
        .to_owned()
}

fn escapes(dir: &Path, root: &Path) -> Problem {
    Problem::new(
        Reason::PathEscapesRepo,
        format!("{} is not below {}", dir.display(), root.display()),
    )
}
