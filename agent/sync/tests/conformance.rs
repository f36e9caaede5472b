//! Runs the health corpora, read in place; where they are absent every test says so and passes.
#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_macros,
    clippy::print_stdout,
    reason = "a test reads the corpora in place and says what it found"
)]

use std::path::{Path, PathBuf};

use muster_model::{Budgets, Gvk, Node, ObjectId, yaml};
use muster_sync::health::{assess, assess_builtin};
use muster_sync::order::{Phase, PruneTask, Task, defined_kind, prune_waves, sort};
use muster_sync::{ObjectOptions, SYNC_WAVE};

fn corpus(name: &str) -> Option<PathBuf> {
    let root = std::env::var_os("MUSTER_CONFORMANCE").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/conformance"),
        PathBuf::from,
    );
    let folder = root.join("health").join(name);
    if folder.is_dir() {
        Some(folder)
    } else {
        println!("SKIPPED: {} is not there", folder.display());
        None
    }
}

fn documents(path: &Path) -> Vec<Node> {
    let mut text = std::fs::read_to_string(path).expect("a readable case");
    loop {
        match yaml::read(text.as_bytes(), &Budgets::default(), 0) {
            Ok(documents) => return documents,
            Err(error) => text = without_repeated_key(&text, error.line() as usize - 1),
        }
    }
}

/// Live objects arrive as JSON, where the last of two equal keys wins; one case of the corpus relies on it. Takes the
/// block of the first of the two away.
fn without_repeated_key(text: &str, second: usize) -> String {
    let lines: Vec<_> = text.lines().collect();
    let indent = |line: &str| line.len() - line.trim_start().len();
    let depth = indent(lines[second]);
    let first = (0..second)
        .rev()
        .find(|&i| lines[i] == lines[second])
        .expect("a repeated key");
    let end = (first + 1..second)
        .find(|&i| indent(lines[i]) <= depth)
        .unwrap_or(second);
    [&lines[..first], &lines[end..]].concat().join("\n")
}

fn cases(folder: &Path) -> Vec<(String, Option<String>, Node)> {
    let manifest = documents(&folder.join("manifest.yaml"));
    let rows = manifest[0].as_list().expect("a list of cases");
    rows.iter()
        .map(|row| {
            let input = row.str_at(&["input"]).expect("input").to_owned();
            let expect = row.str_at(&["expect"]).map(ToOwned::to_owned);
            let object = documents(&folder.join(&input)).remove(0);
            (input, expect, object)
        })
        .collect()
}

#[test]
fn built_in_kinds_have_the_health_that_gitops_engine_gives_them() {
    let Some(folder) = corpus("gitops-engine") else {
        return;
    };
    for (input, expect, object) in cases(&folder) {
        let health = assess_builtin(&object).map(|r| r.health.to_string());
        assert_eq!(health, expect, "{input}");
    }
}

#[test]
fn custom_resources_have_the_health_that_argo_cd_gives_them_or_unknown() {
    let Some(folder) = corpus("customizations") else {
        return;
    };
    let (mut right, mut unknown, mut wrong) = (0, Vec::new(), Vec::new());
    for (input, expect, object) in cases(&folder) {
        let health = assess(&object).map(|r| r.health.to_string());
        match health.as_deref() {
            _ if health == expect => right += 1,
            None | Some("Unknown") => unknown.push(input),
            Some(_) => wrong.push((input, expect, health)),
        }
    }
    println!("right {right}, unknown {unknown:?}, wrong {wrong:?}");
    assert!(wrong.is_empty(), "{wrong:?}");
}

fn list<'a>(node: &'a Node, key: &str) -> &'a [Node] {
    node.get(key).and_then(Node::as_list).expect("a list")
}

fn task(row: &Node) -> Task {
    let target = row.get("target").expect("a target");
    let text = |path: &[&str]| target.str_at(path).unwrap_or_default();
    let gvk = Gvk::parse(text(&["apiVersion"]), text(&["kind"]));
    Task {
        phase: match row.str_at(&["phase"]) {
            Some("PreSync") => Phase::PreSync,
            Some("PostSync") => Phase::PostSync,
            Some("SyncFail") => Phase::SyncFail,
            _ => Phase::Sync,
        },
        wave: text(&["metadata", "annotations", SYNC_WAVE])
            .parse()
            .unwrap_or(0),
        id: ObjectId::new(
            gvk.group,
            gvk.kind,
            text(&["metadata", "namespace"]),
            text(&["metadata", "name"]),
        ),
        defines: defined_kind(target),
    }
}

#[test]
fn objects_are_applied_in_argo_cds_order() {
    let Some(folder) = corpus("sync") else {
        return;
    };
    let file = documents(&folder.join("sort_tasks.yaml")).remove(0);
    for case in list(&file, "cases") {
        let name = case.str_at(&["name"]).expect("a name");
        let mut tasks: Vec<_> = list(case, "input").iter().map(task).collect();
        sort(&mut tasks);
        let ids = |tasks: Vec<Task>| tasks.into_iter().map(|t| t.id).collect::<Vec<_>>();
        let expected = list(case, "expect").iter().map(task).collect();
        assert_eq!(ids(tasks), ids(expected), "{name}");
    }
}

#[test]
fn deletions_take_effect_in_argo_cds_waves() {
    let Some(folder) = corpus("sync") else {
        return;
    };
    let file = documents(&folder.join("prune_wave_reorder.yaml")).remove(0);
    for case in list(&file, "cases") {
        let name = case.str_at(&["name"]).expect("a name");
        let bool_of = |node: &Node, key: &str| node.get(key).and_then(Node::as_bool) == Some(true);
        let objects = list(case, "objects");
        let tasks: Vec<_> = objects
            .iter()
            .map(|object| PruneTask {
                wave: i32::try_from(object.get("wave").and_then(Node::as_int).unwrap_or(0))
                    .expect("a small wave"),
                prune: bool_of(object, "live") && !bool_of(object, "target"),
                last: ObjectOptions::parse(object.str_at(&["syncOptions"]).unwrap_or_default())
                    .prune_last,
            })
            .collect();
        let waves = prune_waves(&tasks, bool_of(case, "pruneLast"));
        for (object, wave) in objects.iter().zip(waves) {
            let object_name = object.str_at(&["name"]).expect("a name");
            let expected = case
                .at_path(&["expectWave", object_name])
                .and_then(Node::as_int);
            assert_eq!(Some(i64::from(wave)), expected, "{name} {object_name}");
        }
    }
}
