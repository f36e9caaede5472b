//! The hub repositories that are there to be forked: each is validated and planned by the shipped program, grows by a
//! cluster, and what the fleet-wide plan says each cluster gets is what that cluster's own agent decides.
//!
//! Cases are discovered: `hub-config` itself, and every directory of `hub-config/topologies`.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Output};
use std::sync::Arc;

use libtest_mimic::{Arguments, Failed, Trial};
use muster_engine::each::one_by_one;
use muster_engine::survey::{Memory, Question, survey};
use muster_engine::{Commits, Need, Request, SourceState, desire};
use muster_git::{DirectoryTree, Limits};
use muster_model::kinds::Scopes;
use muster_model::{ClusterName, CommitId, RepoPath, Revision};
use muster_tests::binary;
use muster_tests::hub_repository::HubCopy;
use serde_json::Value;

type Result<T> = std::result::Result<T, Failed>;

/// What is checked of one hub repository.
type Case = fn(&Path) -> Result<()>;

/// Lines of a README that is half a page.
const README_LINES: std::ops::RangeInclusive<usize> = 15..=40;

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let mut trials = Vec::new();
    for hub in hubs() {
        let name = hub
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let cases: [(&str, Case); 4] = [
            ("validates without a warning", validates),
            ("is planned, and grows by a cluster", grows),
            ("decides for each cluster what its agent decides", agrees),
            ("says on half a page which force it answers", is_documented),
        ];
        for (what, case) in cases {
            let hub = hub.clone();
            trials.push(Trial::test(format!("{name} {what}"), move || case(&hub)));
        }
    }
    libtest_mimic::run(&arguments, trials).exit_code()
}

fn hubs() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../hub-config");
    let topologies = fs::read_dir(root.join("topologies"))
        .into_iter()
        .flatten()
        .flatten();
    let mut hubs: Vec<PathBuf> = topologies.map(|entry| entry.path()).collect();
    hubs.push(root);
    hubs.retain(|hub| hub.join("fleet.yaml").is_file());
    hubs.sort();
    hubs
}

fn muster(hub: &HubCopy, arguments: &[&str]) -> Result<Output> {
    let output = Command::new(binary("muster"))
        .args(arguments)
        .current_dir(hub.path())
        .env_clear()
        .env("HOME", hub.home())
        .output()?;
    Ok(output)
}

fn json(output: &Output) -> Result<Value> {
    serde_json::from_slice(&output.stdout).map_err(|error| {
        let stderr = String::from_utf8_lossy(&output.stderr);
        format!("not JSON ({error}): {stderr}").into()
    })
}

fn expect(holds: bool, what: impl Into<String>) -> Result<()> {
    if holds {
        Ok(())
    } else {
        Err(what.into().into())
    }
}

fn validates(hub: &Path) -> Result<()> {
    let hub = HubCopy::of(hub)?;
    for arguments in [
        ["validate", "--output=json"].as_slice(),
        &["validate", "--commit=HEAD", "--output=json"],
    ] {
        let output = muster(&hub, arguments)?;
        let verdict = json(&output)?;
        expect(output.status.success(), format!("{verdict:#}"))?;
        let none = |field: &str| verdict[field].as_array().is_some_and(Vec::is_empty);
        expect(none("errors") && none("warnings"), format!("{verdict:#}"))?;
    }
    Ok(())
}

fn grows(hub: &Path) -> Result<()> {
    let hub = HubCopy::of(hub)?;
    let first = muster(&hub, &["plan", "--output=json"])?;
    expect(
        first.status.success(),
        String::from_utf8_lossy(&first.stderr),
    )?;
    let first = json(&first)?;
    let clusters = first["clusters"].as_object().ok_or("no clusters")?;
    for (name, cluster) in clusters {
        let appear = cluster["applications"]["appear"].as_u64();
        expect(
            appear > Some(0),
            format!("cluster {name} gets nothing: {cluster}"),
        )?;
    }
    let labels = last_labels(&hub)?;
    let added = muster(&hub, &["cluster", "add", "newcomer", "--labels", &labels])?;
    expect(
        added.status.success(),
        String::from_utf8_lossy(&added.stderr),
    )?;
    hub.commit("newcomer")?;
    let plan = json(&muster(&hub, &["plan", "--from=HEAD~1", "--output=json"])?)?;
    expect(
        plan["clusters"]["newcomer"]["standing"] == "Joins",
        format!("{plan:#}"),
    )?;
    let summary = &plan["summary"];
    expect(summary["clustersChanged"] == 1, format!("{summary:#}"))?;
    expect(
        summary["objects"]["appear"].as_u64() > Some(0),
        format!("{summary:#}"),
    )?;
    let untouched = ["change", "disappear", "move"]
        .iter()
        .all(|kind| summary["objects"][kind] == 0);
    expect(untouched, format!("{summary:#}"))
}

