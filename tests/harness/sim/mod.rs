//! The simulator: random commits, people, controllers, faults, crashes, stops and takeovers around real agents on the
//! strict fakes, in a time that is driven and a chance that is seeded. One seed is one run, byte for byte.
//!
//! ```text
//!   seed ──▶ script ──▶ World ── steps ──▶ fakes ◀── one or two agents, each on a runtime of its own
//!                         │                  │
//!                         └──── Oracle ◀─────┘   after every effect, change, look at Git, status and step
//!                                 │
//!                                 ▼
//!                         Report: violation (with the fewest steps that show it), reached, trace
//! ```
//!
//! After the last step every fault ends and people put right what only they can; then the cluster must reach the last
//! commit, say so, and come to rest.

pub mod content;
mod faults;
mod hands;
mod oracle;
pub mod process;
mod run;
mod shrink;
pub mod step;
mod world;

use std::collections::BTreeMap;

pub use shrink::shrink;

use crate::fakes::Violation;
use step::Step;

/// Steps of a run that says nothing else.
pub const STEPS: usize = 40;

/// Which run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// The seed.
    pub seed: u64,
    /// How many steps.
    pub steps: usize,
    /// Whether every event is written down.
    pub trace: bool,
}

impl Options {
    /// The run of a seed, as the tests make it.
    #[must_use]
    pub fn of(seed: u64) -> Self {
        Self {
            seed,
            steps: STEPS,
            trace: false,
        }
    }
}

/// What came of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// The invariant that did not hold, and after which step; `None` for the step: after the last, in calm.
    pub violation: Option<(Option<usize>, Violation)>,
    /// The states that were met, and how often.
    pub reached: BTreeMap<String, u64>,
    /// What happened, when it was asked for.
    pub trace: Vec<String>,
    /// The steps.
    pub steps: Vec<Step>,
}

/// Runs a seed.
#[must_use]
pub fn simulate(options: &Options) -> Report {
    simulate_steps(options, &step::script(options.seed, options.steps))
}

/// Runs these steps with the chance of a seed.
#[must_use]
pub fn simulate_steps(options: &Options, steps: &[Step]) -> Report {
    let mut report = run::run(options, steps);
    report.steps = steps.to_vec();
    report
}

/// A violation for people: seed, step, invariant, the fewest steps that show it, and the end of the trace.
#[must_use]
pub fn told(options: &Options, report: &Report) -> String {
    const LINES: usize = 60;
    let Some((step, violation)) = &report.violation else {
        return format!("seed {}: every invariant holds", options.seed);
    };
    let after = step.map_or("in calm".to_owned(), |step| format!("after step {step}"));
    let mut text = format!("seed {}: {violation}\n  {after} of:\n", options.seed);
    for (index, step) in report.steps.iter().enumerate() {
        text.push_str(&format!("  {index:>3} {step:?}\n"));
    }
    let skipped = report.trace.len().saturating_sub(LINES);
    for line in report.trace.iter().skip(skipped) {
        text.push_str(&format!("  | {line}\n"));
    }
    text
}

/// The invariant that a fake names in what it says.
fn invariant_of(text: &str) -> &'static str {
    const NAMES: [&str; 5] = ["P5", "P7", "P8", "P11", "S4"];
    let named = NAMES
        .into_iter()
        .find(|name| text.starts_with(&format!("{name}:")));
    named.unwrap_or("R1")
}
