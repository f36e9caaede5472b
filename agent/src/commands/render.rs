//! `muster render`: a directory in, what `kustomize build` prints out.

mod below;
mod explain;

use std::path::{Component, Path, PathBuf};
use std::process::ExitCode;

use muster_git::{DirectoryTree, Limits};
use muster_kustomize::{
    AboveRoot, Built, Failure, LoadRestrictor, Options, Reorder, build, is_remote,
};
use muster_model::{Problem, Reason, RepoPath, Tree};

use crate::args::{
    CredentialArgs, LoadRestrictorArg, Refusal, RefusedArgs, RenderArgs, ReorderArg,
};
use crate::commands::console::Console;
use crate::commands::repository::{Repository, enclosing};
use below::Below;

/// Prints or writes the render.
pub(super) fn run(args: &RenderArgs, console: &mut Console) -> Result<ExitCode, Problem> {
    refuse(&args.refused)?;
    with_tree(args, |tree, path, above_root| {
        let options = options(args, above_root);
        match &args.explain {
            Some(object) => explain::print(tree, path, &options, object, console),
            None => {
                let built = build(tree, path, &options).map_err(problem)?;
                // The process ends here: to free the objects one by one would only take time.
                let built = std::mem::ManuallyDrop::new(built);
                output(args.output.as_deref(), &built, console)
            }
        }
    })?;
    Ok(ExitCode::SUCCESS)
}

fn options(args: &RenderArgs, above_root: AboveRoot) -> Options {
    Options {
        reorder: match args.reorder {
            ReorderArg::None => Reorder::None,
            ReorderArg::Legacy => Reorder::Legacy,
        },
        load_restrictor: match args.load_restrictor {
            LoadRestrictorArg::RootOnly => LoadRestrictor::RootOnly,
            LoadRestrictorArg::None => LoadRestrictor::None,
        },
        managed_by_label: args.enable_managedby_label,
        above_root,
        ..Options::default()
    }
}

/// Flags of kustomize for what is never done are refused by name.
fn refuse(given: &RefusedArgs) -> Result<(), Problem> {
    match given.given().first() {
        None => Ok(()),
        Some((flag, refusal)) => {
            let (reason, what) = match refusal {
                Refusal::Helm => (Reason::HelmNotSupported, "Helm charts are not inflated"),
                Refusal::Plugins => (Reason::PluginNotAllowed, "plugins are not run"),
                Refusal::Stack => (
                    Reason::NotSupported,
                    "an error names its file, line, field and what led there; there is no stack to print",
                ),
            };
            Err(Problem::new(reason, format!("{flag}: {what}")))
        }
    }
}

/// Opens the directory, or the commit, and gives it to `work` with the path to build.
fn with_tree(
    args: &RenderArgs,
    work: impl FnOnce(&dyn Tree, &RepoPath, AboveRoot) -> Result<(), Problem>,
) -> Result<(), Problem> {
    if is_remote(&args.dir.to_string_lossy()) {
        let message = format!("{:?} is remote", args.dir);
        return Err(Problem::new(Reason::RemoteBaseNotAllowed, message));
    }
    let Some(revision) = &args.commit else {
        let dir = existing(&args.dir)?;
        let root = match &args.root {
            Some(root) => existing(root)?,
            None => enclosing(&dir).unwrap_or_else(|| PathBuf::from("/")),
        };
        let tree = DirectoryTree::open(&root, Limits::default()).map_err(|e| e.problem())?;
        let above_root = if root.parent().is_none() {
            AboveRoot::Root
        } else {
            AboveRoot::Refused
        };
        return work(&tree, &inside(&dir, &root)?, above_root);
    };
    // The directory may be gone from the work tree.
    let dir = lexical(&args.dir)?;
    let repository = enclosing(&dir).ok_or_else(|| {
        let message = format!("{} is in no Git work tree", dir.display());
        Problem::new(Reason::PathNotFound, message)
    })?;
    let root = args.root.as_deref().map(lexical).transpose()?;
    let root = root.unwrap_or_else(|| repository.clone());
    let (_, tree) = Repository::open(&repository.to_string_lossy(), &CredentialArgs::default())?
        .commit(revision)?;
    work(
        &Below::new(&*tree, inside(&root, &repository)?),
        &inside(&dir, &root)?,
        AboveRoot::Refused,
    )
}

fn output(to: Option<&Path>, built: &Built, console: &mut Console) -> Result<(), Problem> {
    match to {
        None => {
            console.output(|out| built.write_yaml(out));
            Ok(())
        }
        Some(directory) if directory.is_dir() => built
            .to_files()?
            .iter()
            .try_for_each(|(name, text)| write(&directory.join(name), text.as_bytes())),
        Some(file) => std::fs::File::create(file)
            .and_then(|mut out| built.write_yaml(&mut out))
            .map_err(|error| not_written(file, &error)),
    }
}

fn problem(failure: Failure) -> Problem {
    match failure {
        Failure::Refused(problem) => problem,
        Failure::NotFetched(blobs) => Problem::new(
            Reason::GitObjectCorrupt,
            format!("the clone lacks {} objects", blobs.len()),
        ),
    }
}

fn write(file: &Path, bytes: &[u8]) -> Result<(), Problem> {
    std::fs::write(file, bytes).map_err(|error| not_written(file, &error))
}

fn not_written(file: &Path, error: &std::io::Error) -> Problem {
    let reason = match error.kind() {
        std::io::ErrorKind::NotFound => Reason::PathNotFound,
        _ => Reason::InternalError,
    };
    let message = format!("cannot write {}: {}", file.display(), error.kind());
    Problem::new(reason, message)
}

fn existing(path: &Path) -> Result<PathBuf, Problem> {
    std::fs::canonicalize(path).map_err(|e| {
        let message = format!("{}: {}", path.display(), e.kind());
        Problem::new(Reason::PathNotFound, message)
    })
}

/// The absolute path, without looking at the file system.
fn lexical(path: &Path) -> Result<PathBuf, Problem> {
    let absolute = std::path::absolute(path)
        .map_err(|e| Problem::new(Reason::PathNotFound, format!("{}: {e}", path.display())))?;
    let mut out = PathBuf::new();
    for component in absolute.components() {
        match component {
            Component::ParentDir => drop(out.pop()),
            Component::CurDir => {}
            other => out.push(other),
        }
    }
    Ok(out)
}

fn inside(dir: &Path, root: &Path) -> Result<RepoPath, Problem> {
    let escapes = || {
        let message = format!("{} is not below {}", dir.display(), root.display());
        Problem::new(Reason::PathEscapesRepo, message)
    };
    let path = dir.strip_prefix(root).map_err(|_| escapes())?;
    RepoPath::new(&path.to_string_lossy()).map_err(|_| escapes())
}
