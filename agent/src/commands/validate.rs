//! `muster validate`: everything that can be known from a commit, all errors at once.

use std::collections::BTreeSet;
use std::process::ExitCode;

use muster_model::Problem;

use crate::args::{Output, ValidateArgs};
use crate::commands::console::Console;
use crate::commands::offline::Offline;

#[derive(serde::Serialize)]
struct Verdict {
    clusters: usize,
    applications: usize,
    objects: usize,
    errors: Vec<Problem>,
    warnings: Vec<Problem>,
}

/// Checks, and prints every problem once.
pub(super) fn run(args: &ValidateArgs, console: &mut Console) -> Result<ExitCode, Problem> {
    let mut offline = Offline::open(&args.at)?;
    let commits = match &args.commit {
        Some(name) => offline.at(name)?,
        None => offline.work_tree()?,
    };
    let mut verdict = Verdict {
        clusters: 0,
        applications: 0,
        objects: 0,
        errors: Vec::new(),
        warnings: Vec::new(),
    };
    let mut errors = BTreeSet::new();
    let mut warnings = BTreeSet::new();
    match offline.hub(&commits) {
        Err(problems) => errors.extend(problems),
        Ok(hub) => {
            for cluster in hub.fleet.clusters.iter().map(|c| c.name.clone()) {
                verdict.clusters += 1;
                match offline.desire(&cluster, &commits) {
                    Err(problem) => {
                        errors.insert(problem);
                    }
                    Ok(desired) => {
                        errors.extend(desired.problems);
                        warnings.extend(desired.warnings);
                        for application in desired.applications.into_values() {
                            verdict.applications += 1;
                            verdict.objects +=
                                application.content.map_or(0, |set| set.objects.len());
                            errors.extend(application.problems);
                        }
                    }
                }
            }
        }
    }
    verdict.errors = errors.into_iter().collect();
    verdict.warnings = warnings.into_iter().collect();
    print(&verdict, args.output, console);
    Ok(if verdict.errors.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn print(verdict: &Verdict, output: Output, console: &mut Console) {
    match output {
        Output::Json => console.json(verdict),
        Output::Table => {
            for problem in &verdict.errors {
                console.problem(problem);
            }
            for problem in &verdict.warnings {
                console.warning(problem);
            }
            let Verdict {
                clusters,
                applications,
                objects,
                errors,
                warnings,
            } = verdict;
            console.text(&format!(
                "{clusters} clusters, {applications} Applications, {objects} objects: {} errors, {} warnings\n",
                errors.len(),
                warnings.len()
            ));
        }
    }
}
