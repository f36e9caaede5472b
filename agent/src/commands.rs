//! One file for each verb; each gathers, calls a pure function, and prints.

mod agent;
pub mod console;
mod offline;
mod plan;
mod reasons;
mod render;
mod repository;
mod status;
mod validate;

use std::process::ExitCode;

use clap::CommandFactory as _;

use crate::args::{Args, Command};
use console::Console;

/// Runs the verb.
pub(crate) fn run(args: Args) -> ExitCode {
    let mut console = Console::new(args.color);
    let result = match args.command {
        Command::Agent(args) => agent::run(*args),
        Command::Status(args) => status::run(&args, jiff::Timestamp::now(), &mut console),
        Command::Render(args) => render::run(&args, &mut console),
        Command::Plan(args) => plan::run(&args, &mut console),
        Command::Validate(args) => validate::run(&args, &mut console),
        Command::Schema => {
            console.text(&muster_fleet::fleet::json_schema());
            Ok(ExitCode::SUCCESS)
        }
        Command::Reasons(args) => reasons::run(&args, &mut console),
        Command::Completion { shell } => completion(shell, &mut console),
    };
    match result {
        Ok(code) => code,
        Err(problem) => {
            console.problem(&problem);
            ExitCode::FAILURE
        }
    }
}

fn completion(
    shell: clap_complete::Shell,
    console: &mut Console,
) -> Result<ExitCode, muster_model::Problem> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Args::command(), "muster", &mut script);
    console.bytes(&script);
    Ok(ExitCode::SUCCESS)
}
