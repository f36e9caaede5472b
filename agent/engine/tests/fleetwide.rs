//! Questions about a whole fleet, answered from trees in memory: what is remembered, what is explained, what is planned.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use muster_engine::each::one_by_one;
use muster_engine::explain::{Facts, Outcome, explain, fleetwide};
use muster_engine::fleet_plan::{Scope, Side, fleet_plan};
use muster_engine::survey::{Memory, Question, Survey, survey};
use muster_engine::{Commits, FleetPlan, Need, SourceState};
use muster_model::status::{ApplicationStatus, ClusterState, ClusterStatus};
use muster_model::{
    ClusterName, CommitId, Health, MemoryTree, Problem, Reason, RepoPath, Revision, SyncState,
};
use muster_status::fleet::Member;
use muster_status::{FleetStatus, Standing};

const URL: &str = "https://git.example.com/org/hub.git";

/// The clusters of the on-call question.
const FLEET: &str = "\
apiVersion: muster.dev/v1alpha1
kind: Fleet
metadata: {name: shop}
spec:
  clusters:
    - {name: east, labels: {shop: 'true'}}
    - {name: west, labels: {shop: 'true'}}
    - {name: silent, labels: {shop: 'true'}}
    - {name: held, labels: {shop: 'true'}}
    - {name: behind, labels: {shop: 'true'}}
  repositories: [{url: 'https://git.example.com/org/hub.git', self: true}]
  resources: [argo.yaml]
";

/// The project, and an ApplicationSet called as its directory.
fn argo(path: &str) -> String {
    format!("{PROJECT}---\n{}", set("shop", path))
}

const PROJECT: &str = "\
apiVersion: argoproj.io/v1alpha1
kind: AppProject
metadata: {name: shop}
spec:
  sourceRepos: ['https://git.example.com/org/hub.git']
  destinations: [{server: '*', namespace: shop}]
";

fn set(name: &str, path: &str) -> String {
    format!(
        "\
apiVersion: argoproj.io/v1alpha1
kind: ApplicationSet
metadata: {{name: {name}}}
spec:
  goTemplate: true
  generators: [{{clusters: {{selector: {{matchLabels: {{shop: 'true'}}}}}}}}]
  template:
    metadata: {{name: '{name}-{{{{.name}}}}'}}
    spec:
      project: shop
      source: {{repoURL: '{URL}', targetRevision: main, path: '{path}'}}
      destination: {{server: '{{{{.server}}}}', namespace: shop}}
      syncPolicy: {{automated: {{prune: true}}}}
"
    )
}

fn config(name: &str, value: &str) -> String {
    format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}}}\ndata: {{a: '{value}'}}\n")
}

fn commits(digit: &str, files: &[(&str, &str)]) -> Commits {
    let revision = Revision {
        name: "main".to_owned(),
        commit_id: CommitId::new(digit.repeat(40)).expect("an id"),
    };
    let mut commits = Commits::of_hub("hub", revision, Arc::new(MemoryTree::of(files.to_vec())));
    let state = SourceState::At(commits.hub.clone(), Arc::clone(&commits.hub_tree));
    let main = muster_engine::SourceRef {
        repository: "hub".to_owned(),
        name: "main".to_owned(),
    };
    commits.sources.insert(main, state);
    commits
}

fn fleet_file() -> RepoPath {
    RepoPath::new("fleet.yaml").expect("a path")
}

