//! Content whose render failed inside or spent its budget: tried again, but ever more rarely (HAZARDS.md T-37, T-41).

use std::collections::BTreeMap;

use muster_model::Problem;

/// Most passes that go by between two attempts. 63: about a quarter of an hour of polls.
const MOST: u32 = 63;

/// Most contents remembered; the oldest by digest go. 100: the agent's state has a limit, and a bug hits few at once.
const CONTENTS: usize = 100;

/// Contents and how they failed.
#[derive(Debug, Default)]
pub(crate) struct Quarantine(BTreeMap<String, Failed>);

#[derive(Debug)]
struct Failed {
    times: u32,
    /// Passes to let go by before the next attempt.
    wait: u32,
    /// What was wrong, where the render could say so; not kept over a restart.
    problems: Vec<Problem>,
}

/// A content that is not tried in this pass.
#[derive(Debug, PartialEq)]
pub(crate) struct Skipped {
    /// How often it failed.
    pub(crate) times: u32,
    /// What was wrong, where that is known.
    pub(crate) problems: Vec<Problem>,
}

impl Quarantine {
    /// With what failed before.
    pub(crate) fn new(failed: &BTreeMap<String, u32>) -> Self {
        let each = failed.iter().map(|(content, times)| {
            let times = *times;
            let wait = pause(times);
            let problems = Vec::new();
            (
                content.clone(),
                Failed {
                    times,
                    wait,
                    problems,
                },
            )
        });
        Self(each.collect())
    }

    /// How often each failed.
    pub(crate) fn failed(&self) -> BTreeMap<String, u32> {
        self.0
            .iter()
            .map(|(content, f)| (content.clone(), f.times))
            .collect()
    }

    /// Lets one pass go by: what failed before when it is not time for another attempt.
    pub(crate) fn skips(&mut self, content: &str) -> Option<Skipped> {
        let failed = self.0.get_mut(content)?;
        failed.wait = failed.wait.checked_sub(1)?;
        Some(Skipped {
            times: failed.times,
            problems: failed.problems.clone(),
        })
    }

    /// Notes a failure, with what was wrong where that is known; gives back how many there were.
    pub(crate) fn note(&mut self, content: &str, problems: &[Problem]) -> u32 {
        let failed = self.0.entry(content.to_owned()).or_insert(Failed {
            times: 0,
            wait: 0,
            problems: Vec::new(),
        });
        failed.problems = problems.to_vec();
        failed.times = failed.times.saturating_add(1);
        failed.wait = pause(failed.times);
        let times = failed.times;
        while self.0.len() > CONTENTS {
            self.0.pop_first();
        }
        times
    }

    /// Forgets a content that came to a result.
    pub(crate) fn release(&mut self, content: &str) {
        self.0.remove(content);
    }
}

/// Passes between attempts: 1, 3, 7, … up to the most.
fn pause(times: u32) -> u32 {
    1_u32.checked_shl(times).map_or(MOST, |n| n - 1).min(MOST)
}
