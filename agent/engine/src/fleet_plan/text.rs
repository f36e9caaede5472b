//! A plan for people: how much of what first, then what, then what it needs, then how it proceeds.

use std::fmt;

use super::{
    Approval, ClusterPlan, FleetPlan, Group, GroupKind, Place, Refused, RolloutPlan, Rules,
    Standing, Summary,
};
use crate::lines::{Lines, Tone, count, some};

/// Places named in a line.
const NAMED: usize = 4;
/// Objects listed of one kind of change in a group.
const LISTED: usize = 40;

impl FleetPlan {
    /// The whole plan, line by line.
    #[must_use]
    pub fn lines(&self) -> Lines {
        let mut lines = Lines::default();
        self.head(&mut lines);
        for (name, cluster) in &self.clusters {
            standing(&mut lines, name.as_str(), cluster);
        }
        for group in &self.groups {
            of_group(&mut lines, group);
        }
        if !self.refused.is_empty() {
            lines.heading("Cannot be enforced; the last good release stays:");
            for refused in &self.refused {
                of_refused(&mut lines, refused);
            }
        }
        self.approvals(&mut lines);
        self.rollout(&mut lines);
        lines
    }

    fn head(&self, lines: &mut Lines) {
        let Self {
            from, to, summary, ..
        } = self;
        match from {
            Some(from) => lines.push(Tone::Heading, format!("Plan from {from} to {to}")),
            None => lines.push(Tone::Heading, format!("Plan of {to}, from nothing")),
        }
        of_summary(lines, summary);
    }

    fn approvals(&self, lines: &mut Lines) {
        let (given, missing): (Vec<_>, Vec<_>) = self.approvals.iter().partition(|a| a.given);
        if !missing.is_empty() {
            lines.heading(
                "Deletions that need an approval; paste under spec.approvals of the fleet file:",
            );
            for approval in missing {
                of_approval(lines, approval);
            }
        }
        if !given.is_empty() {
            let word = count(given.len(), "approval");
            lines.heading(format!(
                "The fleet file has {word} for deletions of this plan:"
            ));
            for approval in given {
                lines.plain(format!(
                    "  {}: {}",
                    places(&approval.applications),
                    approval.because
                ));
            }
        }
    }

    fn rollout(&self, lines: &mut Lines) {
        let stepwise: Vec<_> = self
            .rollouts
            .iter()
            .filter(|r| !r.steps.is_empty())
            .collect();
        let at_once: Vec<String> = self
            .rollouts
            .iter()
            .filter(|rollout| rollout.steps.is_empty())
            .map(|rollout| rollout.application_set.clone())
            .collect();
        if !at_once.is_empty() {
            lines.heading("Rollout");
            lines.plain(format!(
                "  at once, each cluster at its next poll: {}",
                some(&at_once, NAMED * 2)
            ));
        }
        for rollout in stepwise {
            of_rollout(lines, rollout);
        }
    }
}

impl fmt::Display for FleetPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.lines().fmt(f)
    }
}

fn of_summary(lines: &mut Lines, summary: &Summary) {
    let Summary {
        clusters,
        clusters_changed,
        applications: a,
        objects: o,
        groups,
        approvals_missing,
    } = summary;
    lines.plain(format!(
        "  clusters      {clusters_changed} of {clusters} change"
    ));
    let applications = [
        (a.appear, "appear"),
        (a.change, "change"),
        (a.disappear, "disappear"),
        (a.refused, "refused"),
        (a.same, "same"),
    ];
    lines.plain(format!("  applications  {}", counts(&applications)));
    let objects = [
        (o.appear, "appear"),
        (o.change, "change"),
        (o.disappear, "disappear"),
        (o.moved, "move"),
        (o.kept, "kept"),
        (o.same, "same"),
    ];
    lines.plain(format!("  objects       {}", counts(&objects)));
    lines.plain(format!("  distinct      {}", count(*groups, "change")));
    if *approvals_missing > 0 {
        lines.push(
            Tone::Bad,
            format!("  approvals     {approvals_missing} missing"),
        );
    }
}

fn counts(counts: &[(usize, &str)]) -> String {
    let some: Vec<String> = counts
        .iter()
        .filter(|(number, _)| *number > 0)
        .map(|(number, word)| format!("{number} {word}"))
        .collect();
    if some.is_empty() {
        "none".to_owned()
    } else {
        some.join(", ")
    }
}

fn standing(lines: &mut Lines, name: &str, cluster: &ClusterPlan) {
    let (tone, text) = match cluster.standing {
        Standing::Follows => return,
        Standing::Joins => (Tone::Good, "joins the fleet"),
        Standing::Suspended => (Tone::Busy, "is suspended: it takes nothing of this"),
        Standing::LeavesPreserving => (Tone::Busy, "leaves the fleet; what it runs stays there"),
        Standing::LeavesPruning => (Tone::Bad, "leaves the fleet; what it runs is deleted"),
        Standing::Unassigned => (
            Tone::Bad,
            "is not in the fleet file any more; nothing is deleted, and nobody keeps it",
        ),
    };
    lines.push(tone, format!("  cluster {name} {text}"));
}

