//! `muster reasons`: the closed list of refusals and holds.

use std::process::ExitCode;

use muster_model::{Problem, Reason};

use crate::args::{Output, ReasonsArgs};
use crate::commands::console::Console;

#[derive(serde::Serialize)]
struct Row {
    reason: &'static str,
    class: muster_model::reason::Class,
    meaning: &'static str,
    remedy: &'static str,
}

/// Prints all reasons, or the one named.
pub(super) fn run(args: &ReasonsArgs, console: &mut Console) -> Result<ExitCode, Problem> {
    let wanted = |reason: &&Reason| {
        args.name
            .as_ref()
            .is_none_or(|name| name.eq_ignore_ascii_case(reason.name()))
    };
    let rows: Vec<Row> = Reason::ALL
        .iter()
        .filter(wanted)
        .map(|r| Row {
            reason: r.name(),
            class: r.class(),
            meaning: r.meaning(),
            remedy: r.remedy(),
        })
        .collect();
    if rows.is_empty() {
        let name = args.name.as_deref().unwrap_or_default();
        return Err(
            Problem::new(Reason::InvalidField, format!("there is no reason {name:?}"))
                .remedy("`muster reasons` lists them all"),
        );
    }
    match args.output {
        Output::Json => console.json(&rows),
        Output::Yaml => console.yaml(&rows),
        Output::Table => {
            for row in &rows {
                console.text(&format!(
                    "{} ({:?})\n  {}\n  help: {}\n",
                    row.reason, row.class, row.meaning, row.remedy
                ));
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}
