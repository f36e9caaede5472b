//! `muster plan`: what a commit will do to every cluster, with no cluster in reach.

use std::process::ExitCode;

use muster_engine::{FleetPlan, Survey};
use muster_model::{ClusterName, Problem, Reason};

use crate::args::{PlanArgs, ReportOutput};
use crate::commands::console::Console;
use crate::commands::html;
use crate::commands::offline::Offline;

/// Deletions need an approval that the commit does not have.
const NEEDS_APPROVAL: u8 = 3;
/// Something changes; only with `--detailed-exitcode`.
const CHANGES: u8 = 4;

/// Prints what happens; fails when something cannot be enforced at the new commit, or waits for an approval.
pub(super) fn run(args: &PlanArgs, console: &mut Console) -> Result<ExitCode, Vec<Problem>> {
    let one = |problem: Problem| vec![problem];
    let mut offline = Offline::open(&args.at).map_err(one)?;
    let mut to = offline.at(&args.to).map_err(one)?;
    let from = args.from.as_deref().map(|name| offline.at(name));
    let mut from = from.transpose().map_err(one)?;
    let before = from.as_mut().map(|from| offline.survey(from)).transpose()?;
    let after = offline.survey(&mut to)?;
    for cluster in &args.cluster {
        known(cluster, before.as_ref(), &after).map_err(one)?;
    }
    let clusters = args.cluster.iter().cloned().collect();
    let plan = offline.plan(
        before.as_ref().zip(from.as_mut()),
        (&after, &mut to),
        clusters,
    )?;
    offline.keep();
    match args.output {
        ReportOutput::Json => console.json(&plan),
        ReportOutput::Yaml => console.yaml(&plan),
        ReportOutput::Html => console.text(&html::plan(&plan)),
        ReportOutput::Table => {
            console.lines(&plan.lines());
            for problem in &plan.problems {
                console.problem(problem);
            }
            for problem in &plan.warnings {
                console.warning(problem);
            }
        }
    }
    Ok(code(&plan, args.detailed_exitcode))
}

fn code(plan: &FleetPlan, detailed: bool) -> ExitCode {
    if plan.has_problems() {
        ExitCode::FAILURE
    } else if plan.summary.approvals_missing > 0 {
        ExitCode::from(NEEDS_APPROVAL)
    } else if detailed && !plan.is_empty() {
        ExitCode::from(CHANGES)
    } else {
        ExitCode::SUCCESS
    }
}

/// Refuses a cluster that is in neither fleet file.
pub(super) fn known(
    cluster: &ClusterName,
    before: Option<&Survey>,
    after: &Survey,
) -> Result<(), Problem> {
    let is_in = |survey: &Survey| survey.hub.fleet.cluster(cluster).is_some();
    if is_in(after) || before.is_some_and(is_in) {
        return Ok(());
    }
    let names: Vec<String> = after
        .hub
        .fleet
        .clusters
        .iter()
        .map(|c| c.name.to_string())
        .collect();
    let problem = Problem::new(
        Reason::Unassigned,
        format!("the fleet file has no cluster {cluster}"),
    );
    Err(problem.remedy(format!(
        "one of: {}",
        muster_engine::lines::some(&names, 20)
    )))
}
