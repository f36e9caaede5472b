//! Everything that can be known from a commit: what is wrong, each once, with the Applications it concerns.

mod annotations;

use std::collections::BTreeMap;

use muster_model::{Problem, Reason, RepoPath, Revision};
use serde::Serialize;

use crate::addresses::overlaps;
use crate::fleet_plan::{Place, all_rollouts};
use crate::lines::{Lines, Tone, count, some};
use crate::survey::Survey;

pub use annotations::{github, gitlab, sarif};

/// Applications named beside a finding.
const NAMED: usize = 4;

/// What validation found.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Verdict {
    /// What was looked at; `None` when the fleet file was refused as a whole.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub commit: Option<Revision>,
    /// Clusters of the fleet.
    pub clusters: usize,
    /// Applications, each on its cluster.
    pub applications: usize,
    /// Objects, each on its cluster.
    pub objects: usize,
    /// Distinct renders that were looked at.
    pub renders: usize,
    /// What is wrong.
    pub errors: Vec<Finding>,
    /// What should be looked at.
    pub warnings: Vec<Finding>,
}

/// One problem.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Finding {
    /// What is wrong, and where.
    #[serde(flatten)]
    pub problem: Problem,
    /// The Applications that it concerns.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub applications: Vec<Place>,
}

impl Verdict {
    /// The verdict on a fleet file that is refused as a whole.
    #[must_use]
    pub fn refused(problems: Vec<Problem>) -> Self {
        let bare = |problem| Finding {
            problem,
            applications: Vec::new(),
        };
        Self {
            commit: None,
            clusters: 0,
            applications: 0,
            objects: 0,
            renders: 0,
            errors: problems.into_iter().map(bare).collect(),
            warnings: Vec::new(),
        }
    }

    /// Looks at a survey.
    #[must_use]
    pub fn of(survey: &Survey, fleet_file: &RepoPath) -> Self {
        let mut errors: BTreeMap<Problem, Vec<Place>> = BTreeMap::new();
        let mut warnings: BTreeMap<Problem, Vec<Place>> = BTreeMap::new();
        for problem in survey.problems.iter().cloned() {
            errors.entry(problem).or_default();
        }
        for problem in overlaps(&survey.hub.fleet, fleet_file.as_str()) {
            errors.entry(problem).or_default();
        }
        for problem in survey.warnings.iter().cloned() {
            warnings.entry(problem).or_default();
        }
        let (mut applications, mut objects) = (0, 0);
        for found in survey.all() {
            applications += 1;
            let place = || Place {
                cluster: found.application.cluster.clone(),
                application: found.application.key.clone(),
            };
            match found.content {
                Ok(content) => objects += content.objects.len(),
                Err(problems) => {
                    for problem in problems {
                        errors.entry(problem.clone()).or_default().push(place());
                    }
                }
            }
            if let Some(problem) = found.held {
                warnings.entry(problem.clone()).or_default().push(place());
            }
        }
        steps(survey, &mut errors, &mut warnings);
        Self {
            commit: Some(survey.revision.clone()),
            clusters: survey.hub.fleet.clusters.len(),
            applications,
            objects,
            renders: survey.renders,
            errors: findings(errors),
            warnings: findings(warnings),
        }
    }

    /// True when nothing is wrong.
    #[must_use]
    pub fn is_good(&self) -> bool {
        self.errors.is_empty()
    }

    /// One line: how much was looked at, and what came of it.
    #[must_use]
    pub fn summary(&self) -> String {
        format!(
            "{}, {}, {}, {}: {}, {}",
            count(self.clusters, "cluster"),
            count(self.applications, "Application"),
            count(self.objects, "object"),
            count(self.renders, "distinct render"),
            count(self.errors.len(), "error"),
            count(self.warnings.len(), "warning")
        )
    }

    /// The summary as a report.
    #[must_use]
    pub fn lines(&self) -> Lines {
        let mut lines = Lines::default();
        let tone = if self.is_good() {
            Tone::Good
        } else {
            Tone::Bad
        };
        lines.push(tone, self.summary());
        lines
    }
}

impl Finding {
    /// The problem, and the Applications that it concerns, as a note at its end.
    #[must_use]
    pub fn with_places(&self) -> Problem {
        let mut problem = self.problem.clone();
        if !self.applications.is_empty() {
            let names: Vec<String> = self
                .applications
                .iter()
                .map(|place| format!("{} on {}", place.application, place.cluster))
                .collect();
            problem.message = format!("{} (concerns {})", problem.message, some(&names, NAMED));
        }
        problem
    }
}

fn findings(problems: BTreeMap<Problem, Vec<Place>>) -> Vec<Finding> {
    let mut findings: Vec<Finding> = problems
        .into_iter()
        .map(|(problem, applications)| Finding {
            problem,
            applications,
        })
        .collect();
    findings.sort_by(|a, b| (&a.problem.at, a).cmp(&(&b.problem.at, b)));
    findings
}

/// Steps of rollouts: an Application in two of them is wrong, one in none is never synced.
fn steps(
    survey: &Survey,
    errors: &mut BTreeMap<Problem, Vec<Place>>,
    warnings: &mut BTreeMap<Problem, Vec<Place>>,
) {
    for rollout in all_rollouts(survey) {
        let name = &rollout.application_set;
        let origin = survey.hub.sets.get(name).map(|set| set.origin.clone());
        let problem = |reason, message: String, remedy: &str| {
            let problem = Problem::new(reason, message)
                .field("spec.strategy.rollingSync.steps")
                .remedy(remedy);
            match &origin {
                Some(origin) => problem.at(origin.clone()),
                None => problem,
            }
        };
        if !rollout.in_two_steps.is_empty() {
            let message = format!("Applications of `{name}` are in more than one step");
            let problem = problem(
                Reason::InvalidField,
                message,
                "let the matchExpressions of the steps exclude each other",
            );
            errors.insert(problem, rollout.in_two_steps);
        }
        if !rollout.in_no_step.is_empty() {
            let message = format!(
                "Applications of `{name}` are in no step: they are never synced automatically"
            );
            let problem = problem(
                Reason::ManualSync,
                message,
                "add a step that matches their labels",
            );
            warnings.insert(problem, rollout.in_no_step);
        }
    }
}
