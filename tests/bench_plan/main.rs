//! `make bench-plan`: what questions about a whole fleet cost, asked of the shipped binary as whole processes.
//!
//! The hub repository is generated: so many clusters, so many Applications on each, so many distinct overlays, and a
//! second commit that changes a share of the overlays. Nothing is asserted; take figures from a machine that does nothing
//! else.

mod probe;
mod process;
mod repository;
#[path = "../bench/stats.rs"]
mod stats;

use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, Subcommand};
use muster_tests::binary;

use process::{Measured, run};
use repository::{Shape, generate};
use stats::Figures;

/// Measures plans of a whole fleet.
#[derive(Debug, Parser)]
struct Args {
    /// Clusters.
    #[arg(long, default_value_t = 500)]
    clusters: usize,
    /// Applications on each cluster.
    #[arg(long, default_value_t = 100)]
    applications: usize,
    /// Distinct overlays in all.
    #[arg(long, default_value_t = 1_000)]
    overlays: usize,
    /// How many overlays of a hundred the second commit changes.
    #[arg(long, default_value_t = 1)]
    changed_percent: usize,
    /// Clusters of the fleet in which one agent looks for its own targets.
    #[arg(long, default_value_t = 5_000)]
    agents: usize,
    /// Runs of each.
    #[arg(long, default_value_t = 7)]
    runs: usize,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Evaluates one cluster's targets, as its agent does; prints milliseconds: the first time, and once more.
    #[command(hide = true)]
    Targets {
        repository: PathBuf,
        cluster: String,
    },
}

fn main() -> ExitCode {
    let args = Args::parse();
    let done = match &args.command {
        Some(Command::Targets {
            repository,
            cluster,
        }) => probe::targets(repository, cluster),
        None => bench(&args),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench-plan: {error}");
            ExitCode::FAILURE
        }
    }
}

fn bench(args: &Args) -> io::Result<()> {
    let dir = tempfile::tempdir()?;
    let hub = dir.path().join("hub");
    let shape = Shape {
        clusters: args.clusters,
        applications: args.applications,
        overlays: args.overlays,
        changed: (args.overlays * args.changed_percent / 100).max(1),
    };
    println!(
        "{} clusters x {} Applications, {} distinct overlays, {} of them changed; {} cores",
        shape.clusters,
        shape.applications,
        shape.overlays,
        shape.changed,
        std::thread::available_parallelism().map_or(1, usize::from)
    );
    generate(&hub, &shape)?;
    let plan = Plan {
        hub: &hub,
        dir: dir.path(),
    };
    let cold = plan.each(args.runs, None, &["plan", "--from=HEAD~1"])?;
    row("whole-fleet plan, no cache", &cold);
    let before = dir.path().join("before");
    plan.with(&before, &["plan", "--to=HEAD~1"])?;
    let warm = plan.each(args.runs, Some(&before), &["plan", "--from=HEAD~1"])?;
    row("whole-fleet plan, cache of the commit before", &warm);
    let again = dir.path().join("again");
    plan.with(&again, &["plan", "--from=HEAD~1"])?;
    let again = plan.each(args.runs, Some(&again), &["plan", "--from=HEAD~1"])?;
    row("the same plan again", &again);
    let one = plan.each(
        args.runs,
        Some(&before),
        &["plan", "--from=HEAD~1", "--cluster=c00000"],
    )?;
    row("plan of one cluster, cache of the commit before", &one);
    let valid = plan.each(args.runs, None, &["validate", "--commit=HEAD"])?;
    row("validate, no cache", &valid);
    agents(args, dir.path())
}

/// One agent among many looks for its own targets.
fn agents(args: &Args, dir: &Path) -> io::Result<()> {
    let hub = dir.join("agents");
    let shape = Shape {
        clusters: args.agents,
        applications: 10,
        overlays: 100,
        changed: 1,
    };
    generate(&hub, &shape)?;
    let (mut first, mut unchanged, mut peak) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..args.runs {
        let myself = std::env::current_exe()?;
        let hub = hub.to_string_lossy();
        let measured = run(&myself, &["targets", &hub, "c00007"], dir)?;
        let words = measured.stdout.split_whitespace();
        let mut times = words.filter_map(|word| word.parse().ok().map(milliseconds));
        first.extend(times.next());
        unchanged.extend(times.next());
        peak.push(measured.peak_mib);
    }
    println!(
        "one of {} clusters evaluates its targets: {}, peak {}; again, blobs unchanged: {}",
        args.agents,
        Figures::milliseconds(first),
        Figures::new("MiB", peak),
        Figures::milliseconds(unchanged)
    );
    Ok(())
}

fn milliseconds(value: f64) -> Duration {
    Duration::from_secs_f64(value / 1e3)
}

/// The shipped binary, asked about one repository.
struct Plan<'a> {
    hub: &'a Path,
    dir: &'a Path,
}

impl Plan<'_> {
    /// Asks once, with a cache of its own.
    fn with(&self, cache: &Path, arguments: &[&str]) -> io::Result<Measured> {
        let hub = format!("--repo={}", self.hub.display());
        let arguments: Vec<&str> = arguments.iter().copied().chain([hub.as_str()]).collect();
        run(&binary("muster"), &arguments, cache)
    }

    /// Asks several times, each with the same cache at the start, or with none.
    fn each(
        &self,
        runs: usize,
        cache: Option<&Path>,
        arguments: &[&str],
    ) -> io::Result<Vec<Measured>> {
        let mut measured = Vec::new();
        for number in 0..runs {
            let own = self.dir.join(format!("cache-{number}"));
            if let Some(cache) = cache {
                copy(cache, &own)?;
            }
            measured.push(self.with(&own, arguments)?);
            if own.exists() {
                std::fs::remove_dir_all(own)?;
            }
        }
        Ok(measured)
    }
}

fn row(what: &str, measured: &[Measured]) {
    println!(
        "{what}: {}, processor {}, peak {}",
        Figures::seconds(measured.iter().map(|m| m.time)),
        Figures::new("s", measured.iter().map(|m| m.cpu_seconds)),
        Figures::new("MiB", measured.iter().map(|m| m.peak_mib))
    );
}

fn copy(from: &Path, to: &Path) -> io::Result<()> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let path = entry?.path();
        let target = to.join(path.file_name().unwrap_or_default());
        if path.is_dir() {
            copy(&path, &target)?;
        } else {
            std::fs::copy(&path, target)?;
        }
    }
    Ok(())
}
