//! What an agent does to find its own targets, in a process that does nothing else.

use std::io;
use std::path::Path;
use std::time::Instant;

use muster_engine::known_targets::{KnownTargets, Whose};
use muster_git::{Limits, LocalRepository, TargetRevision};
use muster_model::{ClusterName, RepoPath};

/// Prints milliseconds: of the first evaluation, and of another at the next commit, where every file it needs is the same.
pub(crate) fn targets(repository: &Path, cluster: &str) -> io::Result<()> {
    let failed = |what: String| io::Error::other(what);
    let local = LocalRepository::open(repository, Limits::default());
    let local = local.map_err(|error| failed(error.to_string()))?;
    let cluster = ClusterName::new(cluster).map_err(|error| failed(error.to_string()))?;
    let fleet_file = RepoPath::new("fleet.yaml").map_err(|error| failed(error.to_string()))?;
    let head = local.resolve(&TargetRevision::Head).ok().flatten();
    let head = head.ok_or_else(|| failed("no commit".to_owned()))?;
    let log = local
        .log(&head, 2)
        .map_err(|error| failed(error.to_string()))?;
    let known = KnownTargets::default();
    let mut times = Vec::new();
    for commit in log.iter().rev() {
        let tree = local.snapshot(&commit.id);
        let tree = tree.map_err(|error| failed(error.to_string()))?;
        let begun = Instant::now();
        let answer = known.of(Whose::Of(&cluster), &fleet_file, &tree);
        let (_, targets) = answer.map_err(|failure| failed(format!("{failure:?}")))?;
        times.push(format!("{:.3}", begun.elapsed().as_secs_f64() * 1e3));
        if targets.applications.is_empty() {
            return Err(failed(format!("{cluster} has no targets")));
        }
    }
    println!("{}", times.join(" "));
    Ok(())
}
