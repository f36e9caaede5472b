//! Shell completion: the shell asks this program at every key, so that values come from the fleet itself.
//!
//! `muster completion bash` prints what makes a shell ask; [`answer`] is the answer. Candidates are read from the files
//! of the work tree and from local refs alone, and are none where those cannot be read: completion never says an error.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::CommandFactory as _;
use clap_complete::env::Shells;
use clap_complete::{ArgValueCompleter, CompleteEnv, CompletionCandidate, Shell};
use muster_fleet::fleet::Fleet;
use muster_git::{Limits, LocalRepository};
use muster_model::{Budgets, Problem, Reason, yaml};

use crate::args::Args;
use crate::commands::console::Console;
use crate::commands::repository::top_of;

/// A shell that asks sets this to its name.
const ASKED: &str = "MUSTER_COMPLETE";

/// Where branches and tags are, and what of a name is not theirs.
const REFS: [&str; 3] = ["refs/heads/", "refs/tags/", "refs/remotes/origin/"];

/// Answers a shell that asks for candidates, and ends the process; returns when none asks. Nothing may be printed before.
pub fn answer() {
    CompleteEnv::with_factory(Args::command)
        .var(ASKED)
        .bin("muster")
        .complete();
}

/// Prints the script that makes a shell ask.
pub(super) fn script(shell: Shell, console: &mut Console) -> Result<ExitCode, Problem> {
    let failed = |error: &dyn std::fmt::Display| {
        Problem::new(
            Reason::InternalError,
            format!("cannot write the script for {shell}: {error}"),
        )
    };
    let shells = Shells::builtins();
    let name = shell.to_string();
    let completer = shells
        .completer(&name)
        .ok_or_else(|| failed(&"the shell is not known"))?;
    let mut script = Vec::new();
    completer
        .write_registration(ASKED, "muster", "muster", "muster", &mut script)
        .map_err(|error| failed(&error))?;
    console.bytes(&script);
    Ok(ExitCode::SUCCESS)
}

/// The fleet's clusters.
pub(crate) fn clusters() -> ArgValueCompleter {
    ArgValueCompleter::new(|typed: &OsStr| {
        let fleet = fleet();
        let names = fleet.iter().flat_map(|fleet| fleet.clusters.iter());
        let told = names.map(|cluster| {
            let labels: Vec<String> = cluster
                .labels
                .iter()
                .map(|(key, value)| format!("{key}={value}"))
                .collect();
            (cluster.name.to_string(), labels.join(" "))
        });
        beginning(typed, told)
    })
}

/// The fleet's ApplicationSets.
pub(crate) fn sets() -> ArgValueCompleter {
    ArgValueCompleter::new(|typed: &OsStr| {
        let top = top_of(&repository());
        let fleet = fleet();
        let files = fleet.iter().flat_map(|fleet| fleet.resources.iter());
        let sets = files.flat_map(|file| {
            sets_of(&top.join(file))
                .into_iter()
                .map(|name| (name, file.clone()))
        });
        beginning(typed, sets)
    })
}

/// Branches and tags of the clone.
pub(crate) fn revisions() -> ArgValueCompleter {
    ArgValueCompleter::new(|typed: &OsStr| {
        let repository = LocalRepository::open(repository(), Limits::default());
        let names = repository.iter().flat_map(|repository| {
            REFS.iter().flat_map(|prefix| {
                let refs = repository.refs(prefix).unwrap_or_default();
                refs.into_iter().filter_map(move |(name, commit_id)| {
                    let short = name.as_str().strip_prefix(prefix)?.to_owned();
                    Some((short, commit_id.short().to_owned()))
                })
            })
        });
        beginning(typed, names)
    })
}

/// The closed list of reasons.
pub(crate) fn reasons() -> ArgValueCompleter {
    ArgValueCompleter::new(|typed: &OsStr| {
        let all = Reason::ALL.iter();
        beginning(
            typed,
            all.map(|reason| (reason.name().to_owned(), reason.meaning().to_owned())),
        )
    })
}

/// The candidates that begin as what was typed, each once, with what is told of it.
fn beginning(
    typed: &OsStr,
    all: impl Iterator<Item = (String, String)>,
) -> Vec<CompletionCandidate> {
    let typed = typed.to_string_lossy();
    let mut found: Vec<(String, String)> =
        all.filter(|(name, _)| name.starts_with(&*typed)).collect();
    found.sort();
    found.dedup_by(|one, other| one.0 == other.0);
    found
        .into_iter()
        .map(|(name, told)| {
            let help = (!told.is_empty()).then(|| told.into());
            CompletionCandidate::new(name).help(help)
        })
        .collect()
}

/// The fleet file that the command line so far names.
fn fleet() -> Option<Fleet> {
    let file = match given("--file") {
        Some(file) => PathBuf::from(file),
        None => {
            top_of(&repository()).join(given("--fleet-file").unwrap_or_else(|| "fleet.yaml".into()))
        }
    };
    let bytes = std::fs::read(&file).ok()?;
    let (fleet, _) = Fleet::parse(&file.to_string_lossy(), &bytes).ok()?;
    Some(fleet)
}

fn repository() -> PathBuf {
    given("--repo").map_or_else(|| PathBuf::from("."), PathBuf::from)
}

/// The value of an option in the command line that is being written, which follows `--`.
fn given(option: &str) -> Option<OsString> {
    let words: Vec<OsString> = std::env::args_os()
        .skip_while(|word| word != "--")
        .collect();
    let apart = words.windows(2).find(|pair| pair[0] == option);
    let joined = words.iter().find_map(|word| {
        let text = word.to_str()?.strip_prefix(option)?.strip_prefix('=')?;
        Some(OsString::from(text))
    });
    apart.map(|pair| pair[1].clone()).or(joined)
}

fn sets_of(file: &Path) -> Vec<String> {
    let bytes = std::fs::read(file).unwrap_or_default();
    let documents = yaml::read(&bytes, &Budgets::default(), 0);
    documents
        .unwrap_or_default()
        .iter()
        .filter(|document| document.str_at(&["kind"]) == Some("ApplicationSet"))
        .filter_map(|document| Some(document.str_at(&["metadata", "name"])?.to_owned()))
        .collect()
}
