//! `muster-sim`: repeats a run of the simulator, or tries fresh seeds for a while.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Parser;
use muster_tests::sim::{Options, Report, STEPS, shrink, simulate};

/// Simulates agents among random commits, people, faults, crashes, stops and takeovers, and checks every invariant of
/// HAZARDS.md section 1 after each step. One seed is one run, byte for byte.
#[derive(Debug, Parser)]
#[command(name = "muster-sim", version)]
struct Args {
    /// The seed to run.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How many seeds, counted up from the first.
    #[arg(long, default_value_t = 1)]
    seeds: u64,
    /// Steps of each run.
    #[arg(long, default_value_t = STEPS)]
    steps: usize,
    /// Prints everything that happens.
    #[arg(long)]
    trace: bool,
    /// Prints the violation as it was found, without looking for the fewest steps that show it.
    #[arg(long)]
    whole: bool,
    /// Goes on with the next seeds for so many seconds.
    #[arg(long)]
    seconds: Option<u64>,
    /// Prints which states were met, and how often.
    #[arg(long)]
    reached: bool,
}

fn main() -> ExitCode {
    let args = Args::parse();
    let end = args
        .seconds
        .map(|seconds| Instant::now() + Duration::from_secs(seconds));
    let mut reached = std::collections::BTreeMap::<String, u64>::new();
    let mut failed = 0_u64;
    let mut ran = 0_u64;
    for seed in args.seed.. {
        let over = end.map_or(ran >= args.seeds, |end| Instant::now() >= end);
        if over {
            break;
        }
        let options = Options {
            seed,
            steps: args.steps,
            trace: args.trace,
        };
        let report = simulate(&options);
        ran += 1;
        for (what, times) in &report.reached {
            *reached.entry(what.clone()).or_default() += times;
        }
        for line in &report.trace {
            println!("{line}");
        }
        if report.violation.is_some() {
            failed += 1;
            print(
                &options,
                &if args.whole {
                    report
                } else {
                    shrink(&options, &report)
                },
            );
        }
    }
    if args.reached {
        for (what, times) in &reached {
            println!("{times:>8} {what}");
        }
    }
    println!("{ran} seeds, {failed} with a violation");
    if failed == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn print(options: &Options, report: &Report) {
    println!("{}", muster_tests::sim::told(options, report));
}
