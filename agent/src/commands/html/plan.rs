//! A plan as a page.

use std::fmt::Write as _;

use muster_engine::FleetPlan;
use muster_engine::fleet_plan::{
    Approval, ClusterPlan, Group, GroupKind, Place, RolloutPlan, Standing,
};
use muster_engine::lines::{Tone, count, some};

use super::{class, escape, figures, page, problem};

/// Applications named below a change.
const NAMED: usize = 60;

/// The whole page.
pub(crate) fn plan(plan: &FleetPlan) -> String {
    let title = match &plan.from {
        Some(from) => format!("{} → {}", short(from), short(&plan.to)),
        None => format!("{}, from nothing", short(&plan.to)),
    };
    let mut body = summary(plan);
    for found in &plan.problems {
        body.push_str(&problem(found, "error"));
    }
    for found in &plan.warnings {
        body.push_str(&problem(found, "warning"));
    }
    body.push_str(&approvals(&plan.approvals));
    if !plan.groups.is_empty() {
        body.push_str("<h2>Changes</h2>\n");
        for found in &plan.groups {
            body.push_str(&group(found));
        }
    }
    if !plan.refused.is_empty() {
        body.push_str("<h2>Cannot be enforced; the last good release stays</h2>\n");
        for refused in &plan.refused {
            for found in &refused.problems {
                body.push_str(&problem(found, "error"));
            }
            let _ = writeln!(
                body,
                "<p class=\"places\">{}</p>",
                places(&refused.applications)
            );
        }
    }
    for rollout in plan
        .rollouts
        .iter()
        .filter(|rollout| !rollout.steps.is_empty())
    {
        body.push_str(&steps(rollout));
    }
    body.push_str(&clusters(plan));
    page(&format!("Plan {title}"), &body)
}

fn short(revision: &muster_model::Revision) -> String {
    format!("{} ({})", revision.name, revision.commit_id.short())
}

fn summary(plan: &FleetPlan) -> String {
    let s = &plan.summary;
    let (a, o) = (&s.applications, &s.objects);
    let number = |n: usize| n.to_string();
    figures(&[
        (
            format!("{} / {}", s.clusters_changed, s.clusters),
            "clusters change",
            "",
        ),
        (number(a.appear), "applications appear", "good"),
        (number(a.change), "applications change", "busy"),
        (number(a.disappear), "applications disappear", "bad"),
        (number(o.appear), "objects appear", "good"),
        (number(o.change), "objects change", "busy"),
        (number(o.disappear), "objects disappear", "bad"),
        (number(o.moved), "objects move", ""),
        (number(s.groups), "distinct changes", ""),
        (
            number(s.approvals_missing),
            "approvals missing",
            if s.approvals_missing > 0 { "bad" } else { "" },
        ),
    ])
}

fn approvals(approvals: &[Approval]) -> String {
    let missing: Vec<&Approval> = approvals
        .iter()
        .filter(|approval| !approval.given)
        .collect();
    if missing.is_empty() {
        return String::new();
    }
    let mut out = "<h2>Deletions that need an approval</h2>\n<p>Paste under <code>spec.approvals</code> of the fleet file:</p>\n<pre>".to_owned();
    for approval in &missing {
        let _ = writeln!(out, "    # {}", escape(&approval.because));
        for line in approval.entry.yaml().lines() {
            out.push_str(&escape(line));
            out.push('\n');
        }
    }
    out.push_str("</pre>\n");
    out
}

