//! One file for each verb; each gathers, calls a pure function, and prints.

pub mod console;
mod reasons;

use std::process::ExitCode;

use clap::CommandFactory as _;

use crate::args::{Args, Command};
use console::Console;

/// Runs the verb.
pub(crate) fn run(args: Args) -> ExitCode {
    let mut console = Console::new(args.color);
    let result = match args.command {
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

fn completion(shell: clap_complete::Shell, console: &mut Console) -> Result<ExitCode, muster_model::Problem> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Args::command(), "muster", &mut script);
    console.bytes(&script);
    Ok(ExitCode::SUCCESS)
}