/// The labels of the last cluster of the fleet file, as the command line takes them.
fn last_labels(hub: &HubCopy) -> Result<String> {
    let graph = json(&muster(hub, &["graph", "--output=json"])?)?;
    let groups = graph["groups"].as_array().ok_or("no groups")?;
    let labels = groups
        .last()
        .and_then(|group| group["labels"].as_object())
        .ok_or("no labels")?;
    let labels = labels
        .iter()
        .map(|(key, value)| format!("{key}={}", value.as_str().unwrap_or_default()));
    Ok(labels.collect::<Vec<_>>().join(","))
}

/// The survey that plans are made of, and the decision of each agent, object by object.
fn agrees(hub: &Path) -> Result<()> {
    let hub = HubCopy::of(hub)?;
    let tree = DirectoryTree::open(hub.path(), Limits::default()).map_err(|e| e.to_string())?;
    let revision = Revision {
        name: "main".to_owned(),
        commit_id: CommitId::new("1".repeat(40))?,
    };
    let mut commits = Commits::of_hub("hub", revision, Arc::new(tree));
    let fleet_file = RepoPath::new("fleet.yaml").map_err(|e| e.to_string())?;
    let memory = Memory::new(Vec::new());
    let found = loop {
        let question = Question {
            commits: &commits,
            fleet_file: &fleet_file,
            memory: &memory,
            each: &one_by_one,
        };
        match survey(&question) {
            Ok(found) => break found,
            Err(need) => supply(&mut commits, need)?,
        }
    };
    for cluster in found.hub.fleet.clusters.iter().map(|c| c.name.clone()) {
        let of_survey: BTreeMap<String, Vec<(String, String)>> = found
            .of(&cluster)
            .map(|app| {
                let objects = app.content.iter().flat_map(|content| &content.objects);
                let objects = objects.map(|object| (object.id.to_string(), object.digest.clone()));
                (app.application.key.to_string(), objects.collect())
            })
            .collect();
        let of_agent = decided(&mut commits, &cluster, &fleet_file)?;
        expect(
            of_survey == of_agent,
            format!("{cluster}: {of_survey:#?}\n{of_agent:#?}"),
        )?;
    }
    Ok(())
}

type Decided = BTreeMap<String, Vec<(String, String)>>;

fn decided(commits: &mut Commits, cluster: &ClusterName, fleet_file: &RepoPath) -> Result<Decided> {
    let request = Request {
        cluster: cluster.clone(),
        fleet_file: fleet_file.clone(),
        only: None,
        key: Vec::new(),
        own: muster_sync::OwnObjects::default(),
        namespaces: None,
        renders: Arc::default(),
    };
    let desired = loop {
        match desire(&request, commits, &Scopes::builtin()) {
            Ok(desired) => break desired,
            Err(need) => supply(commits, need)?,
        }
    };
    let applications = desired.applications.into_iter();
    let objects = applications.map(|(key, application)| {
        let objects = application
            .content
            .into_iter()
            .flat_map(|set| set.objects.to_vec());
        let objects = objects.map(|object| (object.id.to_string(), object.digest));
        (key.to_string(), objects.collect())
    });
    Ok(objects.collect())
}

/// Every ref of the hub repository is the commit in question.
fn supply(commits: &mut Commits, need: Need) -> Result<()> {
    let Need::Sources(sources) = need else {
        return Err(format!("{need:?}").into());
    };
    for source in sources {
        let state = SourceState::At(commits.hub.clone(), Arc::clone(&commits.hub_tree));
        commits.sources.insert(source, state);
    }
    Ok(())
}

fn is_documented(hub: &Path) -> Result<()> {
    let text = fs::read_to_string(hub.join("README.md"))?;
    let lines = text.lines().count();
    expect(
        README_LINES.contains(&lines),
        format!("its README.md has {lines} lines"),
    )?;
    expect(
        text.contains("**The force it answers:**"),
        "it does not say which force it answers",
    )
}