fn of_group(lines: &mut Lines, group: &Group) {
    let (tone, word) = match group.kind {
        GroupKind::Appears => (Tone::Good, "appears"),
        GroupKind::Changes => (Tone::Busy, "changes"),
        GroupKind::Disappears => (Tone::Bad, "disappears"),
    };
    let paths: Vec<String> = group.paths.iter().cloned().collect();
    lines.plain("");
    lines.push(
        tone,
        format!(
            "{} {word} on {}",
            some(&paths, 2),
            where_to(&group.applications)
        ),
    );
    if !group.manner.automated {
        lines.push(
            Tone::Busy,
            "  compared and reported only: no syncPolicy.automated",
        );
    }
    let listed = |lines: &mut Lines, tone: Tone, sign: &str, ids: Vec<String>| {
        for id in ids.iter().take(LISTED) {
            lines.push(tone, format!("  {sign} {id}"));
        }
        if let Some(more) = ids.len().checked_sub(LISTED).filter(|more| *more > 0) {
            lines.push(tone, format!("  {sign} {more} more"));
        }
    };
    let texts = |ids: &[muster_model::ObjectId]| ids.iter().map(ToString::to_string).collect();
    listed(lines, Tone::Good, "+", texts(&group.appear));
    changed(lines, group);
    listed(lines, Tone::Bad, "-", texts(&group.disappear));
    for moved in &group.moved {
        lines.push(
            Tone::Busy,
            format!("  > {} moves to {}", moved.object, moved.to),
        );
    }
    listed(
        lines,
        Tone::Faint,
        "= stays, no longer kept:",
        texts(&group.kept),
    );
    if let Some(because) = &group.needs_approval {
        lines.push(
            Tone::Bad,
            format!("  the deletions need an approval: {because}"),
        );
    }
}

/// Objects that change, with their diffs.
fn changed(lines: &mut Lines, group: &Group) {
    for change in &group.change {
        lines.push(Tone::Busy, format!("  ~ {}", change.object));
        for line in &change.diff {
            lines.push(Tone::of_changed(line), format!("      {line}"));
        }
    }
}

/// `3 clusters: a, b, c`, or the Applications where there is one cluster.
fn where_to(places: &[Place]) -> String {
    let mut clusters: Vec<String> = places
        .iter()
        .map(|place| place.cluster.to_string())
        .collect();
    clusters.dedup();
    let names: Vec<String> = places
        .iter()
        .map(|place| place.application.to_string())
        .collect();
    match clusters.as_slice() {
        [one] => format!("{one}: {}", some(&names, NAMED)),
        several if several.len() == places.len() => {
            format!(
                "{}: {}",
                count(several.len(), "cluster"),
                some(several, NAMED)
            )
        }
        several => format!(
            "{} as {}: {}",
            count(several.len(), "cluster"),
            count(places.len(), "application"),
            some(several, NAMED)
        ),
    }
}

fn places(places: &[Place]) -> String {
    let names: Vec<String> = places
        .iter()
        .map(|place| format!("{} on {}", place.application, place.cluster))
        .collect();
    some(&names, NAMED)
}

fn of_refused(lines: &mut Lines, refused: &Refused) {
    lines.push(Tone::Bad, format!("  {}", places(&refused.applications)));
    for problem in &refused.problems {
        lines.indented(Tone::Plain, "    ", &problem.to_string());
    }
}

fn of_approval(lines: &mut Lines, approval: &Approval) {
    let objects: Vec<String> = approval.objects.iter().map(ToString::to_string).collect();
    lines.push(
        Tone::Bad,
        format!(
            "  # {} ({}): {}",
            approval.because,
            places(&approval.applications),
            some(&objects, NAMED)
        ),
    );
    lines.indented(Tone::Plain, "", &approval.entry.yaml());
}

fn of_rollout(lines: &mut Lines, rollout: &RolloutPlan) {
    lines.heading(format!(
        "Rollout of ApplicationSet {}",
        rollout.application_set
    ));
    for (index, step) in rollout.steps.iter().enumerate() {
        let manual = if step.at_once == 0 && step.total > 0 {
            ": by hand only"
        } else {
            ""
        };
        lines.push(
            Tone::Plain,
            format!(
                "  step {}: {}: {} of {} change, {} at a time (maxUpdate {}){manual}",
                index + 1,
                step.matches,
                step.applications.len(),
                count(step.total, "application"),
                step.at_once,
                step.max_update,
            ),
        );
        if !step.applications.is_empty() {
            lines.push(Tone::Faint, format!("    {}", places(&step.applications)));
        }
    }
    if !rollout.in_no_step.is_empty() {
        lines.push(
            Tone::Bad,
            format!(
                "  in no step, so never synced: {}",
                places(&rollout.in_no_step)
            ),
        );
    }
    if !rollout.in_two_steps.is_empty() {
        lines.push(
            Tone::Bad,
            format!(
                "  in two steps, which is an error: {}",
                places(&rollout.in_two_steps)
            ),
        );
    }
    if let Some(rules) = &rollout.rules {
        lines.push(Tone::Faint, format!("  {}", of_rules(rules)));
    }
}

fn of_rules(rules: &Rules) -> String {
    let Rules {
        soak,
        deadline,
        max_failures,
        max_stale,
        on_failure,
        windows,
        force,
    } = rules;
    let mut parts = Vec::new();
    let timed = [
        ("soak", soak),
        ("deadline", deadline),
        ("maxStale", max_stale),
    ];
    for (name, value) in timed {
        parts.extend(value.as_ref().map(|value| format!("{name} {value}")));
    }
    parts.push(format!("maxFailures {max_failures}"));
    parts.push(format!("onFailure {on_failure}"));
    parts.extend(windows.iter().map(|window| format!("window: {window}")));
    parts.extend(force.as_ref().map(|(release, clusters)| {
        format!(
            "force {} on {}",
            release.short(),
            count(*clusters, "cluster")
        )
    }));
    parts.join(", ")
}