fn group(group: &Group) -> String {
    let (class, word) = match group.kind {
        GroupKind::Appears => ("good", "appears"),
        GroupKind::Changes => ("busy", "changes"),
        GroupKind::Disappears => ("bad", "disappears"),
    };
    let paths: Vec<String> = group.paths.iter().cloned().collect();
    let open = if group.kind == GroupKind::Appears {
        ""
    } else {
        " open"
    };
    let mut out = format!(
        "<details{open}><summary><code>{}</code> <span class=\"{class}\">{word}</span> in {}</summary>\n",
        escape(&some(&paths, 2)),
        count(group.applications.len(), "application")
    );
    let _ = writeln!(
        out,
        "<p class=\"places\">{}</p>",
        places(&group.applications)
    );
    if let Some(because) = &group.needs_approval {
        let _ = writeln!(
            out,
            "<p class=\"bad\">The deletions need an approval: {}</p>",
            escape(because)
        );
    }
    out.push_str("<ul class=\"objects\">\n");
    for id in &group.appear {
        let _ = writeln!(out, "<li class=\"good\">+ {}</li>", escape(&id.to_string()));
    }
    for change in &group.change {
        let _ = writeln!(
            out,
            "<li><span class=\"busy\">~ {}</span>",
            escape(&change.object.to_string())
        );
        out.push_str(&diff(&change.diff));
        out.push_str("</li>\n");
    }
    for id in &group.disappear {
        let _ = writeln!(out, "<li class=\"bad\">- {}</li>", escape(&id.to_string()));
    }
    for moved in &group.moved {
        let text = format!("> {} moves to {}", moved.object, moved.to);
        let _ = writeln!(out, "<li class=\"busy\">{}</li>", escape(&text));
    }
    for id in &group.kept {
        let _ = writeln!(
            out,
            "<li class=\"soft\">= {} stays, no longer kept</li>",
            escape(&id.to_string())
        );
    }
    out.push_str("</ul></details>\n");
    out
}

fn diff(lines: &[String]) -> String {
    let mut out = "<pre>".to_owned();
    for line in lines {
        let class = class(Tone::of_changed(line));
        let _ = writeln!(out, "<span class=\"{class}\">{}</span>", escape(line));
    }
    out.push_str("</pre>");
    out
}

fn places(places: &[Place]) -> String {
    let names: Vec<String> = places
        .iter()
        .map(|place| format!("{} on {}", place.application, place.cluster))
        .collect();
    escape(&some(&names, NAMED))
}

fn steps(rollout: &RolloutPlan) -> String {
    let mut out = format!(
        "<h2>Rollout of {}</h2>\n<div class=\"steps\">\n",
        escape(&rollout.application_set)
    );
    for (index, step) in rollout.steps.iter().enumerate() {
        let _ = writeln!(
            out,
            "<div class=\"step\"><b>Step {}</b> <span class=\"soft\">{}</span><br>{} of {} change, {} at a time (maxUpdate {})<p class=\"places\">{}</p></div>",
            index + 1,
            escape(&step.matches),
            step.applications.len(),
            count(step.total, "application"),
            step.at_once,
            escape(&step.max_update),
            places(&step.applications)
        );
    }
    out.push_str("</div>\n");
    for (what, found) in [
        ("In no step, so never synced", &rollout.in_no_step),
        ("In two steps, which is an error", &rollout.in_two_steps),
    ] {
        if !found.is_empty() {
            let _ = writeln!(out, "<p class=\"bad\">{what}: {}</p>", places(found));
        }
    }
    out
}

fn clusters(plan: &FleetPlan) -> String {
    let mut out = "<h2>Clusters</h2>\n<table><tr><th>Cluster</th><th>Standing</th><th class=\"n\">Applications</th><th class=\"n\">+</th><th class=\"n\">~</th><th class=\"n\">-</th><th class=\"n\">Objects same</th></tr>\n".to_owned();
    for (name, cluster) in &plan.clusters {
        let ClusterPlan {
            standing,
            applications: a,
            objects: o,
        } = cluster;
        let _ = writeln!(
            out,
            "<tr><td>{}</td><td class=\"{}\">{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td></tr>",
            escape(name.as_str()),
            standing_class(*standing),
            standing_word(*standing),
            a.appear + a.change + a.disappear + a.refused + a.same,
            o.appear,
            o.change,
            o.disappear,
            o.same
        );
    }
    out.push_str("</table>\n");
    out
}

fn standing_word(standing: Standing) -> &'static str {
    match standing {
        Standing::Joins => "joins",
        Standing::Follows => "follows",
        Standing::Suspended => "suspended",
        Standing::LeavesPreserving => "leaves, preserving",
        Standing::LeavesPruning => "leaves, pruning",
        Standing::Unassigned => "entry gone",
    }
}

fn standing_class(standing: Standing) -> &'static str {
    match standing {
        Standing::Joins => "good",
        Standing::Follows => "soft",
        Standing::Suspended | Standing::LeavesPreserving => "busy",
        Standing::LeavesPruning | Standing::Unassigned => "bad",
    }
}
