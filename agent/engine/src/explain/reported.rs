//! What a cluster says of itself, and how much its word counts.

use muster_model::status::{ApplicationStatus, ClusterStatus};
use muster_model::{ApplicationKey, ClusterName, Health, ObjectId, Problem, SyncState};
use muster_status::Standing;
use muster_status::fleet::Member;
use muster_status::table::age;

use super::{Answer, Facts, Step};

/// How the cluster reports; nothing when statuses were not read.
pub(super) fn cluster(facts: &Facts<'_>, name: &ClusterName) -> Vec<Step> {
    let Some(fleet) = facts.status else {
        return Vec::new();
    };
    let question = "does the cluster report";
    let Some(member) = fleet.clusters.get(name) else {
        let text = format!("{name} has never reported");
        return vec![Step::new(question, Answer::Unknown, text)];
    };
    let mut steps = vec![standing(question, name, member)];
    if let Some(status) = &member.status {
        steps.extend(follows(facts, name, status));
        if !status.problems.is_empty() {
            let text = format!("{name} reports problems");
            let step = Step::new("is the cluster well", Answer::Waits, text);
            steps.push(step.with(status.problems.clone()));
        }
    }
    steps
}

fn standing(question: &str, name: &ClusterName, member: &Member) -> Step {
    let ago = member
        .age_seconds
        .map_or_else(|| "some time".to_owned(), age);
    let (answer, text) = match member.standing {
        Standing::Reporting => (Answer::Yes, format!("{name} reported {ago} ago")),
        Standing::Silent => (
            Answer::Unknown,
            format!("{name} is silent: its last word is {ago} old"),
        ),
        Standing::NeverReported => (Answer::Unknown, format!("{name} has never reported")),
        Standing::Forged => (
            Answer::Unknown,
            format!("what lies in the place of {name}'s status is not signed by it"),
        ),
    };
    let mut step = Step::new(question, answer, text);
    if let Some(refused) = &member.refused {
        step = step.at(refused.clone(), None);
    }
    if let Some(status) = &member.status {
        step = step.at(
            format!(
                "status {} of {}, agent {}",
                status.sequence, status.time, status.agent
            ),
            None,
        );
    }
    step
}

/// Whether the cluster has seen the commit that is explained.
fn follows(facts: &Facts<'_>, name: &ClusterName, status: &ClusterStatus) -> Option<Step> {
    let hub = status.hub.as_ref()?;
    let here = &facts.survey.revision.commit_id;
    let question = "has the cluster seen this commit";
    Some(if hub.commit_id == *here {
        Step::new(question, Answer::Yes, format!("{name} follows {hub}"))
    } else {
        let text = format!(
            "{name} follows {}, not {}",
            hub.commit_id.short(),
            here.short()
        );
        Step::new(question, Answer::Waits, text).at(format!("its hub commit is {hub}"), None)
    })
}

/// What the cluster says of an Application.
pub(super) fn application(
    facts: &Facts<'_>,
    name: &ClusterName,
    key: &ApplicationKey,
) -> Vec<Step> {
    let mut steps = cluster(facts, name);
    let status = facts.status.and_then(|fleet| fleet.clusters.get(name));
    let Some(status) = status.and_then(|member| member.status.as_ref()) else {
        return steps;
    };
    let question = "what does the cluster say of it";
    let Some(app) = status.applications.get(&key.to_string()) else {
        let text = format!("{name} says nothing of {key} yet");
        steps.push(Step::new(question, Answer::Waits, text));
        return steps;
    };
    steps.push(said(question, key, app));
    steps
}

fn said(question: &str, key: &ApplicationKey, app: &ApplicationStatus) -> Step {
    let good = app.sync == SyncState::Synced
        && matches!(app.health, Health::Healthy | Health::Suspended)
        && app.problems.is_empty();
    let reasons: Vec<String> = app.problems.iter().map(|p| p.reason.to_string()).collect();
    let why = if reasons.is_empty() {
        String::new()
    } else {
        format!(" ({})", reasons.join(", "))
    };
    let text = format!(
        "{key} is {} and {}, {} of {} objects in sync{why}",
        app.sync, app.health, app.in_sync, app.objects
    );
    let answer = if good { Answer::Yes } else { Answer::Waits };
    let mut step = Step::new(question, answer, text).with(app.problems.clone());
    for (what, release) in [("applied", &app.applied), ("works towards", &app.desired)] {
        if let Some(release) = release {
            step = step.at(format!("{what} {}", release.hub), None);
        }
    }
    if let Some(pending) = &app.pending_deletions {
        step = step.at(
            format!(
                "{} for an approval of {}",
                pending.waiting(),
                pending.digest
            ),
            None,
        );
    }
    step
}

/// What the cluster says of an object.
pub(super) fn object(
    facts: &Facts<'_>,
    name: &ClusterName,
    key: &ApplicationKey,
    id: &ObjectId,
) -> Option<Step> {
    let status = facts.status?.clusters.get(name)?.status.as_ref()?;
    let app = status.applications.get(&key.to_string())?;
    let id = id.to_string();
    let problems: Vec<Problem> = app
        .problems
        .iter()
        .filter(|problem| problem.message.contains(&id))
        .cloned()
        .collect();
    let pending = app
        .pending_deletions
        .as_ref()
        .is_some_and(|p| p.objects.contains(&id));
    if problems.is_empty() && !pending {
        return None;
    }
    let text = if pending {
        format!("the deletion of {id} waits for an approval")
    } else {
        format!("{name} has trouble with {id}")
    };
    Some(
        Step::new(
            "what does the cluster say of the object",
            Answer::Waits,
            text,
        )
        .with(problems),
    )
}
