//! `make bench`: what the agent costs on a real API server, as a ratio to the plainest client in the same run.
//!
//! Every row runs the shipped binary as a process of its own against a fresh control plane on loopback, and prints
//! what it measured; nothing is asserted. Take figures from a machine that does nothing else.

mod agent;
mod bare;
mod client;
mod fleet;
mod rows;
mod stats;
mod stop;
mod world;

use std::process::ExitCode;

use clap::{Parser, ValueEnum};

use fleet::Layout;
use rows::{Row, Sizes};
use stop::Stop;
use world::World;

/// Measures the agent against a real API server.
#[derive(Debug, Parser)]
struct Args {
    /// What to measure; everything when not given.
    #[arg(value_enum)]
    rows: Vec<Wanted>,
    /// Applications of four objects.
    #[arg(long, default_value_t = 1_000)]
    applications: usize,
    /// ConfigMaps of one Application.
    #[arg(long, default_value_t = 10_000)]
    config_maps: usize,
    /// Pairs of runs of what is compared.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Repetitions of what is short.
    #[arg(long, default_value_t = 50)]
    repeats: usize,
    /// Seconds of looking on while nothing happens.
    #[arg(long, default_value_t = 60)]
    idle_seconds: u64,
}

/// A row, or several that need the same fleet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Wanted {
    /// First apply, every Application from one directory.
    FirstApply,
    /// First apply, a directory for each Application.
    Monorepo,
    /// First apply of one large Application.
    ConfigMaps,
    /// A small commit, drift, restart and idling.
    AtRest,
    /// Drift while a large Application is applied.
    DriftUnderLoad,
}

fn main() -> ExitCode {
    let args = Args::parse();
    let _ = rustls::crypto::ring::default_provider().install_default();
    match measure(&args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            anstream::eprintln!("bench: {why}");
            ExitCode::FAILURE
        }
    }
}

fn measure(args: &Args) -> Result<(), Stop> {
    let sizes = Sizes {
        applications: args.applications,
        config_maps: args.config_maps,
        rounds: args.rounds,
        repeats: args.repeats,
        idle_seconds: args.idle_seconds,
    };
    let directory = tempfile::Builder::new()
        .prefix("muster-bench-")
        .tempdir()
        .map_err(stop::stop)?;
    let world = World::start(directory.path())?;
    let wanted = match args.rows.as_slice() {
        [] => Wanted::value_variants(),
        rows => rows,
    };
    for row in wanted {
        let found = match row {
            Wanted::FirstApply => vec![rows::applications(&world, &sizes, Layout::OneDirectory)?],
            Wanted::Monorepo => vec![rows::applications(&world, &sizes, Layout::Monorepo)?],
            Wanted::ConfigMaps => vec![rows::config_maps(&world, &sizes)?],
            Wanted::AtRest => rows::at_rest(&world, &sizes)?,
            Wanted::DriftUnderLoad => vec![rows::drift_under_load(&world, &sizes)?],
        };
        found.iter().for_each(print);
    }
    Ok(())
}

fn print(row: &Row) {
    anstream::println!("{}", row.work);
    for (what, value) in &row.figures {
        anstream::println!("  {what:<52} {value}");
    }
}