fn asked<T>(
    commits: &Commits,
    memory: &Memory,
    ask: impl Fn(&Question<'_>) -> Result<T, Need>,
) -> T {
    let fleet_file = fleet_file();
    let question = Question {
        commits,
        fleet_file: &fleet_file,
        memory,
        each: &one_by_one,
    };
    ask(&question).expect("because nothing is missing")
}

fn name(text: &str) -> ClusterName {
    ClusterName::new(text).expect("a name")
}

fn status(cluster: &str, hub: &Revision, problems: Vec<Problem>) -> ClusterStatus {
    let now: Timestamp = "2026-01-01T00:00:00Z".parse().expect("a time");
    let held = !problems.is_empty();
    let application = ApplicationStatus {
        set: Some("shop".to_owned()),
        applied: None,
        desired: None,
        sync: if held {
            SyncState::OutOfSync
        } else {
            SyncState::Synced
        },
        health: Health::Healthy,
        since: now,
        objects: 1,
        in_sync: 1,
        healed: 0,
        pending_deletions: None,
        problems,
        more_problems: 0,
    };
    ClusterStatus {
        api_version: "muster.dev/v1alpha1".to_owned(),
        kind: "ClusterStatus".to_owned(),
        fleet: "shop".to_owned(),
        cluster: name(cluster),
        sequence: 7,
        time: now,
        agent: "0.1.0".to_owned(),
        key: String::new(),
        heartbeat_seconds: 900,
        state: ClusterState::Active,
        hub: Some(hub.clone()),
        serial: 0,
        applications: BTreeMap::from([(format!("shop/shop-{cluster}"), application)]),
        problems: Vec::new(),
    }
}

fn member(standing: Standing, status: Option<ClusterStatus>) -> Member {
    Member {
        standing,
        age_seconds: status
            .as_ref()
            .map(|_| SignedDuration::from_mins(5).as_secs()),
        status,
        refused: None,
    }
}

/// Five expected, three received: west never spoke, one is silent, one is held, one is behind.
fn reported(survey: &Survey) -> FleetStatus {
    let here = &survey.revision;
    let before = Revision {
        name: "main".to_owned(),
        commit_id: CommitId::new("0".repeat(40)).expect("an id"),
    };
    let gate = Problem::new(Reason::WaitingForStep, "waits for west to pass step 1");
    FleetStatus {
        clusters: BTreeMap::from([
            (
                name("east"),
                member(Standing::Reporting, Some(status("east", here, vec![]))),
            ),
            (name("west"), member(Standing::NeverReported, None)),
            (
                name("silent"),
                member(Standing::Silent, Some(status("silent", here, vec![]))),
            ),
            (
                name("held"),
                member(Standing::Reporting, Some(status("held", here, vec![gate]))),
            ),
            (
                name("behind"),
                member(Standing::Reporting, Some(status("behind", &before, vec![]))),
            ),
        ]),
    }
}

#[test]
fn who_is_silent_held_or_behind_is_told_from_the_statuses() {
    let argo = argo("app");
    let config = config("a", "1");
    let commits = commits(
        "1",
        &[
            ("fleet.yaml", FLEET),
            ("argo.yaml", &argo),
            ("app/a.yaml", &config),
        ],
    );
    let memory = Memory::new(Vec::new());
    let found = asked(&commits, &memory, survey);
    let fleet = reported(&found);
    let answer = asked(&commits, &memory, |question| {
        let facts = Facts {
            survey: &found,
            question,
            status: Some(&fleet),
        };
        fleetwide(facts, "shop", &[name("ghost")])
    });
    let said: Vec<(&str, Outcome, &str)> = answer
        .explanations
        .iter()
        .map(|e| (e.cluster.as_str(), e.outcome, e.conclusion.as_str()))
        .collect();
    assert_eq!(
        said,
        [
            ("east", Outcome::Runs, "east should have shop/shop-east"),
            ("west", Outcome::Waits, "west has never reported"),
            (
                "silent",
                Outcome::Waits,
                "silent is silent: its last word is 5m old"
            ),
            (
                "held",
                Outcome::Waits,
                "shop/shop-held is OutOfSync and Healthy, 1 of 1 objects in sync (WaitingForStep)"
            ),
            (
                "behind",
                Outcome::Waits,
                "behind follows 0000000000, not 1111111111"
            ),
            (
                "ghost",
                Outcome::Lacks,
                "the fleet file has no cluster ghost"
            ),
        ]
    );
    assert_eq!((answer.expected, answer.running), (5, 1));
}

#[test]
fn a_step_names_the_file_and_line_that_show_it() {
    let argo = argo("app");
    let fleet = FLEET.replace(
        "{name: west, labels: {shop: 'true'}}",
        "{name: west, labels: {shops: 'true'}}",
    );
    let config = config("a", "1");
    let commits = commits(
        "1",
        &[
            ("fleet.yaml", &fleet),
            ("argo.yaml", &argo),
            ("app/a.yaml", &config),
        ],
    );
    let memory = Memory::new(Vec::new());
    let found = asked(&commits, &memory, survey);
    let answer = asked(&commits, &memory, |question| {
        let facts = Facts {
            survey: &found,
            question,
            status: None,
        };
        explain(facts, &name("west"), Some("shop"))
    });
    assert_eq!(answer.outcome, Outcome::Lacks);
    assert_eq!(
        answer.conclusion,
        "shop does not select west: label shop is missing (there is shops), and the selector asks that it is \"true\""
    );
    let evidence: Vec<String> = answer
        .steps
        .iter()
        .flat_map(|step| &step.evidence)
        .filter_map(|evidence| evidence.at.as_ref().map(ToString::to_string))
        .collect();
    assert_eq!(
        evidence,
        [
            "fleet.yaml:7",
            "fleet.yaml:7",
            "argo.yaml:8",
            "argo.yaml:13"
        ]
    );
}

fn planned(old: &[(&str, &str)], new: &[(&str, &str)]) -> FleetPlan {
    let (from, to) = (commits("1", old), commits("2", new));
    let memory = Memory::new(b"key".to_vec());
    let before = asked(&from, &memory, survey);
    let after = asked(&to, &memory, survey);
    asked(&to, &memory, |question| {
        let of_old = Question {
            commits: &from,
            ..*question
        };
        let from = Side {
            survey: &before,
            question: &of_old,
        };
        let to = Side {
            survey: &after,
            question,
        };
        fleet_plan(Some(from), to, &Scope::default())
    })
}

#[test]
fn an_object_that_another_application_takes_over_moves() {
    let one = argo("app");
    let both = format!("{one}---\n{}", set("other", "other"));
    let (a, b) = (config("a", "1"), config("b", "1"));
    let plan = planned(
        &[
            ("fleet.yaml", FLEET),
            ("argo.yaml", &one),
            ("app/a.yaml", &a),
            ("app/b.yaml", &b),
        ],
        &[
            ("fleet.yaml", FLEET),
            ("argo.yaml", &both),
            ("app/a.yaml", &a),
            ("other/b.yaml", &b),
        ],
    );
    let objects = plan.summary.objects;
    assert_eq!(
        (objects.moved, objects.appear, objects.disappear),
        (5, 0, 0),
        "{plan}"
    );
    assert_eq!(plan.summary.approvals_missing, 0);
}

#[test]
fn one_approval_is_for_all_applications_that_lose_the_same() {
    let (argo, a, b) = (
        argo("app"),
        config("a", "1"),
        "apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {name: data}\n",
    );
    let plan = planned(
        &[
            ("fleet.yaml", FLEET),
            ("argo.yaml", &argo),
            ("app/a.yaml", &a),
            ("app/b.yaml", b),
        ],
        &[
            ("fleet.yaml", FLEET),
            ("argo.yaml", &argo),
            ("app/a.yaml", &a),
        ],
    );
    assert_eq!(plan.approvals.len(), 1, "{plan}");
    let entry = &plan.approvals[0].entry;
    assert_eq!(entry.application_set.as_deref(), Some("shop"));
    assert_eq!(plan.approvals[0].applications.len(), 5);
    let approved = FLEET.to_owned() + "  approvals:\n" + &entry.yaml();
    let again = planned(
        &[
            ("fleet.yaml", FLEET),
            ("argo.yaml", &argo),
            ("app/a.yaml", &a),
            ("app/b.yaml", b),
        ],
        &[
            ("fleet.yaml", &approved),
            ("argo.yaml", &argo),
            ("app/a.yaml", &a),
        ],
    );
    assert_eq!(again.summary.approvals_missing, 0, "{again}");
    assert!(again.approvals[0].given);
}

#[test]
fn what_was_remembered_gives_the_same_answer_and_damage_is_passed_over() {
    let (argo, a) = (argo("app"), config("a", "1"));
    let files = [
        ("fleet.yaml", FLEET),
        ("argo.yaml", argo.as_str()),
        ("app/a.yaml", a.as_str()),
    ];
    let first = Memory::new(b"key".to_vec());
    let found = asked(&commits("1", &files), &first, survey);
    assert_eq!((first.news() > 0, found.renders), (true, 1));
    let lines = first.lines();
    let digests = |survey: &Survey| -> Vec<_> {
        let all = survey
            .all()
            .map(|app| app.content.expect("rendered").digest);
        all.collect()
    };
    let second = Memory::new(b"key".to_vec()).with_lines(&lines);
    let again = asked(&commits("1", &files), &second, survey);
    assert_eq!((second.news(), digests(&again)), (0, digests(&found)));
    for damaged in [
        lines.replace("ConfigMap", "Secret"),
        lines[..lines.len() / 2].to_owned(),
        "x".to_owned(),
    ] {
        let memory = Memory::new(b"key".to_vec()).with_lines(&damaged);
        let again = asked(&commits("1", &files), &memory, survey);
        assert_eq!(
            (memory.news() > 0, digests(&again)),
            (true, digests(&found))
        );
    }
    let changed = config("a", "2");
    let files = [
        ("fleet.yaml", FLEET),
        ("argo.yaml", argo.as_str()),
        ("app/a.yaml", changed.as_str()),
    ];
    let third = Memory::new(b"key".to_vec()).with_lines(&lines);
    let other = asked(&commits("2", &files), &third, survey);
    assert_ne!(digests(&other), digests(&found));
}
