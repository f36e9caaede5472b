//! `muster cluster`: clusters join and leave the fleet file; comments and order of everything else stay.

use std::path::Path;
use std::process::ExitCode;

use jiff::Timestamp;
use muster_engine::line_diff::changed_lines;
use muster_engine::lines::{Lines, Tone};
use muster_fleet::edit::{ClusterEntry, add_cluster, remove_cluster, set_on_leave, set_state};
use muster_fleet::fleet::{ClusterState, Fleet, OnLeave};
use muster_fleet::known_cluster;
use muster_model::status::ClusterState as Reported;
use muster_model::{Problem, Reason};

use crate::args::{ClusterAddArgs, ClusterCommand, ClusterRemoveArgs, OnLeaveArg};
use crate::commands::console::Console;
use crate::commands::repository::Repository;
use crate::commands::status;

/// Edits the fleet file.
pub(super) fn run(
    command: &ClusterCommand,
    now: Timestamp,
    console: &mut Console,
) -> Result<ExitCode, Problem> {
    match command {
        ClusterCommand::Add(args) => add(args, console),
        ClusterCommand::Remove(args) => remove(args, now, console),
    }
}

fn add(args: &ClusterAddArgs, console: &mut Console) -> Result<ExitCode, Problem> {
    let text = read(&args.file.file)?;
    let mut entry = entry(args)?;
    entry.labels.extend(args.labels.iter().cloned());
    entry.annotations.extend(args.annotations.iter().cloned());
    entry.status_keys.extend(args.status_key.iter().cloned());
    if args.server.is_some() {
        entry.server.clone_from(&args.server);
    }
    let changed = add_cluster(&text, &entry)?;
    finish(
        &args.file.file,
        (&text, &changed),
        args.file.dry_run,
        console,
    )?;
    console.note(&format!(
        "next: commit it, and start the agent in the cluster with --cluster {}",
        entry.name
    ));
    Ok(ExitCode::SUCCESS)
}

/// The entry as the file given knows it, or bare.
fn entry(args: &ClusterAddArgs) -> Result<ClusterEntry, Problem> {
    let known = match &args.from {
        None => None,
        Some(file) => {
            let shown = file.to_string_lossy();
            let bytes = std::fs::read(file).map_err(|error| unreadable(file, &error))?;
            Some(known_cluster::read(&shown, &bytes)?)
        }
    };
    match (&args.name, known) {
        (Some(name), Some(entry)) => Ok(ClusterEntry {
            name: name.clone(),
            ..entry
        }),
        (Some(name), None) => Ok(ClusterEntry::named(name.clone())),
        (None, Some(entry)) => Ok(entry),
        (None, None) => Err(Problem::new(
            Reason::MissingField,
            "neither a name nor a file with one is given",
        )),
    }
}

/// A cluster leaves in two commits: it is told to leave, and once it says that it has left its entry goes.
fn remove(
    args: &ClusterRemoveArgs,
    now: Timestamp,
    console: &mut Console,
) -> Result<ExitCode, Problem> {
    let file = &args.file.file;
    let text = read(file)?;
    let fleet = Fleet::parse(&file.to_string_lossy(), text.as_bytes());
    let (fleet, _) = fleet.map_err(first)?;
    let Some(cluster) = fleet.cluster(&args.name) else {
        return Err(Problem::new(
            Reason::Unassigned,
            format!("the fleet file has no cluster {}", args.name),
        ));
    };
    if cluster.state != ClusterState::Leaving {
        let mut changed = text.clone();
        if let Some(on_leave) = args.on_leave {
            let on_leave = match on_leave {
                OnLeaveArg::Preserve => OnLeave::Preserve,
                OnLeaveArg::Prune => OnLeave::Prune,
            };
            changed = set_on_leave(&changed, &args.name, on_leave)?;
        }
        changed = set_state(&changed, &args.name, ClusterState::Leaving)?;
        finish(file, (&text, &changed), args.file.dry_run, console)?;
        console.note(&format!(
            "next: commit it; once `muster status` shows that {0} has left, run `muster cluster remove {0}` again to take its entry out",
            args.name
        ));
        return Ok(ExitCode::SUCCESS);
    }
    if !args.force {
        has_left(args, &fleet, now)?;
    }
    let changed = remove_cluster(&text, &args.name)?;
    finish(file, (&text, &changed), args.file.dry_run, console)?;
    console.note("next: commit it, and remove the agent from the cluster");
    Ok(ExitCode::SUCCESS)
}

/// Refuses while the cluster has not said that it left.
fn has_left(args: &ClusterRemoveArgs, fleet: &Fleet, now: Timestamp) -> Result<(), Problem> {
    let place = args.status_repo.clone().unwrap_or_else(|| {
        let parent = args
            .file
            .file
            .parent()
            .filter(|p| !p.as_os_str().is_empty());
        parent
            .unwrap_or(Path::new("."))
            .to_string_lossy()
            .into_owned()
    });
    let refs = status::read(&mut Repository::open(&place, &args.git)?)?;
    let members = fleet
        .clusters
        .iter()
        .map(|c| (c.name.clone(), c.status_keys.clone()));
    let statuses = status::assemble(refs, members.collect(), now);
    let status = statuses
        .clusters
        .get(&args.name)
        .and_then(|member| member.status.as_ref());
    let said = match status {
        Some(status) if status.state == Reported::Left => return Ok(()),
        Some(status) => format!("it reports {:?}", status.state),
        None => "it has not reported".to_owned(),
    };
    let problem = Problem::new(
        Reason::NeedsApproval,
        format!("cluster {} has not said that it left: {said}", args.name),
    );
    Err(problem.remedy(format!(
        "fetch the statuses (`git fetch origin '+refs/fleet/status/*:refs/fleet/status/*'`) and try again, or say --force if {} no longer exists",
        args.name
    )))
}

/// Shows what changes, and writes it.
fn finish(
    file: &Path,
    (old, new): (&str, &str),
    dry_run: bool,
    console: &mut Console,
) -> Result<(), Problem> {
    let mut lines = Lines::default();
    for line in changed_lines(old, new) {
        lines.push(Tone::of_changed(&line), line);
    }
    console.lines(&lines);
    if dry_run {
        return Ok(());
    }
    let beside = file.with_extension("yaml.tmp");
    let written = std::fs::write(&beside, new).and_then(|()| std::fs::rename(&beside, file));
    written.map_err(|error| {
        let message = format!("cannot write {}: {}", file.display(), error.kind());
        Problem::new(Reason::InternalError, message)
    })
}

fn read(file: &Path) -> Result<String, Problem> {
    std::fs::read_to_string(file).map_err(|error| unreadable(file, &error))
}

fn unreadable(file: &Path, error: &std::io::Error) -> Problem {
    let message = format!("cannot read {}: {}", file.display(), error.kind());
    Problem::new(Reason::PathNotFound, message)
}

fn first(problems: Vec<Problem>) -> Problem {
    let none = || Problem::new(Reason::InvalidFleetFile, "the fleet file is refused");
    problems.into_iter().next().unwrap_or_else(none)
}
