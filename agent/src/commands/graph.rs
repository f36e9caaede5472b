//! `muster graph`: the topology of a fleet.

use std::process::ExitCode;

use muster_engine::graph::Graph;
use muster_model::Problem;

use crate::args::{GraphArgs, GraphOutput};
use crate::commands::console::Console;
use crate::commands::html;
use crate::commands::offline::Offline;

/// Draws.
pub(super) fn run(args: &GraphArgs, console: &mut Console) -> Result<ExitCode, Vec<Problem>> {
    let one = |problem: Problem| vec![problem];
    let mut offline = Offline::open(&args.at).map_err(one)?;
    let mut commits = offline.view(args.commit.as_deref()).map_err(one)?;
    let survey = offline.survey(&mut commits)?;
    offline.keep();
    let graph = Graph::of(&survey);
    match args.output {
        GraphOutput::Table => console.lines(&graph.lines()),
        GraphOutput::Mermaid => console.text(&graph.mermaid()),
        GraphOutput::Html => console.text(&html::graph(&graph)),
        GraphOutput::Json => console.json(&graph),
        GraphOutput::Yaml => console.yaml(&graph),
    }
    Ok(ExitCode::SUCCESS)
}
