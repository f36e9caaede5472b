//! `muster plan`: what a commit will do to a cluster, with no cluster in reach.

use std::collections::BTreeMap;
use std::process::ExitCode;

use anstyle::{AnsiColor, Style};
use muster_engine::changes::ApplicationChanges;
use muster_engine::{Changes, changes};
use muster_model::{ClusterName, Node, ObjectId, Problem, Reason, yaml};

use crate::args::{Output, PlanArgs};
use crate::commands::console::Console;
use crate::commands::offline::Offline;

/// Prints what happens to each cluster asked for; fails when an Application cannot be enforced at the new commit.
pub(super) fn run(args: &PlanArgs, console: &mut Console) -> Result<ExitCode, Problem> {
    let mut offline = Offline::open(&args.at)?;
    let to = offline.at(&args.to)?;
    let from = args
        .from
        .as_deref()
        .map(|name| offline.at(name))
        .transpose()?;
    let fleet = offline.clusters(&to)?;
    let clusters = if args.cluster.is_empty() {
        fleet.clone()
    } else {
        args.cluster.clone()
    };
    let mut all: BTreeMap<ClusterName, Changes> = BTreeMap::new();
    for cluster in clusters {
        let before = from
            .as_ref()
            .map(|commits| offline.desire(&cluster, commits))
            .transpose()?;
        let after = offline.desire(&cluster, &to)?;
        if !fleet.contains(&cluster) && before.as_ref().is_none_or(|b| b.applications.is_empty()) {
            let known = fleet
                .iter()
                .map(ToString::to_string)
                .collect::<Vec<_>>()
                .join(", ");
            return Err(Problem::new(
                Reason::Unassigned,
                format!("the fleet file has no cluster {cluster}"),
            )
            .remedy(format!("one of: {known}")));
        }
        all.insert(cluster, changes(before.as_ref(), &after));
    }
    let refused = all.values().any(|changes| !changes.problems.is_empty());
    match args.output {
        Output::Json => console.json(&all),
        Output::Table => {
            for (cluster, changes) in &all {
                console.text(&shown(cluster, changes));
            }
        }
    }
    Ok(if refused {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}

fn shown(cluster: &ClusterName, changes: &Changes) -> String {
    let mut out = format!("cluster {cluster}\n");
    for (name, found) in &changes.applications {
        out.push_str(&application(name, found));
    }
    for (name, problems) in &changes.problems {
        for problem in problems {
            out.push_str(&format!(
                "  {name}: refused\n    {}\n",
                problem.to_string().replace('\n', "\n    ")
            ));
        }
    }
    if changes.applications.is_empty() && changes.problems.is_empty() {
        out.push_str("  no Application is for this cluster\n");
    }
    out
}

fn application(name: &str, found: &ApplicationChanges) -> String {
    let counts = [
        ("appear", found.appear.len()),
        ("change", found.change.len()),
        ("disappear", found.disappear.len()),
        ("move", found.moves.len()),
        ("same", found.same),
    ];
    let counts: Vec<String> = counts
        .iter()
        .filter(|(_, n)| *n > 0)
        .map(|(word, n)| format!("{n} {word}"))
        .collect();
    let mut out = format!(
        "  {name}: {}\n",
        if counts.is_empty() {
            "nothing".to_owned()
        } else {
            counts.join(", ")
        }
    );
    let (green, red) = (colour(AnsiColor::Green), colour(AnsiColor::Red));
    for id in &found.appear {
        out.push_str(&format!("    {green}+ {id}{green:#}\n"));
    }
    for (id, change) in &found.change {
        out.push_str(&format!(
            "    ~ {id}\n{}",
            diff(id, &change.from, &change.to)
        ));
    }
    for id in &found.disappear {
        out.push_str(&format!("    {red}- {id}{red:#}\n"));
    }
    for (id, other) in &found.moves {
        out.push_str(&format!("    > {id} moves to {other}\n"));
    }
    if let Some(approval) = &found.approval {
        out.push_str(&format!(
            "    the deletions need an approval ({}); under spec.approvals of the fleet file:\n",
            approval.because
        ));
        out.push_str(&approval.yaml());
    }
    out
}

fn colour(colour: AnsiColor) -> Style {
    Style::new().fg_color(Some(colour.into()))
}

/// The changed lines of an object as YAML; a Secret's values are never shown.
fn diff(id: &str, from: &Node, to: &Node) -> String {
    if ObjectId::parse(id).is_some_and(|id| id.group.is_empty() && id.kind == "Secret") {
        return "        (a Secret: its values are not shown)\n".to_owned();
    }
    let (from, to) = (yaml::to_string(from), yaml::to_string(to));
    let (green, red) = (colour(AnsiColor::Green), colour(AnsiColor::Red));
    let diff = similar::TextDiff::from_lines(&from, &to);
    let mut out = String::new();
    for hunk in diff.unified_diff().context_radius(1).iter_hunks() {
        for change in hunk.iter_changes() {
            let line = change.value().trim_end_matches('\n');
            out.push_str(&match change.tag() {
                similar::ChangeTag::Equal => format!("          {line}\n"),
                similar::ChangeTag::Delete => format!("        {red}- {line}{red:#}\n"),
                similar::ChangeTag::Insert => format!("        {green}+ {line}{green:#}\n"),
            });
        }
    }
    out
}
