//! Health of live objects, and the order of applying and deleting, as Argo CD's own tests have them.
//!
//! `health/<folder>/manifest.yaml` lists objects and their health: rows that name a `group` are custom resources, the
//! others are built-in kinds. Other YAML files of `health/<folder>` have `cases` with tasks to sort or waves to reverse.
//! A health of Unknown, or none, where one is expected counts as refused: it misleads nobody.

use std::path::{Path, PathBuf};

use muster_model::{Budgets, Gvk, Node, ObjectId, yaml};
use muster_sync::health::{assess, assess_builtin};
use muster_sync::order::{Phase, PruneTask, Task, defined_kind, prune_waves, sort};
use muster_sync::{ObjectOptions, SYNC_WAVE};

use crate::corpus::{Case, Corpus, Outcome, folders};

/// Every folder of the format.
pub fn corpora(root: &Path) -> Vec<Corpus> {
    folders(&root.join("health"))
        .into_iter()
        .map(|(name, path)| Corpus {
            name: format!("health/{name}"),
            cases: if path.join("manifest.yaml").is_file() {
                objects(&path)
            } else {
                orders(&path)
            },
        })
        .collect()
}

fn objects(folder: &Path) -> Vec<Case> {
    let manifest = documents(&folder.join("manifest.yaml"));
    let rows = manifest.first().and_then(Node::as_list).unwrap_or_default();
    rows.iter().map(|row| object(folder, row)).collect()
}

fn object(folder: &Path, row: &Node) -> Case {
    let input = row.str_at(&["input"]).unwrap_or_default().to_owned();
    let expected = row.str_at(&["expect"]).map(ToOwned::to_owned);
    let is_custom = row.get("group").is_some();
    let path = folder.join(&input);
    Case {
        name: input,
        run: Box::new(move || {
            let object = documents(&path).into_iter().next().unwrap_or_default();
            let report = if is_custom {
                assess(&object)
            } else {
                assess_builtin(&object)
            };
            let found = report.map(|report| report.health.to_string());
            match found.as_deref() {
                _ if found == expected => Outcome::Exact,
                None | Some("Unknown") => {
                    Outcome::Refused(format!("{found:?}, expected {expected:?}"))
                }
                Some(_) => Outcome::Wrong(format!("{found:?}, expected {expected:?}")),
            }
        }),
    }
}

fn orders(folder: &Path) -> Vec<Case> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder)
        .into_iter()
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "yaml")
        })
        .collect();
    files.sort();
    files.iter().flat_map(|file| order_cases(file)).collect()
}

fn order_cases(file: &Path) -> Vec<Case> {
    let stem = file
        .file_stem()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    let document = documents(file).into_iter().next().unwrap_or_default();
    list(&document, "cases")
        .iter()
        .map(|row| {
            let row = row.clone();
            let name = row.str_at(&["name"]).unwrap_or_default();
            Case {
                name: format!("{stem}::{name}"),
                run: Box::new(move || {
                    if row.get("objects").is_some() {
                        waves(&row)
                    } else {
                        order(&row)
                    }
                }),
            }
        })
        .collect()
}

fn order(row: &Node) -> Outcome {
    let mut tasks: Vec<Task> = list(row, "input").iter().map(task).collect();
    sort(&mut tasks);
    let ids = |tasks: Vec<Task>| tasks.into_iter().map(|task| task.id).collect::<Vec<_>>();
    let expected = ids(list(row, "expect").iter().map(task).collect());
    let found = ids(tasks);
    if found == expected {
        Outcome::Exact
    } else {
        Outcome::Wrong(format!("{found:?}, expected {expected:?}"))
    }
}

fn task(row: &Node) -> Task {
    let target = row.get("target").cloned().unwrap_or_default();
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
        defines: defined_kind(&target),
    }
}

fn waves(row: &Node) -> Outcome {
    let objects = list(row, "objects");
    let tasks: Vec<PruneTask> = objects.iter().map(prune_task).collect();
    let found = prune_waves(&tasks, is_true(row, "pruneLast"));
    for (object, wave) in objects.iter().zip(found) {
        let name = object.str_at(&["name"]).unwrap_or_default();
        let expected = row.at_path(&["expectWave", name]).and_then(Node::as_int);
        if expected != Some(i64::from(wave)) {
            return Outcome::Wrong(format!("{name}: wave {wave}, expected {expected:?}"));
        }
    }
    Outcome::Exact
}

fn prune_task(object: &Node) -> PruneTask {
    let wave = object.get("wave").and_then(Node::as_int).unwrap_or(0);
    let options = ObjectOptions::parse(object.str_at(&["syncOptions"]).unwrap_or_default());
    PruneTask {
        wave: i32::try_from(wave).unwrap_or(i32::MAX),
        prune: is_true(object, "live") && !is_true(object, "target"),
        last: options.prune_last,
    }
}

fn is_true(node: &Node, key: &str) -> bool {
    node.get(key).and_then(Node::as_bool) == Some(true)
}

fn list<'a>(node: &'a Node, key: &str) -> &'a [Node] {
    node.get(key).and_then(Node::as_list).unwrap_or_default()
}

fn documents(path: &Path) -> Vec<Node> {
    let mut text = std::fs::read_to_string(path).expect("a case can be read");
    loop {
        match yaml::read(text.as_bytes(), &Budgets::default(), 0) {
            Ok(documents) => return documents,
            Err(error) => text = without_repeated_key(&text, error.line() as usize - 1),
        }
    }
}

/// Live objects arrive as JSON, where the last of two equal keys wins, and one case relies on it. Takes the block of
/// the first of the two away.
fn without_repeated_key(text: &str, second: usize) -> String {
    let lines: Vec<_> = text.lines().collect();
    let indent = |line: &str| line.len() - line.trim_start().len();
    let depth = indent(lines[second]);
    let first = (0..second)
        .rev()
        .find(|&i| lines[i] == lines[second])
        .expect("the YAML repeats a key");
    let end = (first + 1..second)
        .find(|&i| indent(lines[i]) <= depth)
        .unwrap_or(second);
    [&lines[..first], &lines[end..]].concat().join("\n")
}
