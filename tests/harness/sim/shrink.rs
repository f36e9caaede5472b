//! From a run that breaks an invariant to the fewest of its steps that still do.

use super::step::Step;
use super::{Options, Report, simulate_steps};

/// Runs at most, so that shrinking ends in a minute.
const TRIES: usize = 120;

/// Leaves out every step that the violation does not need. The invariant stays the same; what is seen of it may not.
#[must_use]
pub fn shrink(options: &Options, report: &Report) -> Report {
    let Some((at, found)) = &report.violation else {
        return report.clone();
    };
    let end = at.map_or(report.steps.len(), |at| at + 1);
    let mut steps = report.steps[..end].to_vec();
    let mut tries = 0;
    let mut still_broken = |steps: &[Step]| {
        tries += 1;
        let broken = simulate_steps(options, steps).violation;
        (tries <= TRIES)
            .then(|| broken.is_some_and(|(_, again)| again.invariant == found.invariant))
    };
    let mut chunk = steps.len().div_ceil(2).max(1);
    'halving: loop {
        let mut start = 0;
        while start < steps.len() {
            let mut fewer = steps.clone();
            fewer.drain(start..(start + chunk).min(steps.len()));
            match still_broken(&fewer) {
                Some(true) => steps = fewer,
                Some(false) => start += chunk,
                None => break 'halving,
            }
        }
        if chunk == 1 {
            break;
        }
        chunk = chunk.div_ceil(2);
    }
    let traced = Options {
        trace: true,
        ..*options
    };
    simulate_steps(&traced, &steps)
}
