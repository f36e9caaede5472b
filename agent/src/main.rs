//! `muster`: the agent of one cluster, and the questions a fleet asks. See the library's documentation for the map.

use std::process::ExitCode;

use clap::Parser as _;
use muster::args::Args;

#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    muster::commands::completion::answer();
    muster::run(Args::parse())
}
