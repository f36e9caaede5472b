//! One file for each verb; each gathers, calls a pure function, and prints.

mod agent;
mod cache;
mod cluster;
pub mod completion;
pub mod console;
mod explain;
mod graph;
mod html;
mod offline;
mod plan;
mod progress;
mod reasons;
mod render;
mod repository;
mod status;
mod validate;

use std::process::ExitCode;

use crate::args::{Args, Command};
use console::Console;
use muster_model::Problem;

/// Runs the verb.
pub(crate) fn run(args: Args) -> ExitCode {
    let mut console = Console::new(args.color);
    let one = |problem: Problem| vec![problem];
    let result = match args.command {
        Command::Agent(args) => agent::run(*args).map_err(one),
        Command::Status(args) => {
            status::run(&args, jiff::Timestamp::now(), &mut console).map_err(one)
        }
        Command::Render(args) => render::run(&args, &mut console).map_err(one),
        Command::Plan(args) => plan::run(&args, &mut console),
        Command::Validate(args) => validate::run(&args, &mut console),
        Command::Explain(args) => explain::run(&args, jiff::Timestamp::now(), &mut console),
        Command::Graph(args) => graph::run(&args, &mut console),
        Command::Cluster(command) => {
            cluster::run(&command, jiff::Timestamp::now(), &mut console).map_err(one)
        }
        Command::Schema => {
            console.text(&muster_fleet::fleet::json_schema());
            Ok(ExitCode::SUCCESS)
        }
        Command::Reasons(args) => reasons::run(&args, &mut console).map_err(one),
        Command::Completion { shell } => completion::script(shell, &mut console).map_err(one),
    };
    result.unwrap_or_else(|problems| {
        for problem in &problems {
            console.problem(problem);
        }
        ExitCode::FAILURE
    })
}
