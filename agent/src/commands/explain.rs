//! `muster explain`: why a cluster has, or lacks, an Application.

use std::process::ExitCode;

use jiff::Timestamp;
use muster_engine::explain::{Facts, Outcome, explain, fleetwide};
use muster_engine::lines::Lines;
use muster_engine::{Commits, Survey};
use muster_model::Problem;
use muster_status::FleetStatus;
use serde::Serialize;

use crate::args::{ExplainArgs, ReportOutput};
use crate::commands::console::Console;
use crate::commands::offline::Offline;
use crate::commands::repository::Repository;
use crate::commands::{html, status};

/// Prints the walk; fails when it does not end at "runs".
pub(super) fn run(
    args: &ExplainArgs,
    now: Timestamp,
    console: &mut Console,
) -> Result<ExitCode, Vec<Problem>> {
    let one = |problem: Problem| vec![problem];
    let mut offline = Offline::open(&args.at).map_err(one)?;
    let mut commits = offline.at(&args.commit).map_err(one)?;
    let survey = offline.survey(&mut commits)?;
    let fleet = statuses(args, &survey, &mut offline, now).map_err(one)?;
    let good = match (&args.cluster, &args.set) {
        (Some(cluster), _) => {
            let answer = asked(
                &mut offline,
                &mut commits,
                &survey,
                fleet.as_ref(),
                |facts| explain(facts, cluster, args.subject.as_deref()),
            )?;
            print(args.output, &answer, &answer.lines(), console);
            answer.outcome == Outcome::Runs
        }
        (None, subject) => {
            let subject = subject.as_deref().unwrap_or_default();
            let answer = asked(
                &mut offline,
                &mut commits,
                &survey,
                fleet.as_ref(),
                |facts| fleetwide(facts, subject, &args.expect),
            )?;
            print(args.output, &answer, &answer.lines(), console);
            answer.running == answer.explanations.len()
        }
    };
    offline.keep();
    Ok(if good {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn asked<T>(
    offline: &mut Offline,
    commits: &mut Commits,
    survey: &Survey,
    status: Option<&FleetStatus>,
    ask: impl Fn(Facts<'_>) -> Result<T, muster_engine::Need>,
) -> Result<T, Vec<Problem>> {
    offline.until_answered(commits, |question| {
        ask(Facts {
            survey,
            question,
            status,
        })
    })
}

/// What the clusters report; nothing when no status is at hand and none was asked for.
fn statuses(
    args: &ExplainArgs,
    survey: &Survey,
    offline: &mut Offline,
    now: Timestamp,
) -> Result<Option<FleetStatus>, Problem> {
    let clusters = survey.hub.fleet.clusters.iter();
    let members = clusters
        .map(|c| (c.name.clone(), c.status_keys.clone()))
        .collect();
    let refs = match &args.status_repo {
        Some(other) => status::read(&mut Repository::open(other, &args.at.git)?)?,
        None => status::read(offline.repository())?,
    };
    let none = refs.inbox.is_empty() && refs.folded.is_empty() && args.status_repo.is_none();
    Ok((!none).then(|| status::assemble(refs, members, now)))
}

fn print(output: ReportOutput, value: &impl Serialize, lines: &Lines, console: &mut Console) {
    match output {
        ReportOutput::Json => console.json(value),
        ReportOutput::Yaml => console.yaml(value),
        ReportOutput::Html => console.text(&html::report("Explanation", lines)),
        ReportOutput::Table => console.lines(lines),
    }
}
