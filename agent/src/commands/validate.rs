//! `muster validate`: everything that can be known from a commit, all errors at once.

use std::process::ExitCode;

use muster_engine::Verdict;
use muster_engine::verdict::{github, gitlab, sarif};
use muster_model::Problem;

use crate::args::{ValidateArgs, ValidateOutput};
use crate::commands::console::Console;
use crate::commands::html;
use crate::commands::offline::Offline;

/// Checks, and prints every problem once.
pub(super) fn run(args: &ValidateArgs, console: &mut Console) -> Result<ExitCode, Vec<Problem>> {
    let one = |problem: Problem| vec![problem];
    let mut offline = Offline::open(&args.at).map_err(one)?;
    let mut commits = offline.view(args.commit.as_deref()).map_err(one)?;
    let verdict = match offline.survey(&mut commits) {
        Ok(survey) => offline.verdict(&survey),
        Err(problems) => Verdict::refused(problems),
    };
    offline.keep();
    print(&verdict, args.output, console);
    Ok(if verdict.is_good() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn print(verdict: &Verdict, output: ValidateOutput, console: &mut Console) {
    match output {
        ValidateOutput::Json => console.json(verdict),
        ValidateOutput::Yaml => console.yaml(verdict),
        ValidateOutput::Html => console.text(&html::verdict(verdict)),
        ValidateOutput::Github => {
            console.text(&github(verdict));
            console.note(&verdict.summary());
        }
        ValidateOutput::Gitlab => console.json(&gitlab(verdict)),
        ValidateOutput::Sarif => console.json(&sarif(verdict)),
        ValidateOutput::Table => {
            for finding in &verdict.errors {
                console.problem(&finding.with_places());
            }
            for finding in &verdict.warnings {
                console.warning(&finding.with_places());
            }
            console.lines(&verdict.lines());
        }
    }
}
