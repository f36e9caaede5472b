//! `muster status`: the whole fleet, from the status refs and the fleet file.

use std::collections::BTreeMap;
use std::process::ExitCode;

use jiff::Timestamp;
use muster_git::RefName;
use muster_model::{ClusterName, CommitId, Problem, RepoPath};
use muster_status::entry::{Entry, EntryError, INBOX_PREFIX, STATUS_BRANCH};
use muster_status::fold::newest;
use muster_status::table::{rows, text};
use muster_status::{FleetStatus, Standing};

use crate::adapters::git_status::status_refs;
use crate::args::{Output, StatusArgs};
use crate::commands::console::{Console, paint};
use crate::commands::repository::Repository;
use crate::ports::{StatusRefs, Unchecked};

/// Prints the fleet. Fails when a cluster is silent, forged or never reported, so that a script can tell.
pub(super) fn run(
    args: &StatusArgs,
    now: Timestamp,
    console: &mut Console,
) -> Result<ExitCode, Problem> {
    let mut hub = Repository::open(&args.repo, &args.git)?;
    let members = members(&mut hub, args)?;
    let refs = match &args.status_repo {
        Some(other) => read(&mut Repository::open(other, &args.git)?)?,
        None => read(&mut hub)?,
    };
    let fleet = assemble(refs, members, now);
    match args.output {
        Output::Json => console.json(&fleet),
        Output::Yaml => console.yaml(&fleet),
        Output::Table => {
            console.text(&text(&rows(&fleet), paint));
            let silent: Vec<String> = fleet
                .not_reporting()
                .map(|(name, member)| format!("{name} ({})", word(member.standing)))
                .collect();
            if !silent.is_empty() {
                console.text(&format!("\nNot reporting: {}\n", silent.join(", ")));
            }
        }
    }
    Ok(if fleet.not_reporting().next().is_none() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// The fleet as its members describe it: every status checked with the keys of its cluster.
pub(super) fn assemble(
    refs: StatusRefs,
    members: BTreeMap<ClusterName, Vec<String>>,
    now: Timestamp,
) -> FleetStatus {
    FleetStatus::assemble(checked(refs, &members), members.into_keys(), now)
}

fn word(standing: Standing) -> &'static str {
    match standing {
        Standing::Reporting => "reporting",
        Standing::Silent => "silent",
        Standing::NeverReported => "never reported",
        Standing::Forged => "forged",
    }
}

/// Every cluster of the fleet file and its keys.
fn members(
    hub: &mut Repository,
    args: &StatusArgs,
) -> Result<BTreeMap<ClusterName, Vec<String>>, Problem> {
    let path = RepoPath::new(&args.fleet_file)
        .map_err(|e| Problem::new(muster_model::Reason::PathEscapesRepo, e.to_string()))?;
    let (_, tree) = hub.commit(&args.revision)?;
    let fleet = hub.answer(|| muster_fleet::hub::load(&*tree, &path))?.fleet;
    Ok(fleet
        .clusters
        .iter()
        .map(|c| (c.name.clone(), c.status_keys.clone()))
        .collect())
}

/// Every status of a repository, not checked yet.
pub(super) fn read(repository: &mut Repository) -> Result<StatusRefs, Problem> {
    let refs: BTreeMap<RefName, CommitId> =
        repository.refs(&[INBOX_PREFIX, STATUS_BRANCH, "refs/remotes/origin/status"])?;
    status_refs(refs.iter(), |id| repository.snapshot(id)).map_err(|e| e.problem())
}

/// Checks every status, and of two of one cluster keeps the newer.
fn checked(
    refs: StatusRefs,
    members: &BTreeMap<ClusterName, Vec<String>>,
) -> BTreeMap<ClusterName, Result<Entry, EntryError>> {
    let mut refused = BTreeMap::new();
    let mut good = Vec::new();
    let inbox = refs
        .inbox
        .into_iter()
        .map(|(name, (_, found))| (name, found));
    for (name, found) in inbox.chain(refs.folded) {
        let keys = members.get(&name).cloned().unwrap_or_default();
        let Unchecked { bytes, signature } = found;
        match Entry::verify(&name, &keys, bytes, signature) {
            Ok(entry) => good.push(entry),
            Err(error) => {
                refused.insert(name, Err(error));
            }
        }
    }
    let mut checked: BTreeMap<_, _> = newest(good)
        .into_iter()
        .map(|(name, entry)| (name, Ok(entry)))
        .collect();
    checked.append(&mut refused);
    checked
}
