//! `muster-testbed up`: clusters on loopback for a demonstration, until the standard input closes.

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use muster_tests::git_server::GitServer;
use muster_tests::testbed::{Cluster, Programs, Testbed, TestbedError};
use serde_json::json;

/// Real control planes on loopback.
#[derive(Debug, Parser)]
struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Starts clusters, prints where they are as JSON, and runs until the standard input closes.
    Up {
        /// Names of the clusters.
        #[arg(long, value_delimiter = ',', required = true)]
        clusters: Vec<String>,
        /// Also the controller manager, the scheduler and KWOK: workloads become Ready.
        #[arg(long)]
        controllers: bool,
        /// Also a Git server, with an empty repository called hub.
        #[arg(long)]
        git: bool,
        /// Where data, kubeconfigs and logs go.
        #[arg(long)]
        dir: PathBuf,
    },
}

fn main() -> ExitCode {
    let Verb::Up {
        clusters,
        controllers,
        git,
        dir,
    } = Args::parse().verb;
    match up(&clusters, controllers, git, &dir) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let source = std::error::Error::source(&error).map(|s| format!(": {s}"));
            say(&format!(
                "muster-testbed: {error}{}",
                source.unwrap_or_default()
            ));
            ExitCode::FAILURE
        }
    }
}

fn up(names: &[String], controllers: bool, git: bool, dir: &Path) -> Result<(), TestbedError> {
    let testbed = Testbed::start_at(Programs::find()?, dir)?;
    let mut clusters = Vec::new();
    for name in names {
        say(&format!("starting {name} (about 5 s)"));
        let mut cluster = testbed.cluster(name)?;
        if controllers {
            cluster.start_controllers()?;
            cluster.start_nodes(1)?;
        }
        clusters.push(cluster);
    }
    let server = git.then(|| GitServer::start(&testbed.dir().join("git")));
    let hub = server
        .as_ref()
        .map(|server| server.create("hub").url().to_owned());
    print(&clusters, hub.as_deref());
    // Whoever started us holds the other end. A signal ends us at once, and with us every process of the testbed.
    let _ = std::io::stdin().read_to_end(&mut Vec::new());
    drop(clusters);
    Ok(())
}

#[expect(clippy::print_stdout, reason = "a command-line program")]
fn print(clusters: &[Cluster], hub: Option<&str>) {
    let list: Vec<_> = clusters
        .iter()
        .map(|c| json!({"name": c.name, "url": c.url, "kubeconfig": c.kubeconfig_path, "token": c.token}))
        .collect();
    println!("{}", json!({"clusters": list, "hub": hub}));
}

#[expect(clippy::print_stderr, reason = "a command-line program")]
fn say(text: &str) {
    eprintln!("{text}");
}
